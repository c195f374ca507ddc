"""Runs regressions for tests: targets loaded once, inputs of one target predicted in batches ahead, failures run alone.

No torch is imported before the first regression is prepared or judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlfuzz.campaign.supervisor.processes import ProbeProcess
from mlfuzz.campaign.supervisor.triage_worker import TriageRequest
from mlfuzz.codefuzz.harness.trust import refusal
from mlfuzz.codefuzz.triage.replay import Replay
from mlfuzz.errors import MlfuzzError, ReplayError
from mlfuzz.findings.environment import environment
from mlfuzz.findings.finding import Finding, Run
from mlfuzz.findings.fingerprint import ISOLATED
from mlfuzz.findings.regression import read_regression
from mlfuzz.findings.trust import Trust
from mlfuzz.registry import importable
from mlfuzz.regressions.gate import Measured, TargetGate
from mlfuzz.regressions.kept import KeptFinding
from mlfuzz.regressions.outcome import RegressionOutcome, RegressionVerdict, Rules, State, outcome
from mlfuzz.storage.durable import remove_folder
from mlfuzz.storage.scratch import make_scratch_folder
from mlfuzz.storage.workdir import Workdir

if TYPE_CHECKING:
    from mlfuzz.campaign.confirm.batch_replay import Rerun

AHEAD = 64
"""Regressions of one target that are predicted together."""

TIMES = 3
"""A failure is told only after the input failed so often alone."""

RUN_SECONDS = 300.0

NEAR_FLOORS, NEAR_SHARE = 8.0, 1e-4
"""A batch's margin this near to what counts (in floors, or as a share of the largest score) is measured alone."""

BUILD_FLOORS, BUILD_SHARE = 10.0, 1e-3
"""What another build of torch or another device may shift a score by."""


@dataclass(frozen=True, slots=True)
class Settings:
    """directory: the project's, put on the import path. targets: name -> "module:attribute", before what is recorded.

    times: runs of each input alone, where it is run alone. sampled: whether only a sample of the regressions runs.
    mark_fixed: also regressions that seem to hold are run alone, because their record is about to be changed.
    trust: which names of a record may be imported; None: the records are the caller's own.
    """

    directory: Path = Path()
    targets: Mapping[str, str] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    device: str = "cpu"
    times: int = 1
    rules: Rules = field(default_factory=Rules)
    sampled: bool = False
    mark_fixed: bool = False
    trust: Trust | None = None


