"""Our operators beside those of the libraries, microseconds a row."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlfuzz.batch import Rows, TextRows
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.base import Modality
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.mutators.base import MUTATORS, Mutator
from mlfuzz.testing.rows import example_rows
from peers_parts import libraries
from peers_parts.pictures import CALLS, PICTURES
from peers_parts.sounds import SOUNDS, audiomentations_of
from peers_parts.texts import TEXTS, nlpaug_of
from peers_parts.turns import least_seconds

Run = Callable[[], object]

SENTENCE = "The committee did not like the film, it is about two small dogs that find a large cafe in the old street."

ROUNDS = 5

MODALITIES: Mapping[str, tuple[str, Modality, tuple[str, ...]]] = {
    "images": ("image", Image((32, 32), 3), ("torchvision", "kornia.augmentation", "albumentations")),
    "audio": ("audio", Audio(), ("audiomentations",)),
    "text": ("text", Text(max_chars=1000), ("nlpaug.augmenter.char", "nlpaug.augmenter.word")),
}
"""Ours, and what must be installed for theirs."""


def table(part: str, *, rows: int, seconds: float, only: Sequence[str] = ()) -> Iterator[dict[str, object]]:
    """One line an operator of the default set. Raises ModuleNotFoundError with what to run."""
    name, modality, needed = MODALITIES[part]
    if gone := libraries.missing(*needed):
        raise ModuleNotFoundError(gone)
    given = rows_of(modality, rows)
    for operator in MUTATORS:
        short = operator.name.partition(".")[2]
        if operator.modality == name and operator.default and (not only or short in only):
            yield {"bench": "peers", "operator": operator.name, "rows": rows, **beside(operator, given, seconds)}


def rows_of(modality: Modality, count: int) -> Rows:
    """Examples; of text a hundred characters each."""
    if isinstance(modality, Text):
        return TextRows(tuple(SENTENCE[row % 7 :] for row in range(count)), modality)
    return example_rows(modality, count)


def beside(operator: Mutator, rows: Rows, seconds: float) -> dict[str, object]:
    """Microseconds a row: ours, each library's, and the ratio to the fastest of them."""
    calls: dict[str, Run] = {"mlfuzz": ours(operator, rows)}
    failed: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs to hear
        for library, build in counterparts(operator.name.partition(".")[2], rows).items():
            try:
                run = build()
                run()
            except Exception as error:  # noqa: BLE001  # whatever a library raises is what there is to say of it
                failed[library] = f"{type(error).__name__}: {error}"[:120]
                continue
            calls[library] = run
        rounds = ROUNDS if len(calls) > 1 else 1  # what has nothing beside it is no comparison
        took = least_seconds(*calls.values(), seconds=seconds, rounds=rounds)
    us = {name: round(1e6 * each / len(rows), 2) for name, each in zip(calls, took, strict=True)}
    own = us.pop("mlfuzz")
    fastest = min(us, key=lambda name: us[name], default=None)
    ratio = None if fastest is None else round(us[fastest] / own, 2)
    line = {"us": own, "theirs_us": us, "fastest": fastest, "ratio": ratio}
    return {**line, "failed": failed} if failed else line


def ours(operator: Mutator, rows: Rows) -> Run:
    """Parameters drawn, recorded and applied, as the loop does."""
    rng, seeds, numbers = np.random.default_rng(1), np.arange(len(rows)), itertools.count()

    def run() -> object:
        columns = operator.draw(len(rows), rng)
        return operator.apply(rows, operator.record(rows, columns, seeds + next(numbers)))

    run()
    return run


def counterparts(short: str, rows: Any) -> dict[str, Callable[[], Run]]:
    """Library -> what makes its call."""
    if isinstance(rows, TextRows):
        return {"nlpaug": lambda: nlpaug_of(TEXTS[short], rows.texts)} if short in TEXTS else {}
    if isinstance(rows.modality, Audio):
        clips = rows.data.numpy().reshape(len(rows), -1)
        return {"audiomentations": lambda: audiomentations_of(SOUNDS[short], clips)} if short in SOUNDS else {}
    found = PICTURES.get(short, {})
    return {library: lambda at=library: CALLS[at](found[at], rows.data) for library in found}  # type: ignore[misc]
