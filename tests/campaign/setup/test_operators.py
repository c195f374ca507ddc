"""The limits of a campaign: what nothing counts towards is refused, what is not named stays."""

from __future__ import annotations

import pytest

from mlfuzz.campaign.setup.operators import limits_of
from mlfuzz.campaign.spec import spec_of
from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import select


def limits(**own):
    modality = own.pop("modality", "image")
    spec = spec_of({"target": "", "preset": own.pop("preset", "mixed"), "limits": own})
    return limits_of(spec, modality, select(modality, own.pop("mutators", ())))


def test_a_sum_that_is_named_leaves_the_others_as_they_are():
    assert limits(sums={"rotation": 10}).sums == {"rotation": 10, "shift": 0.2}
    assert limits(sums={}).sums == {}
    assert limits(preset="deephunter", sums={"rotation": 10}).sums == {"rotation": 10}
    assert limits(preset="deephunter").uses == {"geometry": 1}
    assert limits(preset="deephunter", uses={"blur": 2}).uses == {"geometry": 1, "blur": 2}


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"sums": {"image.rotate": 10}}, "nothing counts towards sums.image.rotate"),
        ({"sums": {"rotations": 10}}, "did you mean 'rotation'"),
        ({"uses": {"geometri": 1}}, "did you mean 'geometry'"),
        ({"sums": {"pitch": 1}}, "nothing counts towards sums.pitch"),
        ({"sums": {"rotation": 10, "gain": 1}, "modality": "text"}, "nothing counts towards sums.gain"),
        ({"rotation": 10}, "unknown limit 'rotation'"),
    ],
)
def test_a_limit_that_would_do_nothing_is_refused(own, words):
    with pytest.raises(ConfigError) as caught:
        limits(**own)
    assert words in str(caught.value)
