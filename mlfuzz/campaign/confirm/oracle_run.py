"""Run chosen inputs against a finding's own oracle: what confirming, shrinking and replaying all rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from mlfuzz.batch import Batch, Rows, from_payloads
from mlfuzz.campaign.evidence import TRUTH, run_of, shown_by
from mlfuzz.errors import ReplayError
from mlfuzz.findings.finding import Finding, Run
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import Chain
from mlfuzz.mutators.base import replay
from mlfuzz.mutators.limits.distance import distance
from mlfuzz.mutators.limits.limits import Limits
from mlfuzz.observation import Crash, Observation
from mlfuzz.oracles.base import Oracle, beside, rebuild
from mlfuzz.targets.base import Target, label_index, read_as
from mlfuzz.targets.execute import execute
from mlfuzz.targets.label_count import labels_apart
from mlfuzz.targets.variants.base import Varied, varied
from mlfuzz.targets.variants.cost import measured_apart

REPEATED_ROWS = 8
"""From 7 rows on, a row's output has the same bits in any batch: a row repeated 8 times gives the campaign's value."""


@dataclass(frozen=True, slots=True)
class OracleAnswer:
    """Of rows: margin (B,) float32 (NaN: unjudged), key (B,) int64; crashes by row; what the target said.

    seen: of the rows that answered, in the order of `ran`; None where none did. details: what the oracle says of the
    first of them, where it was asked to explain.
    """

    margins: np.ndarray[tuple[int], np.dtype[np.float32]]
    keys: np.ndarray[tuple[int], np.dtype[np.int64]]
    ran: np.ndarray[tuple[int], np.dtype[np.int64]]
    crashes: dict[int, Crash]
    seen: Observation | None
    details: Mapping[str, Any] = field(default_factory=dict)


class OracleRun:
    """A finding's target, oracle, seed and label, ready to judge inputs.

    Raises ReplayError where the target no longer has the finding's label, gives another number of outputs than it has
    labels, or the oracle needs a seed that is not there.
    """

    def __init__(self, target: Target, finding: Finding, seed: Payload | None) -> None:
        self.finding = finding
        self.crash_key = finding.key if not finding.oracle else ""
        self.oracle: Oracle | None = rebuild(finding.oracle) if finding.oracle else None
        read_as(target, self.oracle)
        self.target: Target = varied(target, beside(self.oracle))
        self.seed_rows = None if seed is None else from_payloads([seed], target.modality, target.device)
        self.reference: Observation | None = None
        if self.oracle is None:
            if self.seed_rows is not None:  # the first call in a process shows what answers are like
                with suppress(Exception):
                    self.target.run(self.seed_rows)
            return
        if finding.label is not None and target.labels and label_index(target, finding.label) < 0:
            raise ReplayError(
                f"target {target.name} has no label {finding.label!r} any more; it has {list(target.labels)}"
            )
        if self.seed_rows is None and self.oracle.relative:
            raise ReplayError(
                f"finding {finding.id}: oracle {self.oracle.name} compares with the seed, whose file is missing"
            )
        if self.seed_rows is not None:
            self.reference = self.target.run(self.seed_rows)
            if apart := labels_apart(target, self.reference):
                raise ReplayError(apart)
        if (call := getattr(self.oracle, "name_classes", None)) is not None:
            call(target.labels)
        truth = str(finding.evidence.get(TRUTH, ""))
        if truth and (show := getattr(self.oracle, "bind_truths", None)) is not None:
            show([truth])
        bind = getattr(self.oracle, "bind", None)
        if bind is not None:
            number = -1 if finding.label is None else label_index(target, finding.label)
            bind(torch.tensor([number], device=target.device))

    @property
    def measured(self) -> bool:
        """Whether the oracle compares costs, which are measured anew each time, in turn with the seed's."""
        return bool(getattr(self.oracle, "measured", False))

    def rows(self, payloads: Sequence[Payload]) -> Rows:
        """Payloads as a batch for the target."""
        return from_payloads(payloads, self.target.modality, self.target.device)

    def mutants(self, chains: Sequence[Chain]) -> Rows:
        """The seed with each chain applied. Raises ReplayError where the finding has no seed."""
        if self.seed_rows is None:
            raise ReplayError(f"finding {self.finding.id} has no seed file: its chain cannot be run")
        roots = self.seed_rows.take(np.zeros(len(chains), np.int64))
        linf = self.finding.evidence.get("linf")
        if linf is None:
            return replay(roots, chains)
        # The campaign clipped every step to the seed: so must whoever makes its steps again.
        rows, limits = roots, Limits(linf=float(linf))
        for depth in range(max(map(len, chains), default=0)):
            rows = replay(rows, [chain[depth : depth + 1] for chain in chains])
            rows = distance(self.target.modality.name).clip(rows, roots, limits)
        return rows

    def evaluate(self, rows: Rows, chains: Sequence[Chain] | None = None, *, explain: bool = False) -> OracleAnswer:
        """Run the rows in one batch and let the finding's oracle judge them against its seed.

        chains: what led from the seed to each row; None: the finding's own chain to all of them. explain: ask the
        oracle about the first row as well.
        """
        chains = [self.finding.chain] * len(rows) if chains is None else chains
        execution = execute(self.target, rows)
        margins = np.full(len(rows), np.nan, np.float32)
        keys = np.zeros(len(rows), np.int64)
        details: dict[str, Any] = {}
        if execution.seen is not None and self.oracle is not None:
            ran = [chains[row] for row in execution.ran]
            seen, reference, batch = self._compared(execution.seen, rows.take(execution.ran), ran)
            verdict = self.oracle.check(seen, reference, batch)
            if explain:
                details = self.oracle.explain(seen, reference, batch, 0)
            margins[execution.ran] = verdict.margin.float().cpu().numpy()
            keys[execution.ran] = verdict.keys.cpu().numpy()
        return OracleAnswer(margins, keys, execution.ran, dict(execution.crashes), execution.seen, details)

    def fails(self, answer: OracleAnswer, floor: float, key: int | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which rows fail as the finding does: above `floor`, with the same key; or raise with the same crash key."""
        if self.oracle is None:
            keys = [crash.key if (crash := answer.crashes.get(row)) else "" for row in range(len(answer.margins))]
            return np.asarray([crash_key == self.crash_key for crash_key in keys])
        failing = answer.margins > floor
        return failing if key is None else failing & (answer.keys == key)

    def run(self, answer: OracleAnswer, row: int = 0) -> Run:
        """What the target said of one row, for people."""
        if row in answer.crashes:
            crash = answer.crashes[row]
            return Run(label=crash.type, text=crash.message)
        at = np.flatnonzero(answer.ran == row)
        if answer.seen is None or not len(at):
            return Run(text="no answer")
        margin = float(answer.margins[row])
        known = margin if np.isfinite(margin) else None
        return run_of(answer.seen, self.target, known, int(at[0]), output=shown_by(self.oracle))

    def _compared(
        self, seen: Observation, rows: Rows, chains: Sequence[Chain]
    ) -> tuple[Observation, Observation, Batch]:
        """What an oracle is shown: of the rows, of their seed, and of what was done; costs measured in turn."""
        count = len(rows)
        zeros = np.zeros(count, np.int64)
        loads, invariant = np.zeros((count, 1), np.float32), np.ones(count, np.bool_)
        batch = Batch(rows, zeros, zeros, loads, invariant, chains=chains.__getitem__)
        reference = seen if self.reference is None else self.reference.take(zeros)
        if self.measured and isinstance(self.target, Varied) and self.seed_rows is not None:
            costs, own = measured_apart(self.target, rows, self.seed_rows.take(zeros))
            seen = replace(seen, outputs={**seen.outputs, **costs})
            reference = replace(reference, outputs={**reference.outputs, **own})
        return seen, reference, batch
