"""`--mlfuzz-time`: a campaign after the regressions, in processes of its own; new faults fail the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run as supervise
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.fingerprint import fault_of
from mlfuzz.findings.known import Known
from mlfuzz.findings.weakness import weaknesses
from mlfuzz.pytest_plugin import FOLDER
from mlfuzz.pytest_plugin.purse import TargetTurn, TimeBudget
from mlfuzz.regressions.kept import KeptFinding, kept_in
from mlfuzz.regressions.suite import trust_of
from mlfuzz.report.numbers import counted
from mlfuzz.request import CampaignRequest
from mlfuzz.storage.names import folder_name

MOST_TOLD = 10


class FuzzItem(pytest.Item):
    """Fuzzes one target for a while. known: its regressions that run; their faults are not new. purse: its time."""

    def __init__(self, *, kept: KeptFinding, known: Sequence[KeptFinding], purse: TimeBudget, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.target, self.kept, self.known, self.purse = kept.target, kept, known, purse

    def runtest(self) -> None:
        from mlfuzz.pytest_plugin.items import found_for

        found = found_for(self.config)
        configured = found.config.targets.get(self.target)
        finding, named = self.kept.finding, self.kept.load or (configured.load if configured else "")
        trust = trust_of(found, self.config.getoption("mlfuzz_trust") or ())
        if finding and (problem := trust.refusal(finding, self.kept.path, target=named)):
            pytest.fail(f"{self.target} is not fuzzed: {problem}", pytrace=False)
        load = named or (finding.load if finding else "")
        workdir = folder_of(found.state_dir, self.target)
        spec = WorkerSpec(
            target=load, directory=str(found.root.resolve()), name=self.target, plugins=list(found.config.plugins),
            device=self.config.getoption("mlfuzz_device") or found.config.fuzz.device,
            seeds=str(found.path(configured.seeds)) if configured and configured.seeds else "",
        )  # fmt: skip
        seconds = self.purse.share()
        turn = TargetTurn(seconds, workdir)
        try:
            result = supervise(CampaignRequest(spec, workdir, Budget(seconds=seconds)), turn, adopt=True)
        except MlfuzzError as error:
            pytest.fail(f"{self.target} could not be fuzzed: {error}", pytrace=False)
        finally:
            self.purse.spend(min(seconds, turn.seconds))
        code = result.stop.reason.exit_code
        if code is not None and not turn.dry:  # nobody has interrupted a turn that stopped itself
            pytest.exit(f"asked to end ({result.stop.reason.value}); what was found is saved", returncode=code)
        known = known_of(self.target, self.known, found.corpus_dir / FOLDER)
        if new := new_faults(result.findings, known):
            pytest.fail(_text(new, workdir), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"fuzz[{self.target}]"


def known_of(target: str, collected: Iterable[KeptFinding], folder: Path) -> Known:
    """A target's regressions that were collected, and those in the corpus that were not selected."""
    return Known(one.finding for one in (*collected, *kept_in(folder, target=target)) if one.finding)


def new_faults(findings: Iterable[Finding], known: Known) -> list[Finding]:
    """Of each fault that is not known, the first confirmed finding that nobody has set aside."""
    first: dict[str, Finding] = {}
    for finding in findings:
        if finding.verdict == "confirmed" and finding.triage in ("open", "fixed") and finding not in known:
            first.setdefault(finding.fault or fault_of(finding), finding)
    return list(first.values())


def folder_of(campaigns: Path, target: str) -> Path:
    """Where the campaigns that pytest runs on a target lie: the next run goes on with them."""
    return campaigns / f"pytest-{folder_name(target)}"


def _text(new: Sequence[Finding], workdir: Path) -> str:
    """The worst of each weakness first: of many faults those differ the most."""
    weak = weaknesses(new)
    worst = {one.best.id for one in weak}
    new = [*(one.best for one in weak), *(one for one in new if one.id not in worst)]
    several = f" in {counted(len(weak), 'weakness', 'weaknesses')}" if len(weak) < len(new) else ""
    lines = [f"{counted(len(new), 'new fault')}{several}, saved in {workdir}"]
    for one in new[:MOST_TOLD]:
        text = f"expected {one.expected!r}  got {one.observed!r}  {one.sentence or 'unchanged seed'!s}"
        lines.append(f"  {one.id[:SHORT_ID]}  {one.kind}  {ascii(text)[1:-1] if not text.isprintable() else text}")
    if len(new) > MOST_TOLD:
        lines.append(f"  and {len(new) - MOST_TOLD} more")
    return "\n".join([*lines, f"keep     mlfuzz findings promote {new[0].id[:SHORT_ID]}"])
