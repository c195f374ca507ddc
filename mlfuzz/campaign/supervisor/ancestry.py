"""What an autopsy knows of the parents of a batch: entries of the corpus, or seeds that were not entries yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices
from mlfuzz.campaign.seedbed import Seedbed, class_numbers
from mlfuzz.campaign.spec import loads
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Identity
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.errors import StorageError
from mlfuzz.modality import raw
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import Chain
from mlfuzz.observation import Observation
from mlfuzz.storage.workdir import Workdir


class Lineage(Protocol):
    """Parents by row number."""

    def rows(self, lives: Sequence[str], identities: NDArray[np.int64]) -> Indices:
        """Row numbers of recorded identities. Raises StorageError where one is not there."""

    def payload(self, row: int) -> Payload: ...

    def chain(self, row: int) -> Chain: ...

    def name(self, row: int) -> str: ...

    def seed(self, row: int) -> int: ...

    def seed_payload(self, row: int) -> Payload:
        """Of the seed that a parent comes from; of seeds that are not entries yet, the first that answers."""

    def identity(self, row: int) -> Identity | None: ...

    def seedbed(self, target: Any) -> Seedbed: ...


class Stored:
    """Parents that are entries of the corpus."""

    def __init__(self, workdir: Workdir) -> None:
        self._corpus = Corpus.open(workdir)
        self._corpus.root()

    def rows(self, lives: Sequence[str], identities: NDArray[np.int64]) -> Indices:
        rows = np.asarray([self._corpus.row((lives[life], at)) for life, at in identities.tolist()], np.int64)
        if (rows < 0).any():
            raise StorageError("the flight record names parents that the journal does not hold")
        return rows

    def payload(self, row: int) -> Payload:
        return raw.loads(self._corpus.payload(row))

    def chain(self, row: int) -> Chain:
        return self._corpus.chain(row)

    def name(self, row: int) -> str:
        return self._corpus.entry(row).name

    def seed(self, row: int) -> int:
        return int(self._corpus.seeds[row])

    def seed_payload(self, row: int) -> Payload:
        return self.payload(self.seed(row))

    def identity(self, row: int) -> Identity | None:
        return self._corpus.identity(row)

    def seedbed(self, target: Any) -> Seedbed:
        parentless = np.flatnonzero(self._corpus.parents < 0).tolist()
        entries = [(row, self._corpus.entry(row)) for row in parentless]
        return unanswered(
            target, [(entry.name, entry.label, self.payload(row)) for row, entry in entries if entry.parent is None]
        )


class Unborn:
    """Seeds that are not entries yet: the worker died before its first batch."""

    def __init__(self, workdir: Workdir, target: Any) -> None:
        spec = loads(workdir.order().read_bytes(), str(workdir.order()))
        where = Path(spec.directory) / (spec.seeds or str(target.seeds or ""))
        found = load_seeds(where, target.modality, labels=target.labels, max_seeds=spec.max_seeds, rng_seed=spec.seed)
        self._seeds = found.seeds

    def rows(self, lives: Sequence[str], identities: NDArray[np.int64]) -> Indices:
        return identities[:, 1].copy()

    def payload(self, row: int) -> Payload:
        return self._seeds[row].payload

    def chain(self, row: int) -> Chain:
        return ()

    def name(self, row: int) -> str:
        return self._seeds[row].name

    def seed(self, row: int) -> int:
        return row

    def seed_payload(self, row: int) -> Payload:
        return self._seeds[0].payload

    def identity(self, row: int) -> Identity | None:
        return None

    def seedbed(self, target: Any) -> Seedbed:
        return unanswered(target, [(seed.name, seed.label, seed.payload) for seed in self._seeds])


def unanswered(target: Any, seeds: Sequence[tuple[str, str | None, Payload]]) -> Seedbed:
    """Names, labels and files of seeds, without the target's answers."""
    labels = tuple(label for _, label, _ in seeds)
    numbers = class_numbers(labels, target.labels)
    blank = Observation({"main": numbers[:, None].float()}, numbers[:, None].float()[:, :0])
    files = tuple(target.modality.encode(payload) for _, _, payload in seeds)
    return Seedbed(tuple(name for name, _, _ in seeds), numbers, labels, files, blank)
