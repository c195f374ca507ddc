"""Hostile models: each is found out, or refused with a reason, alike by campaign, confirmation, replay and pytest."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from mlfuzz.budget import Budget
from mlfuzz.campaign.confirm.replay import retry
from mlfuzz.campaign.setup import assemble
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run as supervise
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import MlfuzzError
from mlfuzz.events import Event, Warned
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore, read
from mlfuzz.regressions.kept import KeptFinding
from mlfuzz.regressions.runner import RegressionRunner, Settings
from mlfuzz.replay import Case
from mlfuzz.replay import replay as replay_all
from mlfuzz.request import CampaignRequest
from mlfuzz.run_deadline import RunDeadline

HERE = Path(__file__).parent.parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import hostile_targets  # noqa: E402

PROMISE = "a hostile model is found out or refused with a reason, alike by campaign, confirmation, replay and pytest"

INPUTS = 600
OWN_SECONDS = 120.0
"""Of its own, that a case in this process's child may take."""

SUPERVISED_SECONDS = 20.0
"""Asked for where a process must die: found, looked into, confirmed."""

TRIED_SECONDS = 20.0

CHECKED = 2
"""Findings of a campaign that are run again everywhere."""


def cases() -> list[str]:
    """ "kind, form"."""
    return [case for case in hostile_targets.named() if kind_of(case).found != "slow"]


def kind_of(case: str) -> Any:
    return hostile_targets.KINDS[case.split(", ")[0]]


def broken(case: str, folder: Path) -> str:
    """One campaign, and its findings everywhere else."""
    name, form = case.split(", ")
    seeds = hostile_targets.write_seeds(folder / "seeds", form)
    if kind_of(case).deadly:
        return _supervised(name, form, seeds, folder)
    return _alone(lambda: _here(name, form, seeds, folder), folder)


def _alone(act: Callable[[], str], folder: Path) -> str:
    """In a child: what a model does to its process stays there."""
    torch.set_num_threads(1)
    child = os.fork()
    if not child:
        _child(act, folder)
    own = RunDeadline(child, OWN_SECONDS)
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if own.over():
            os.killpg(child, 9)
            os.waitpid(child, 0)
            return f"no end after {OWN_SECONDS:.0f} s"
        time.sleep(0.02)
    _end_group(child)
    try:
        return str(json.loads((folder / "said").read_text()))
    except (OSError, ValueError):
        log = (folder / "log").read_bytes()[-300:]
        return f"the process ended with {ended[1]}: {log!a}"


def _end_group(child: int) -> None:
    """What the model has left behind."""
    with suppress(OSError):
        os.killpg(child, 9)


