"""Every registered oracle keeps the laws, on outputs of the kind it judges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlfuzz.oracles.base import ORACLES, Oracle
from mlfuzz.oracles.metamorphic import Label, Tolerance
from mlfuzz.oracles.numeric import Nonfinite
from mlfuzz.testing import examples
from mlfuzz.testing.examples import Example
from mlfuzz.testing.oracles import LAWS, Law

Case = tuple[Callable[[], Oracle], Callable[[], Example]]

CASES: dict[str, tuple[Case, ...]] = {
    "nonfinite": ((Nonfinite, examples.nonfinite),),
    "label": ((Label, examples.scores),),
    "tolerance": (
        (lambda: Tolerance(bound=0.5), examples.values),
        (lambda: Tolerance(mse=0.04), lambda: examples.values(3)),
    ),
}


def test_every_registered_oracle_stands_before_the_laws() -> None:
    assert set(CASES) == set(ORACLES.names())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{name}-{at}") for name, cases in CASES.items() for at, case in enumerate(cases)]
)
def test_a_registered_oracle_keeps_the_law(case: Case, law: Law) -> None:
    make, example = case
    law(make, example())