class RegressionRunner:
    """One for a test run. targets: live ones by the name that stands for them in place of "module:attribute"."""

    def __init__(self, settings: Settings, *, targets: Mapping[str, Any] | None = None) -> None:
        self.settings = settings
        self._order: list[KeptFinding] = []
        self._at: dict[Path, int] = {}
        self._loaded: dict[str, Any] = dict(targets or {})
        self._predicted: dict[Path, Rerun] = {}
        self._verdicts: dict[Path, RegressionVerdict] = {}
        self._scratch: Path | None = None
        self._probe: ProbeProcess | None = None
        self._empty = Path()
        self._code = Replay(settings.directory)

    def expect(self, kept: Sequence[KeptFinding]) -> None:
        """The regressions that will be asked for, in that order: those that follow are predicted ahead."""
        for one in kept:
            if one.path not in self._at:
                self._at[one.path] = len(self._order)
                self._order.append(one)

    def prepare(self, kept: KeptFinding) -> None:
        """Load its target, so that the time this takes is no test's. What goes wrong is told by `check`."""
        if kept.finding is None or kept.skipped or self._refusal(kept, kept.finding):
            return
        if kept.finding.side == "code":
            with suppress(MlfuzzError):
                self._code.prepare(kept.finding, target=self._harness_of(kept))
        elif kept.kind not in ISOLATED:
            with suppress(ReplayError), self._imports():
                self._target(self._load_of(kept))

    def outcome(self, kept: KeptFinding) -> tuple[RegressionOutcome, RegressionVerdict]:
        """What becomes of a test of this regression, and why."""
        verdict = RegressionVerdict("holds") if kept.skipped else self.check(kept)
        return outcome(kept, verdict, self.settings.rules), verdict

    def check(self, kept: KeptFinding) -> RegressionVerdict:
        """What became of it; each is run once, whoever asks."""
        if kept.path not in self._verdicts:
            try:
                with self._imports():
                    self._verdicts[kept.path] = self._check(kept)
            except MlfuzzError as error:
                self._verdicts[kept.path] = RegressionVerdict("error", message=str(error))
        return self._verdicts[kept.path]

    def measure(self, gate: TargetGate) -> Measured:
        """The rate of failures of a target's regressions: of those that run here at all."""
        kept = [one for one in gate.kept if one.path in self._at] if self.settings.sampled else list(gate.kept)
        self.expect(kept)
        states = [verdict for verdict in map(self.check, kept) if verdict.state != "error"]
        failed = sum(each.state in ("fails", "flaky") and not each.close for each in states)
        return Measured(gate, failed, len(states), self.settings.sampled)

    def close(self) -> None:
        """End the process that ran what might take this one down."""
        if self._probe is not None:
            self._probe.kill()
        if self._scratch is not None:
            remove_folder(self._scratch)
        self._code.close()
        self._probe = self._scratch = None

    def _check(self, kept: KeptFinding) -> RegressionVerdict:
        finding = kept.finding
        if finding is None:
            return RegressionVerdict("error", message=kept.problem)
        if problem := self._refusal(kept, finding):
            return RegressionVerdict("error", message=problem)
        if finding.side == "code":
            return self._by_harness(kept, finding)
        if kept.kind in ISOLATED:
            return self._isolated(kept)
        target = self._target(self._load_of(kept))
        if isinstance(target, str):
            return RegressionVerdict("error", message=target)
        if not finding.oracle:
            return self._alone(target, kept, finding)
        self.expect([kept])
        if kept.path not in self._predicted:
            self._predict(target, kept)
        predicted = self._predicted.pop(kept.path, None)
        if predicted is None or predicted.problem:
            return self._alone(target, kept, finding)
        failing = predicted.margin > (finding.floor or 0.0)
        guess = RegressionVerdict("fails" if failing else "holds", predicted.after, predicted.margin)
        guess = replace(guess, close=failing and _close(finding, guess))
        ending = outcome(kept, guess, self.settings.rules).ending
        if ending == "fail" or _near(finding, guess) or (self.settings.mark_fixed and ending == "xpass"):
            return self._alone(target, kept, finding)
        return guess

    def _predict(self, target: Any, kept: KeptFinding) -> None:
        """This one and those after it that share its target, as far as their files can be read."""
        from mlfuzz.campaign.confirm.batch_replay import rerun

        load, chosen = self._load_of(kept), []
        for one in self._order[self._at[kept.path] :]:
            if one.path in self._verdicts or one.path in self._predicted or not self._batched(one, load):
                continue
            try:
                chosen.append((one, read_regression(one.path)))
            except MlfuzzError as error:
                self._verdicts[one.path] = RegressionVerdict("error", message=str(error))
                if one.path == kept.path:
                    raise
            if len(chosen) == AHEAD:
                break
        results = rerun(target, [read for _, read in chosen])
        self._predicted.update({one.path: result for (one, _), result in zip(chosen, results, strict=True)})

    def _batched(self, kept: KeptFinding, load: str) -> bool:
        finding = kept.finding
        return (
            finding is not None and not kept.skipped and finding.side == "model" and bool(finding.oracle)
            and kept.kind not in ISOLATED and not self._refusal(kept, finding)
            and (kept.load or self.settings.targets.get(kept.target) or finding.load) == load
        )  # fmt: skip

    def _alone(self, target: Any, kept: KeptFinding, finding: Finding) -> RegressionVerdict:
        from mlfuzz.campaign.confirm.replay import retry

        _, files = read_regression(kept.path)
        value = retry(target, finding, files, max(TIMES, self.settings.times))
        failed, times = int(value["failed"]), int(value["times"])
        verdict = RegressionVerdict(
            _state(failed, times), msgspec.convert(value["after"], Run), value["margin"], failed, times
        )
        if failed == 0 and (value["other"] or (finding.oracle and verdict.margin is None)):
            observed = value["other"] or (verdict.after and (verdict.after.text or verdict.after.label)) or "nothing"
            raise ReplayError(f"it no longer gives an answer to judge: {observed}")
        return replace(verdict, close=failed > 0 and _close(finding, verdict))

    def _by_harness(self, kept: KeptFinding, finding: Finding) -> RegressionVerdict:
        """An input of the code side, in a fork of its harness: once where it holds, three times where it fails."""
        _, files = read_regression(kept.path)
        payload, target = files[finding.input.file], self._harness_of(kept)
        again = self._code.run(finding, payload, times=self.settings.times, target=target)
        if again.failed:
            again = self._code.run(finding, payload, times=max(TIMES, self.settings.times), target=target)
        observed = f"{again.now.text}; {again.other}" if again.other else again.now.text
        return RegressionVerdict(_state(again.failed, again.times), Run(text=observed), None, again.failed, again.times)

    def _imports(self) -> AbstractContextManager[None]:
        """The tests of others, which run in between, import what they did before."""
        return nullcontext() if self._apart else importable(self.settings.directory)

    @property
    def _apart(self) -> bool:
        trust = self.settings.trust
        return trust is not None and trust.apart()

    def _refusal(self, kept: KeptFinding, finding: Finding) -> str:
        return refusal(self.settings.trust, finding, kept.path, target=self._harness_of(kept))

    def _harness_of(self, kept: KeptFinding) -> str:
        """ "": the one that the finding names."""
        return kept.load or self.settings.targets.get(kept.target, "")

    def _isolated(self, kept: KeptFinding) -> RegressionVerdict:
        """In a child of another process: what it did once, it may do to this one."""
        if self._probe is None:
            self._scratch = make_scratch_folder("mlfuzz-pytest-")
            workdir = Workdir.create(self._scratch)
            self._empty = workdir.blobs
            self._probe = ProbeProcess(workdir, folder=self._empty if self._apart else None)
        settings = self.settings
        request = TriageRequest(
            op="replay", path=str(kept.path.resolve()), target=self._load_of(kept), device=settings.device,
            directory=str((self._empty if self._apart else settings.directory).resolve()), times=settings.times,
            plugins=list(settings.plugins),
        )  # fmt: skip
        reply = self._probe.consult(request, RUN_SECONDS)
        if isinstance(reply, str) or reply.error:
            raise ReplayError(reply if isinstance(reply, str) else reply.error)
        times = int(reply.value["times"])
        failed = times - int(reply.value["answered"])
        return RegressionVerdict(_state(failed, times), msgspec.convert(reply.value["after"], Run), None, failed, times)

    def _load_of(self, kept: KeptFinding) -> str:
        recorded = kept.finding.load if kept.finding else ""
        load = kept.load or self.settings.targets.get(kept.target, "") or recorded
        if not load:
            raise ReplayError(
                f"target {kept.target} was a live object when this was found; say where it is: "
                f'[tool.mlfuzz.targets."{kept.target}"] use = "module:attribute"'
            )
        return load

    def _target(self, load: str) -> Any:
        """The target, or why it does not load."""
        if load not in self._loaded:
            from mlfuzz.registry import import_plugins
            from mlfuzz.targets.load import load as load_target

            try:
                import_plugins(self.settings.plugins, self.settings.directory)
                self._loaded[load] = load_target(
                    load,
                    directory=None if self._apart else self.settings.directory.resolve(),
                    device=self.settings.device,
                )
            except MlfuzzError as error:
                self._loaded[load] = str(error)
        return self._loaded[load]


