"""The regressions of a target as one parametrised test function, for a test file of one's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mlfuzz.config import Config, Resolved, resolve
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.findings.triage import triage_record
from mlfuzz.findings.trust import Trust
from mlfuzz.regressions.failure_text import failure_text
from mlfuzz.regressions.gate import TargetGate
from mlfuzz.regressions.kept import KeptFinding, folder_of, kept_in
from mlfuzz.regressions.outcome import RegressionOutcome, Rules
from mlfuzz.regressions.runner import RegressionRunner, Settings
from mlfuzz.report.visible import visible

GUARD: pytest.StashKey[RegressionRunner] = pytest.StashKey()
"""Where the plugin keeps the guard of a run; a run without the plugin makes one of its own here."""

HOLDS: pytest.StashKey[str] = pytest.StashKey()
"""On an item: why its passing is news (an open finding that holds now)."""

PARAMETER = "regression"
NAMED = 120
"""Characters of what a record says, in the name of a test."""

TRUST = "--mlfuzz-trust"
"""What --trust is to the commands of mlfuzz."""


def regressions(target: str, *, load: str = "", corpus: str | Path | None = None) -> Callable[..., None]:
    """A test function with one case for each regression kept of a target: `test_digits = regressions("digits")`.

    Each has a node id of its own (-k, --lf and xdist work) and ends as its triage says: see `judgement.outcome`.
    target: its name, as findings carry it. load: "module:attribute" to run them against instead of what is recorded.
    corpus: the folder that holds regressions/; by default the configured one of the project the calling file is in.
    """
    here = Path(sys._getframe(1).f_globals.get("__file__", "."))
    found = project(here.parent)
    folder = folder_of(Path(corpus) if corpus is not None else found.corpus_dir, target)
    kept = kept_in(folder, load=load, target=target) if folder.is_dir() else []
    cases = [pytest.param(one, id=_case_id(one)) for one in kept]
    if kept and found.config.regression.mode != "each":
        cases.append(pytest.param(gate_of(target, kept, found.config), id="gate"))

    @pytest.mark.parametrize(PARAMETER, cases)
    def test_regression(request: pytest.FixtureRequest, regression: KeptFinding | TargetGate) -> None:
        guard = guard_of(request.config, found)
        if isinstance(regression, TargetGate):
            run_gate(guard, regression)
        else:
            run(guard, regression, request.node)

    return test_regression


def run(guard: RegressionRunner, kept: KeptFinding, item: pytest.Item) -> RegressionOutcome:
    """Check a regression and end the test as the outcome table says; with `mark_fixed`, mark what holds now."""
    ended, verdict = guard.outcome(kept)
    if ended.ending == "skip":
        pytest.skip(visible(ended.reason))
    if ended.ending == "xfail" and not item.config.getoption("runxfail", False):
        raise pytest.xfail.Exception(visible(ended.reason), pytrace=False)  # a traceback costs 0.1 s, and tells nothing
    if ended.ending in ("fail", "xfail"):
        pytest.fail(failure_text(kept, verdict), pytrace=False)
    if ended.ending == "xpass" and guard.settings.mark_fixed:
        triage_record(kept.path, "fixed")
        item.user_properties.append(("mlfuzz_marked", "fixed"))
    elif ended.ending == "xpass":
        item.stash[HOLDS] = visible(ended.reason)
    return ended


def run_gate(guard: RegressionRunner, gate: TargetGate) -> None:
    """Fails where more of a target's regressions fail than may."""
    measured = guard.measure(gate)
    if not measured.holds:
        pytest.fail(f"{visible(measured.text)}\nreplay   mlfuzz replay", pytrace=False)


def guard_of(config: pytest.Config, found: Resolved) -> RegressionRunner:
    """The guard of this run."""
    if GUARD not in config.stash:
        trust = config.getoption("mlfuzz_trust", None) or ()
        guard = config.stash[GUARD] = RegressionRunner(settings_of(found, trust=trust))
        config.add_cleanup(guard.close)
    return config.stash[GUARD]


def settings_of(
    found: Resolved, *, strict: bool = False, device: str = "", trust: Sequence[str] = (), **more: bool
) -> Settings:
    """From the configuration. trust: names of records that this run may import. more: sampled, mark_fixed."""
    config = found.config
    rules = Rules(
        strict or config.regression.strict, config.regression.mode != "rate", config.regression.allow_open_crashes
    )
    return Settings(
        found.root, {name: target.load for name, target in config.targets.items() if target.use}, config.plugins,
        device or config.fuzz.device, config.regression.times, rules,
        trust=trust_of(found, trust), **more,
    )  # fmt: skip


def trust_of(found: Resolved, given: Sequence[str]) -> Trust:
    """What records may import in a run of pytest."""
    return Trust.of(found, given=given, again="pytest", option=TRUST)


def gate_of(target: str, kept: Sequence[KeptFinding], config: Config) -> TargetGate:
    """As the configuration wants it."""
    settings = config.regression
    return TargetGate.over(target, kept, allowed=settings.max_failure_rate, confidence=settings.confidence)


def project(folder: Path) -> Resolved:
    """The configuration that holds there. Raises pytest.UsageError."""
    try:
        found = resolve(folder)
        return found if found.file is not None else resolve(Path.cwd())
    except MlfuzzError as error:
        raise pytest.UsageError(f"mlfuzz: {error}") from None


def _case_id(kept: KeptFinding) -> str:
    """ "3f9a1c20be-rotate+blur"."""
    if kept.finding is None:
        return f"{kept.id[:SHORT_ID]}-unreadable"
    operators = "+".join(mutation.name.partition(".")[2] for mutation in kept.finding.chain) or "seed"
    return f"{kept.id[:SHORT_ID]}-{visible(operators, limit=NAMED)}"
