"""`mlfuzz replay FILE --target HARNESS`: any file, handed to a harness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.replay import text_of, unjudged
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FINDINGS, UsageError
from mlfuzz.findings.lookup import record_at
from mlfuzz.report.visible import visible


def loose(context: Context, what: Sequence[str], target: str) -> list[Path]:
    """The files among what was typed that belong to no finding; only where a target was named to hand them to."""
    paths = [context.path(text) for text in what] if target else []
    return [path for path in paths if path.is_file() and not _recorded(path)]


def replay_files(
    context: Context, files: Sequence[Path], harness: str, *, times: int, sandbox: str = "", allow: Sequence[str] = ()
) -> int:
    """Run each, and say what became of it; exit code 1 where any fails, 3 where the sandbox leaves one unjudged.

    sandbox, allow: in place of, and beside, what the harness declares.
    """
    found = discovery.find(harness, context.resolve().root)
    failed = doubtful = False
    with replay_session(found, sandbox=sandbox, allow=allow) as session:
        for path in files:
            outcomes = session.reproduce(_read(path), times=times)
            failing = [one for one in outcomes if one.failed]
            failed |= bool(failing)
            if not failing and (why := unjudged(outcomes, found.name, session.project)):
                doubtful = True
                context.terminal.emit({"file": str(path), "state": "error", "message": why})
                shown = visible(shown_path(path, context.directory))
                context.terminal.result(("  ! ERROR  ", "bold red"), f"{shown}  {visible(why, limit=1000)}")
                continue
            _tell(context, path, outcomes, failing)
            values = session.consumed(path.read_bytes()) if failing else []
            for call, value in values:
                context.terminal.result((f"      {visible(call)}", "dim"), f" -> {visible(value, limit=120)}")
    return EXIT_BROKEN if doubtful else EXIT_FINDINGS if failed else EXIT_CLEAN


def _tell(context: Context, path: Path, outcomes: Sequence[Outcome], failing: Sequence[Outcome]) -> None:
    state, mark, colour = ("fails", "  x FAILS  ", "red")
    if not failing:
        state, mark, colour = ("holds", "  + HOLDS  ", "green")
    elif len(failing) < len(outcomes):
        state, mark, colour = ("flaky", "  ~ FLAKY  ", "yellow")
    last = (list(failing) or list(outcomes))[-1]
    context.terminal.emit(
        {"file": str(path), "state": state, "failed": len(failing), "times": len(outcomes), "kind": last.kind,
         "type": last.type, "message": last.message, "group": last.group}
    )  # fmt: skip
    shown = visible(shown_path(path, context.directory))
    context.terminal.result((mark, colour), f"{shown}  {last.kind}  {visible(text_of(outcomes), limit=300)}")
    for line in last.traceback.splitlines() if failing else ():
        context.terminal.result((f"      {visible(line)}", "dim"))


def _recorded(path: Path) -> bool:
    try:
        record_at(path)
    except UsageError:
        return False
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
