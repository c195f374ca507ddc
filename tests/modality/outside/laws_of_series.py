import acme_series
import pytest

from mlfuzz.mutators.base import MUTATORS
from mlfuzz.testing import distances, modalities, mutators
from mlfuzz.testing.rows import example_modalities


@pytest.mark.parametrize("law", modalities.LAWS)
@pytest.mark.parametrize("modality", example_modalities("series"), ids=repr)
def test_modality(modality, law):
    law(modality)


@pytest.mark.parametrize("law", distances.LAWS)
@pytest.mark.parametrize("modality", example_modalities("series"), ids=repr)
def test_distance(modality, law):
    law(acme_series.DISTANCE, modality)


@pytest.mark.parametrize("law", mutators.LAWS)
@pytest.mark.parametrize("name", [part.name for part in MUTATORS if part.modality == "series"])
@pytest.mark.parametrize("modality", example_modalities("series"), ids=repr)
def test_mutator(modality, name, law):
    law(MUTATORS.get(name), modality)
