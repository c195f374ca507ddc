"""`mlfuzz findings import`: what other fuzzers have found."""

from __future__ import annotations

import shlex
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.trust import noted
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, suffix_of
from mlfuzz.codefuzz.triage.import_foreign import Foreign, State, adopt, inputs
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import EXIT_CLEAN, EXIT_FINDINGS
from mlfuzz.findings.environment import environment
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.findings.store import FindingStore
from mlfuzz.progress import Stats
from mlfuzz.report.visible import visible
from mlfuzz.storage.durable import write_atomic
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.workdir import Workdir, campaign_root

STATES: dict[State, tuple[str, str]] = {
    "new": ("  + NEW    ", "red"),
    "known": ("  = KNOWN  ", "dim"),
    "holds": ("  - HOLDS  ", "green"),
    "unreadable": ("  ! ERROR  ", "bold red"),
}


def imported(folder: str, /, *, harness: str, name: str = "", dir: str = "", context: Here) -> int:
    """Take over inputs that libFuzzer, AFL or ClusterFuzz has found: each is run here, one of each bucket is kept.

    Exit code 1 where any became a finding.

    Args:
        folder: A file, or a folder: of crash-..., of AFL's crashes/ and hangs/, of clusterfuzz-testcase-...
        harness: That the inputs are for.
        name: Of the campaign that gets the findings; by default "imported-HARNESS".
        dir: Where campaigns lie, instead of the configured folder.
    """
    found = context.resolve()
    chosen = discovery.find(harness, found.root)
    files = inputs(context.path(folder))
    context.note_begun(found.root, [noted(chosen)])
    base = context.path(dir) if dir else found.state_dir
    workdir = Workdir.create(campaign_root(base, name or f"imported-{chosen.name}"))
    makers = Counter(one.maker for one in files)
    origins = ", ".join(f"{count} of {maker}" for maker, count in makers.most_common())
    terminal = context.terminal
    terminal.say(f"running {len(files)} inputs ({origins}) with {chosen.name}")

    def tell(one: Foreign, state: State, reason: str) -> None:
        terminal.result(STATES[state], f"{_shown(one.path, context.directory)}  {visible(reason, limit=120)}")

    suffix = suffix_of([path.name for path in chosen.seed_files()])
    origin = CodeOrigin(chosen, workdir.name, engine="import", suffix=suffix, environment=environment(found.root))
    with Lock.acquire(workdir.lock), replay_session(chosen) as session:
        adopted = adopt(files, session, FindingStore(workdir.findings), origin, on_file=tell)
        _account(workdir, chosen, len(files))
    terminal.emit(
        {
            "campaign": workdir.name,
            "files": [{"file": str(one.path), "maker": one.maker, "state": state} for one, state, _ in adopted.files],
            "findings": [one.id for one in adopted.findings],
        }
    )
    counts = {state: adopted.count(state) for state in STATES}
    words = {"new": "new", "known": "known already", "holds": "do not fail here", "unreadable": "could not be run"}
    terminal.result((", ".join(f"{count} {words[state]}" for state, count in counts.items() if count), "bold"))
    if adopted.findings:
        there = f" --dir {shlex.quote(dir)}" if dir else ""
        terminal.result(("  look     ", "dim"), f"mlfuzz findings show {adopted.findings[0].id[:SHORT_ID]}{there}")
        terminal.result(("  shrink   ", "dim"), f"mlfuzz shrink --name {workdir.name}{there}")
    return EXIT_FINDINGS if adopted.findings else EXIT_CLEAN


def _account(workdir: Workdir, harness: Harness, files: int) -> None:
    """Figures for the report; a campaign that has fuzzed keeps its own."""
    if workdir.stats.exists():
        return
    stats = Stats(
        campaign=workdir.name, started=datetime.now(UTC).isoformat(timespec="seconds"), inputs=files, ended="imported",
        target={"name": harness.name, "side": "code", "load": harness.load}, setup={"harnesses": [harness.name]},
    )  # fmt: skip
    write_atomic(workdir.stats, msgspec.json.format(msgspec.json.encode(stats), indent=1), sync=False)


def _shown(path: Path, start: Path) -> str:
    return visible(shown_path(path, start))
