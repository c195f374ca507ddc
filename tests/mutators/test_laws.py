"""Every registered mutator keeps every law, on every grid of its modality."""

from __future__ import annotations

import pytest

from mlfuzz.mutators.base import MUTATORS
from mlfuzz.testing.mutators import LAWS, Law
from mlfuzz.testing.rows import example_modalities

DEAR = 1024
"""Of this cost an operator's laws take half a minute: an encoder for speech."""

NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if MUTATORS.get(name).cost >= DEAR else name for name in MUTATORS.names()
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_a_registered_mutator_keeps_the_law(name: str, law: Law) -> None:
    part = MUTATORS.get(name)
    for modality in example_modalities(part.modality):
        try:
            law(part, modality)
        except AssertionError as error:
            error.add_note(f"on {modality}")
            raise
