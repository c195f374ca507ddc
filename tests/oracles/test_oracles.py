"""Every registered oracle keeps the laws, on outputs of the kind it judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlfuzz.mutation import Mutation
from mlfuzz.oracles.base import ORACLES, Oracle
from mlfuzz.oracles.differential import Differ
from mlfuzz.oracles.differential_majority import Majority
from mlfuzz.oracles.frames import Frames
from mlfuzz.oracles.grades import Grades
from mlfuzz.oracles.label_set import LabelSet
from mlfuzz.oracles.metamorphic import Label, Tolerance
from mlfuzz.oracles.numeric import Nonfinite
from mlfuzz.oracles.relation import Relation
from mlfuzz.oracles.resource import Latency, Length, Memory
from mlfuzz.oracles.sequence import CharacterErrorRate, TextEqual, TokenErrorRate, WordErrorRate
from mlfuzz.oracles.vector import Cosine, Neighbour
from mlfuzz.testing import examples
from mlfuzz.testing.examples import Example
from mlfuzz.testing.oracles import LAWS, Law

GALLERY = Path(__file__).with_name("gallery.npy")
"""Six vectors of 16 values: numpy.random.default_rng(0).standard_normal((6, 16)), float32."""

Case = tuple[Callable[[], Oracle], Callable[[], Example]]

CASES: dict[str, tuple[Case, ...]] = {
    "nonfinite": ((Nonfinite, examples.nonfinite),),
    "label": (
        (Label, examples.scores),
        (lambda: Label(threshold=0.5), lambda: examples.scores(2)),
        (Label, examples.names),
    ),
    "label_set": (
        (LabelSet, examples.several),
        (lambda: LabelSet(threshold=0.5), lambda: examples.several(threshold=0.5)),
    ),
    "grades": (
        (Grades, examples.scores),
        (Grades, lambda: replace(examples.values(change=3.0), wrong=None)),
        (lambda: Grades(bound=2), lambda: examples.values(change=3.0)),
    ),
    "tokens": ((TokenErrorRate, examples.tokens),),
    "tolerance": (
        (lambda: Tolerance(bound=0.5), examples.values),
        (lambda: Tolerance(mse=0.04), lambda: examples.values(3)),
    ),
    "text_equal": ((TextEqual, examples.texts), (TextEqual, examples.tokens)),
    "wer": ((WordErrorRate, examples.texts), (WordErrorRate, examples.tokens)),
    "cer": ((CharacterErrorRate, examples.texts),),
    "cosine": ((Cosine, examples.vectors),),
    "neighbour": ((lambda: Neighbour(gallery=str(GALLERY)), lambda: replace(examples.vectors(), wrong=None)),),
    "frames": ((Frames, examples.frames), (Frames, lambda: examples.frames(3))),
    "differ": (
        (lambda: Differ(of="bf16"), lambda: examples.compared(examples.scores())),
        (lambda: Differ(of="compile", bound=0.5), lambda: examples.compared(examples.values(3), "compile")),
        (
            lambda: Differ(of="zoo:old", by="text"),
            lambda: replace(examples.compared(examples.texts(), "zoo:old"), wrong=None),
        ),
        (lambda: Differ(of="bf16", by="value", bound=0.5), lambda: examples.compared(examples.tokens())),
    ),
    "majority": ((lambda: Majority(of=["m1", "m2"]), lambda: examples.voted(examples.scores())),),
    "latency": ((Latency, examples.costs),),
    "memory": ((Memory, lambda: examples.costs("cost-bytes", own=1e6)),),
    "length": (
        (Length, examples.lengths),
        (lambda: Length(of="operations"), lambda: examples.costs("cost-operations", own=20.0)),
    ),
    "relation": (
        (
            lambda: Relation("up", monotone="decibels", mutators=["audio.*"]),
            lambda: examples.related("audio.gain", "decibels", 6.0, change=-0.5),
        ),
        (
            lambda: Relation("down", monotone="decibels", falls=True, of=0, mutators=["audio.gain"]),
            lambda: examples.related("audio.gain", "decibels", 6.0, change=0.5, width=3),
        ),
        (lambda: Relation("near", bounded=0.1, mutators=["image.blur_*"]), lambda: _known(examples.values())),
        (lambda: Relation("kept", invariant=True, mutators=["image.blur_*"]), lambda: _known(examples.scores())),
        (
            lambda: Relation("turned", equivariant=[0, 1, 2, 3, 4], mutators=["image.*"]),
            lambda: _known(examples.scores()),
        ),
        (
            lambda: Relation("mirrored", equivariant="same", within=0.1, mutators=["image.*"]),
            lambda: _known(examples.values(2)),
        ),
    ),
}


def _known(example: Example) -> Example:
    """The same rows, each known to have been blurred."""
    return replace(example, batch=replace(example.batch, chains=lambda row: (Mutation("image.blur_mean"),)))


def test_every_registered_oracle_stands_before_the_laws() -> None:
    shipped = {name for name in ORACLES.names() if ORACLES.get(name).__module__.startswith("mlfuzz.")}
    assert set(CASES) == shipped


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{name}-{at}") for name, cases in CASES.items() for at, case in enumerate(cases)]
)
def test_a_registered_oracle_keeps_the_law(case: Case, law: Law) -> None:
    make, example = case
    law(make, example())