def _child(act: Callable[[], str], folder: Path) -> None:
    os.setsid()
    said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY, 0o600)
    log = os.open(folder / "log", os.O_CREAT | os.O_WRONLY, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    warnings.simplefilter("default")  # as a process has it that is no test's: a model may warn
    try:
        wrong = act()
    except BaseException:  # noqa: BLE001  what gets here is what is wrong
        wrong = traceback.format_exc()[-1500:]
    os.write(said, json.dumps(wrong).encode())
    os._exit(0)


def _here(name: str, form: str, seeds: Path, folder: Path) -> str:
    """A campaign on the live object, in this process."""
    expected = hostile_targets.KINDS[name].found
    target = hostile_targets.make(name, form)
    mutators = list(hostile_targets.MUTATORS.get("module" if form == "function" else form, ()))
    refusal = unstable = ""
    findings: list[Finding] = []
    assemble.FIT_MUTANTS = 64  # enough to find nothing wrong with a model of 27 units
    try:
        with Campaign.open(
            folder / "c", target, seeds=seeds, batch=32, **({"mutators": mutators} if mutators else {})
        ) as campaign:
            done = campaign.run(Budget(inputs=INPUTS, findings=CHECKED, seconds=TRIED_SECONDS))
            findings, unstable = list(campaign.findings.records()), done.stats.unstable
    except MlfuzzError as error:
        refusal = str(error)
        if not refusal or "Traceback" in refusal:
            return f"refused in these words: {refusal!a}"
    if wrong := _expected(expected, findings, refusal, unstable):
        return wrong
    confirmed = [one for one in findings if one.verdict == "confirmed"][:CHECKED]
    runner = RegressionRunner(Settings(directory=HERE), targets={"hostile": hostile_targets.make(name, form)})
    for finding in confirmed:
        path = folder / "c" / "findings" / finding.id
        _, files = read(path)
        again = retry(hostile_targets.make(name, form), finding, files, 3)
        if again["failed"] != 3:
            return f"{finding.kind} is confirmed, and replay says {again['failed']} of 3"
        kept = KeptFinding.read(write_regression(folder / "kept", finding, files), load="hostile")
        state = runner.check(kept)
        if state.state != "fails":
            return f"{finding.kind} is confirmed, and pytest says {state.state}: {state.message}"
    return ""


def _supervised(name: str, form: str, seeds: Path, folder: Path) -> str:
    expected = hostile_targets.KINDS[name].found
    mutators = list(hostile_targets.MUTATORS.get("module" if form == "function" else form, ()))
    spec = WorkerSpec(
        target=f"hostile_targets:{name}__{form}", directory=str(HERE), seeds=str(seeds), batch=32, mutators=mutators
    )
    said: list[str] = []

    def tell(event: Event) -> None:
        if isinstance(event, Warned):
            said.append(event.text)

    seconds = 8.0 if expected == "refused" else SUPERVISED_SECONDS
    request = CampaignRequest(spec, folder / "c", Budget(seconds=seconds, inputs=INPUTS, findings=1))
    refusal, findings = "", []
    try:
        outcome = supervise(request, tell)
        findings = list(outcome.findings)
        if not outcome.stats.inputs and not findings:
            refusal = " ".join(said) or "nothing"
            if outcome.exit_code not in (1, 3):
                return f"nothing ran, and the exit code is {outcome.exit_code}"
    except MlfuzzError as error:
        refusal = str(error)
        if error.exit_code != 3:
            return f"exit code {error.exit_code}: {refusal}"
    if wrong := _expected(expected, findings, refusal, ""):
        return f"{wrong}; {said}"
    confirmed = [one for one in findings if one.verdict == "confirmed"][:1]
    store = FindingStore(folder / "c" / "findings")
    again = replay_all([Case(one, store.folder(one.id)) for one in confirmed], directory=HERE)
    if any(one.state != "fails" for one in again):
        return f"confirmed, and replay says {[(one.finding.kind, one.state, one.message) for one in again]}"
    runner = RegressionRunner(Settings(directory=HERE))
    try:
        for finding in confirmed:
            path = write_regression(folder / "kept", finding, read(store.folder(finding.id))[1])
            state = runner.check(KeptFinding.read(path))
            if state.state != "fails":
                return f"{finding.kind} is confirmed, and pytest says {state.state}: {state.message}"
    finally:
        runner.close()
    return ""


def _expected(expected: str, findings: list[Finding], refusal: str, unstable: str) -> str:
    """What is wrong with what was found, or ""."""
    confirmed = {one.kind for one in findings if one.verdict == "confirmed"}
    told = {(one.kind, one.verdict) for one in findings}
    if expected == "refused":
        return "" if refusal and not confirmed else f"not refused; found {told or 'nothing'}"
    if refusal:
        return f"refused: {refusal}"
    if expected == "unstable":
        return "" if unstable and not confirmed else f"not called unstable ({unstable!r}); found {told or 'nothing'}"
    if confirmed - {expected}:
        return f"confirmed is {told}, where {expected or 'nothing'} is expected"
    if unstable:
        return f"called unstable: {unstable}"
    return "" if not expected or expected in confirmed else f"found is {told or 'nothing'}, not {expected}"
