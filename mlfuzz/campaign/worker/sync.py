"""What workers on one directory learn of each other: entries through the journals, findings through their folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from mlfuzz.campaign.loop.candidates import Candidates
from mlfuzz.campaign.setup.assemble import Components
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import StorageError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore
from mlfuzz.schedulers.base import no_keys


class CorpusSync:
    """One worker's. forms: shape and type of each seed and its descendants, None for the type of a text."""

    def __init__(
        self, corpus: Corpus, pool: InputCache, parts: Components, findings: FindingStore, candidates: Candidates,
        forms: Sequence[tuple[tuple[int, ...], Any]],
    ) -> None:  # fmt: skip
        self._corpus, self._pool, self._parts, self._forms = corpus, pool, parts, forms
        self._findings, self._candidates = findings, candidates
        self._known: set[str] = set()
        for finding in findings.records():
            self._know(finding)

    def take_in(self) -> None:
        """What other workers have kept and saved since the last time."""
        corpus, parts = self._corpus, self._parts
        fresh = np.asarray(corpus.tail(), np.int64)
        if len(fresh):
            self._pool.adopt_many(self._forms, corpus.seeds[fresh].tolist())
            parts.criterion.load(corpus.vectors[fresh[corpus.measured[fresh]]])
            margins = corpus.margins[fresh]
            parts.scheduler.grow(corpus.seeds[fresh], corpus.gains[fresh], margins, no_keys(margins))
        for finding_id in self._findings.ids():
            if finding_id not in self._known:
                with suppress(StorageError):  # who watches the campaign says so
                    self._know(self._findings.load(finding_id))

    def _know(self, finding: Finding) -> None:
        self._known.add(finding.id)
        self._candidates.know(finding)
