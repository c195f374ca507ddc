"""Many findings judged again at once: each input against its own seed, label and oracle, in batches of one shape.

A prediction, quick and nearly always right: rows of a batch differ from rows alone by 1e-7, and some models couple
the rows of a batch. Whoever acts on a failure runs the input alone as well (`retrial.retry`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import torch

from mlfuzz.batch import Batch, from_payloads
from mlfuzz.campaign.evidence import TRUTH, run_of, shown_by
from mlfuzz.errors import MlfuzzError, ReplayError
from mlfuzz.findings.finding import Finding, Run
from mlfuzz.modality.base import Modality, Payload, rebuild
from mlfuzz.observation import Crash, Observation
from mlfuzz.oracles import base as oracles
from mlfuzz.targets.base import Target, label_index, read_as
from mlfuzz.targets.execute import execute
from mlfuzz.targets.label_count import labels_apart
from mlfuzz.targets.variants.base import varied


@dataclass(frozen=True, slots=True)
class Rerun:
    """Of one finding: margin in its oracle's unit (NaN where it gave no answer to judge), and what the target said.

    problem: why it could not be judged, "" where it was.
    """

    margin: float = float("nan")
    after: Run | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """A finding ready to run. at: its number among those asked for; label: class number or -1."""

    at: int
    finding: Finding
    payload: Payload
    seed: Payload | None
    label: int


Read = tuple[Finding, Mapping[str, bytes]]


def rerun(target: Target, findings: Sequence[Read]) -> list[Rerun]:
    """Each finding with its verified files -> what its oracle says now, in the same order; errors become `problem`s.

    Only for findings with an oracle; a crash or an exception belongs into a process or a call of its own.
    """
    results = [Rerun()] * len(findings)
    groups: dict[tuple[object, ...], list[_Row]] = {}
    modalities: dict[bytes, Modality] = {}
    for at, (finding, files) in enumerate(findings):
        try:
            row = _row(target, at, finding, files, modalities)
        except MlfuzzError as error:
            results[at] = Rerun(problem=str(error))
            continue
        description = msgspec.json.encode(finding.oracle)
        groups.setdefault((description, _shape(row.payload), _shape(row.seed)), []).append(row)
    for rows in groups.values():
        try:
            reruns = _evaluate(target, rows)
        except MlfuzzError as error:
            reruns = [Rerun(problem=str(error))] * len(rows)
        for row, result in zip(rows, reruns, strict=True):
            results[row.at] = result
    return results


def _row(
    target: Target, at: int, finding: Finding, files: Mapping[str, bytes], modalities: dict[bytes, Modality]
) -> _Row:
    if not finding.oracle:
        raise ReplayError(f"finding {finding.id} has no oracle: it is judged alone")
    described = msgspec.json.encode(finding.modality)
    if described not in modalities:
        modalities[described] = rebuild(finding.modality)
    modality = modalities[described]
    label = -1 if finding.label is None else label_index(target, finding.label)
    if finding.label is not None and target.labels and label < 0:
        raise ReplayError(f"target {target.name} has no label {finding.label!r} any more; it has {list(target.labels)}")
    payload = modality.decode(files[finding.input.file], suffix=modality.suffix)
    seed = None if finding.seed is None else modality.decode(files[finding.seed.file], suffix=modality.suffix)
    return _Row(at, finding, payload, seed, label)


def _evaluate(target: Target, rows: Sequence[_Row]) -> list[Rerun]:
    """Rows of one oracle, shape and kind of seed."""
    oracle = oracles.rebuild(rows[0].finding.oracle)
    read_as(target, oracle)
    target = varied(target, oracles.beside(oracle))
    if oracle.relative and rows[0].seed is None:
        raise ReplayError(f"oracle {oracle.name} compares with the seed, whose file is missing")
    inputs = from_payloads([row.payload for row in rows], target.modality, target.device)
    execution = execute(target, inputs)
    results = [_no_answer(dict(execution.crashes).get(at)) for at in range(len(rows))]
    if execution.seen is None:
        return results
    if apart := labels_apart(target, execution.seen):
        raise ReplayError(apart)
    ran = execution.ran
    reference = _reference(target, [rows[at] for at in ran.tolist()], execution.seen)
    if (call := getattr(oracle, "name_classes", None)) is not None:
        call(target.labels)
    truths = [str(rows[at].finding.evidence.get(TRUTH, "")) for at in ran.tolist()]
    if any(truths) and (show := getattr(oracle, "bind_truths", None)) is not None:
        show(truths)
    bind = getattr(oracle, "bind", None)
    if bind is not None:
        bind(torch.tensor([rows[at].label for at in ran.tolist()], device=target.device))
    count = len(ran)
    batch = Batch(
        inputs.take(ran), np.zeros(count, np.int64), np.arange(count), np.zeros((count, 1), np.float32),
        np.ones(count, np.bool_), chains=lambda position: rows[int(ran[position])].finding.chain,
    )  # fmt: skip
    margins = oracle.check(execution.seen, reference, batch).margin.float().cpu().numpy()
    for position, at in enumerate(ran.tolist()):
        margin = float(margins[position])
        known = margin if np.isfinite(margin) else None
        run = run_of(execution.seen, target, known, position, output=shown_by(oracle))
        problem = "" if margin == margin else f"its answer is not one to judge: {run.text or run.label}"
        results[at] = Rerun(margin, run, problem)
    return results


def _reference(target: Target, rows: Sequence[_Row], seen: Observation) -> Observation:
    """What the target says of each row's seed; a seed that several rows have runs once."""
    if rows[0].seed is None:
        return seen
    distinct: dict[str, int] = {}
    seeds: list[Payload] = []
    for row in rows:
        assert row.finding.seed is not None
        assert row.seed is not None
        if row.finding.seed.sha256 not in distinct:
            distinct[row.finding.seed.sha256] = len(seeds)
            seeds.append(row.seed)
    execution = execute(target, from_payloads(seeds, target.modality, target.device))
    if execution.seen is None or len(execution.ran) < len(seeds):
        raise ReplayError(f"target {target.name} does not answer on every seed any more")
    return execution.seen.take(np.asarray([distinct[row.finding.seed.sha256] for row in rows if row.finding.seed]))


def _no_answer(crash: Crash | None) -> Rerun:
    reason = "it was refused or not run" if crash is None else f"{crash.type}: {crash.message}"
    run = None if crash is None else Run(label=crash.type, text=crash.message)
    return Rerun(after=run, problem=f"it no longer gives an answer to judge: {reason}")


def _shape(payload: Payload | None) -> object:
    if payload is None or isinstance(payload, str):
        return type(payload).__name__
    return (payload.dtype.str, payload.shape[:-1] if payload.ndim == 2 else payload.shape)
