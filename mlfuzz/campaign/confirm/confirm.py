"""A candidate becomes confirmed or flaky: alone, at batch 1, decoded from its stored file, three times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from mlfuzz.campaign.confirm.embedding import shift_of
from mlfuzz.campaign.confirm.oracle_run import REPEATED_ROWS, OracleAnswer, OracleRun
from mlfuzz.campaign.evidence import RUNS, named
from mlfuzz.findings.finding import Finding, Run
from mlfuzz.findings.weakness import SHIFT
from mlfuzz.modality.base import Payload
from mlfuzz.targets.base import Target

TIMES = 3

ANSWERS = ("expected", "observed")
NAMED = (*ANSWERS, *RUNS)
"""Parts of an explanation that stand in the record by name."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """failed of times runs failed as the finding says, above its floor.

    margins: of each run, smallest first counts. same_value: whether the campaign's own value came back with the row
    repeated; None where there is none to compare. other: a failure with another key, in words, or "".
    shift: which way the input moves the model from its seed (`sketch`), "" where that is not known.
    details: what the oracle says of the last run, for the evidence. words: what it expected and observed in it.
    """

    failed: int
    times: int
    margin: float | None
    key: int | None
    before: Run | None
    after: Run
    same_value: bool | None
    other: str
    shift: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def confirmed(self) -> bool:
        """Whether it failed every time."""
        return self.failed == self.times


def confirm(
    target: Target,
    finding: Finding,
    payload: Payload,
    seed: Payload | None,
    *,
    times: int = TIMES,
    any_key: bool = False,
) -> Confirmation:
    """Run the input alone, `times` times. any_key: a failure counts whatever was got (for replays after retraining).

    Raises ReplayError where the finding no longer fits its target.
    """
    trial = OracleRun(target, finding, seed)
    floor = finding.floor or 0.0
    key = None if any_key else key_of(finding)
    answers = [trial.evaluate(trial.rows([payload]), explain=turn == times - 1) for turn in range(times)]
    failing = [bool(trial.fails(one, floor, key)[0]) for one in answers]
    margins = [float(one.margins[0]) for one in answers if np.isfinite(one.margins[0])]
    last = answers[-1]
    before = None
    if trial.seed_rows is not None and trial.reference is not None:
        before = trial.run(trial.evaluate(trial.seed_rows, [()]))
    return Confirmation(
        sum(failing), times, min(margins, default=None), int(last.keys[0]) if trial.oracle else None, before,
        trial.run(last), _same_value(trial, finding, payload), _other(trial, last, floor), shift_of(trial, last),
        {name: value for name, value in last.details.items() if name not in NAMED},
        {name: named(last.details[name], target.labels) for name in ANSWERS if name in last.details},
    )  # fmt: skip


def with_verdict(finding: Finding, result: Confirmation, *, alone_in: str) -> Finding:
    """The finding with its verdict. alone_in: "fresh process" or "calling process", for the record."""
    verdict = "confirmed" if result.confirmed else "flaky"
    same = {"confirmed_in": alone_in, "same_value_as_campaign": result.same_value}
    evidence = {**finding.evidence, **(result.details if result.confirmed else {}), **same}
    if result.other:
        evidence["failed_otherwise"] = result.other
    if result.shift:
        evidence[SHIFT] = result.shift
    return msgspec.structs.replace(
        finding,
        verdict=verdict,
        confirmed=f"{result.failed}/{result.times}",
        margin=finding.margin if result.margin is None else result.margin,
        before=result.before or finding.before,
        after=result.after,
        evidence=evidence,
        **(result.words if result.confirmed else {}),
    )


def key_of(finding: Finding) -> int | None:
    """The oracle's own key in the finding's provisional key, or None where there is none."""
    _, _, number = finding.key.rpartition("|")
    return int(number) if finding.oracle and number.lstrip("-").isdigit() else None


def _same_value(trial: OracleRun, finding: Finding, payload: Payload) -> bool | None:
    if trial.oracle is None or trial.measured or finding.margin is None or finding.verdict != "candidate":
        return None
    repeated = trial.evaluate(trial.rows([payload] * REPEATED_ROWS))
    return bool(abs(float(repeated.margins[0]) - finding.margin) <= 1e-6 * max(1.0, abs(finding.margin)))


def _other(trial: OracleRun, answer: OracleAnswer, floor: float) -> str:
    if 0 in answer.crashes:
        crash = answer.crashes[0]
        return "" if trial.oracle is None and crash.key == trial.crash_key else f"{crash.type}: {crash.message}"
    return ""
