"""`mlfuzz harness check`: a harness on its seeds, before any fuzzing, and what its code needs of the sandbox."""

from __future__ import annotations

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.permissions import Allowed, Level, known_level, warn_unheld
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.verbs.doctor import MARKS
from mlfuzz.codefuzz.failure.sandbox_refusal import remedy, sentence
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.needs import Needs, needs_of
from mlfuzz.codefuzz.triage.replay import text_of
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FINDINGS
from mlfuzz.report.visible import visible

SHOWN = 5
"""So many of the seeds that fail are named."""


def harness_check(name: str, /, *, sandbox: Level = None, allow: Allowed = (), context: Here) -> int:
    """Run a harness on each of its seeds, and say what its code needs of the sandbox: the line to paste.

    Exit code 1 where a seed fails of itself, 3 where the harness does not import or no seed could be judged.

    Args:
        name: Of the harness (mlfuzz harness list), or its file.
        sandbox: strict, workspace or off, in place of what the harness declares.
        allow: Beside what it declares: network, processes, shared-memory, signals, large-files, write:PATH; may be
            given several times.
    """
    level = known_level(context, sandbox, allow)
    root = context.resolve().root
    harness = discovery.find(name, root)
    terminal = context.terminal
    with replay_session(harness, sandbox=level, allow=allow) as session:
        held = ", ".join(session.prepared.sandbox)
        warn_unheld(context, level or harness.declaration.sandbox)
        terminal.result(MARKS["ok"], f"{visible(harness.name)} imports; sandbox: {held}")
        needs = needs_of(session, harness.seed_files())
        project = session.project
    terminal.emit({
        "harness": harness.name, "ran": len(needs.ran), "refused": needs.refused, "allow": needs.allow(project),
        "unjudged": needs.unjudged, "unread": needs.unread,
        "failing": [{"seed": seed, "kind": one.kind, "type": one.type} for seed, one in needs.failing],
    })  # fmt: skip
    _tell(context, needs, harness.name, project, free=held == "none")
    terminal.say((shown_path(harness.path, root), "dim"))
    if needs.failing:
        return EXIT_FINDINGS
    return EXIT_BROKEN if not needs.ran or len(needs.unjudged) == len(needs.ran) else EXIT_CLEAN


def _tell(context: Context, needs: Needs, name: str, project: str, *, free: bool) -> None:
    terminal = context.terminal
    for seed, why in needs.unread:
        terminal.result(MARKS["warn"], f"{visible(seed)} is left out: {visible(why)}")
    for seed, outcome in needs.failing[:SHOWN]:
        terminal.result(MARKS["fail"], f"{visible(seed)} fails: {visible(text_of([outcome]), limit=300)}")
    if len(needs.failing) > SHOWN:
        terminal.result(MARKS["fail"], f"and {len(needs.failing) - SHOWN} seeds more fail")
    if not needs.refused:
        nothing = "there is no sandbox; --sandbox strict shows what it would refuse" if free else "nothing was refused"
        terminal.result(MARKS["ok"], f"{_count(len(needs.ran))} run; {nothing}")
        return
    what = sentence(needs.refused, name, project).partition(" To allow it: ")[0]
    terminal.result(MARKS["warn"], visible(what, limit=1000))
    if needs.unjudged:
        terminal.result(
            MARKS["warn"], f"no verdict because of that: {visible(', '.join(needs.unjudged[:SHOWN]), limit=300)}"
        )
    terminal.result(("  allow    ", "bold"), visible(remedy(needs.refused, name, project), limit=1000))


def _count(seeds: int) -> str:
    return f"{seeds} seed{'' if seeds == 1 else 's'}"