def _state(failed: int, times: int) -> State:
    return "fails" if failed == times else "holds" if failed == 0 else "flaky"


def _near(finding: Finding, verdict: RegressionVerdict) -> bool:
    floor = finding.floor or 0.0
    distance = abs((verdict.margin or 0.0) - floor)
    return distance <= max(NEAR_FLOORS * floor, NEAR_SHARE * _scale(verdict))


def _close(finding: Finding, verdict: RegressionVerdict) -> bool:
    """Whether it fails by less than a change of build explains, and the build has changed."""
    if verdict.margin is None or not finding.environment:
        return False
    if all(then in ("", now) for then, now in zip(_build(finding.environment), _build(_here()), strict=True)):
        return False
    return verdict.margin <= max(BUILD_FLOORS * (finding.floor or 0.0), BUILD_SHARE * _scale(verdict))


def _build(facts: Mapping[str, str]) -> tuple[str, str, str]:
    """What decides the last bits of a score: torch, its instruction set, the kind of processor ("x86_64")."""
    return facts.get("torch", ""), facts.get("cpu", ""), facts.get("platform", "").rpartition(" ")[2]


@cache
def _here() -> dict[str, str]:
    return environment()


def _scale(verdict: RegressionVerdict) -> float:
    scores = verdict.after.scores.values() if verdict.after else ()
    return max((abs(score) for score in scores), default=0.0)
