"""Every registered modality keeps every law, in each of its example shapes; and so does its distance."""

from __future__ import annotations

import pytest

from mlfuzz.modality.base import MODALITIES
from mlfuzz.mutators.limits.distance import DISTANCES
from mlfuzz.testing import distances, modalities
from mlfuzz.testing.rows import example_modalities

EXAMPLES = [modality for name in MODALITIES.names() for modality in example_modalities(name)]


@pytest.mark.parametrize("law", modalities.LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("modality", EXAMPLES, ids=repr)
def test_a_registered_modality_keeps_the_law(modality, law):
    law(modality)


@pytest.mark.parametrize("law", distances.LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("modality", EXAMPLES, ids=repr)
def test_a_registered_distance_keeps_the_law(modality, law):
    law(DISTANCES.get(modality.name), modality)
