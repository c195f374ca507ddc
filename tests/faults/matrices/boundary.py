"""Inputs a hair from failing: bisected between a seed and a finding until the floor lies between two of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from mlfuzz.budget import Budget
from mlfuzz.campaign.confirm.confirm import confirm, key_of
from mlfuzz.campaign.confirm.oracle_run import OracleRun
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import read
from mlfuzz.modality.base import rebuild

PROMISE = "what is confirmed a hair above the floor fails again: in another process, and in any batch"

PARTS, INPUTS = 8, 64
"""512 inputs of each subject."""

BATCHES = (2, 17)
STEPS = 24
SPINNERS = 6
"""Processes that take the machine meanwhile, where it is to be busy."""

SUBJECTS = {"digits": 4096, "speech": 768}
"""By inputs that a campaign runs, to have enough to start from."""

Floats = NDArray[np.float64]


def cases() -> list[str]:
    """ "subject, load, part"."""
    return [f"{subject}, {load}, {part}" for subject in SUBJECTS for load in ("idle", "busy") for part in range(PARTS)]


def broken(case: str, folder: Path) -> str:
    """A campaign, its findings brought to the boundary, and each verdict held against runs elsewhere."""
    subject, load, part = case.split(", ")
    torch.set_num_threads(1)
    target = import_module(f"mlfuzz.examples.{subject}").fragile()
    with Campaign.open(folder / "c", target, seed=int(part), cap=200, batch=128) as campaign:
        campaign.run(Budget(inputs=SUBJECTS[subject]), triage_here=False)
        records = [one for one in campaign.findings.records() if one.oracle.get("name") == "label" and one.seed]
    rng = np.random.default_rng(int(part))
    with _load(load == "busy"):
        tried = confirmed = 0
        for turn in range(INPUTS):
            if not records:
                return "the campaign found nothing to start from"
            finding = records[turn % len(records)]
            files = read(folder / "c" / "findings" / finding.id)[1]
            for wrong, sure in _pair(target, finding, files, rng):
                tried += 1
                confirmed += sure
                if wrong:
                    return f"{finding.id}: {wrong}"
                if tried >= INPUTS:
                    return "" if confirmed else "none of them was confirmed: that is no boundary"
    return ""


def _pair(
    target: Any, finding: Finding, files: dict[str, bytes], rng: np.random.Generator
) -> Iterator[tuple[str, bool]]:
    """(what is wrong, whether it was confirmed) of the last input that fails and the first that does not."""
    modality = rebuild(finding.modality)
    assert finding.seed is not None
    bad = modality.decode(files[finding.input.file], suffix=modality.suffix)
    seed = modality.decode(files[finding.seed.file], suffix=modality.suffix)
    trial, floor, key = OracleRun(target, finding, seed), finding.floor or 0.0, key_of(finding)
    mask = rng.random(bad.shape) < rng.uniform(0.5, 1.0)  # another way to the boundary each time

    def blend(share: float) -> Any:
        mixed = seed.astype(np.float64) + share * mask * (bad.astype(np.float64) - seed.astype(np.float64))
        return np.rint(mixed).astype(bad.dtype)

    low, high = 0.0, 1.0
    if not trial.fails(trial.evaluate(trial.rows([blend(1.0)])), floor, key)[0]:
        return
    for _ in range(STEPS):
        middle = (low + high) / 2
        fails = bool(trial.fails(trial.evaluate(trial.rows([blend(middle)])), floor, key)[0])
        low, high = (low, middle) if fails else (middle, high)
    for share in (high, low):
        payload = blend(share)
        sure = confirm(target, msgspec.structs.replace(finding, margin=None), payload, seed).confirmed
        yield (_elsewhere(target, trial, payload, floor) if sure else ""), sure


def _elsewhere(target: Any, trial: OracleRun, payload: Any, floor: float) -> str:
    """Why it should not have been confirmed, or ""."""
    margins = {"in another process": _forked(lambda: float(trial.evaluate(trial.rows([payload])).margins[0]))}
    limits = {"in another process": floor}
    for count in BATCHES:
        name = f"in a batch of {count}"
        margins[name], limits[name] = float(trial.evaluate(trial.rows([payload] * count)).margins.min()), 0.0
    for name, margin in margins.items():
        if not margin > limits[name]:
            return f"confirmed, but {name} its margin is {margin:.3g} (floor {floor:.3g})"
    return ""


def _forked(run: Any) -> float:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, repr(run()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        value = float(answers.read())
    os.waitpid(child, 0)
    return value


@contextmanager
def _load(busy: bool) -> Iterator[None]:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(SPINNERS if busy else 0)]
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.wait()
