"""Every registered criterion keeps the laws, as it comes and with its other options."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from mlfuzz.coverage.base import CRITERIA
from mlfuzz.coverage.combine import mixed
from mlfuzz.coverage.novelty import Novelty
from mlfuzz.coverage.sections import sections
from mlfuzz.testing.criteria import (
    CriterionLaws,
    Make,
    a_black_box_can_be_covered,
    a_second_time_gains_nothing,
    laws_for,
    loaded_rows_gain_nothing,
    something_gains,
    what_is_not_finite_stays_so_in_the_features,
)
from mlfuzz.testing.stream import LAYERS

VARIANTS: dict[str, Make] = {
    **{name: partial(CRITERIA.get(name), layers=LAYERS) for name in CRITERIA.names()},
    "novelty fixed": partial(Novelty, radius=2.0, standardise=False, features="logits", layers=LAYERS),
    "novelty of one number": partial(Novelty, radius=1.5, features="sum_abs_logits", layers=LAYERS),
    "novelty of the last layer": partial(Novelty, features="penultimate", layers=LAYERS),
    "kmnc of ten": partial(sections, k=10, layers=LAYERS),
    "mixed, monotone": partial(mixed, parts=["nc", {"name": "novelty", "radius": 3.0}], layers=LAYERS),
}

EXEMPT = {
    "nlc": {a_second_time_gains_nothing, loaded_rows_gain_nothing},
    "none": {something_gains, what_is_not_finite_stays_so_in_the_features, a_black_box_can_be_covered},
}
"""NLC is a variance: an outlier seen once more may add to it once more. It is why it guides nothing by default.
"none" looks at nothing, by intent."""

CASES = [
    pytest.param(make, law, id=f"{name}: {law.__name__}")
    for name, make in VARIANTS.items()
    for law in laws_for(make())
    if law not in EXEMPT.get(name, set())
]


@pytest.mark.parametrize(("make", "law"), CASES)
def test_a_registered_criterion_keeps_the_law(make: Make, law: Callable[[Make], None]) -> None:
    law(make)


class TestNovelty(CriterionLaws):
    """As a third party would hold its own criterion to the laws."""

    def criterion(self) -> Novelty:
        return Novelty(layers=LAYERS)
