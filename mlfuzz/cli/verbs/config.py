"""`mlfuzz config show`: every value, and where it comes from."""

from __future__ import annotations

import msgspec
from cyclopts import App

from mlfuzz.cli.resolve.context import Here
from mlfuzz.config.schema import Path, dotted, leaves_of, meaning
from mlfuzz.config.settings import HARNESS_KEYS
from mlfuzz.report.visible import visible

app = App(name="config", help="Show the configuration, and where each value comes from.", help_format="plaintext")


@app.command
def show(*, context: Here) -> int:
    """Show every value with its origin, and of [fuzz] which campaigns heed it; -v also what it means."""
    found = context.resolve()
    terminal = context.terminal
    leaves = {dotted(path): (path, value) for path, value in leaves_of(found.config).items()}
    if terminal.json:
        terminal.emit(
            {
                "file": str(found.file) if found.file else None,
                "values": {
                    key: {"value": value, "origin": found.origins[key]}
                    | ({"campaigns": campaigns} if (campaigns := _heeded_by(path)) else {})
                    for key, (path, value) in leaves.items()
                },
            }
        )
        return 0
    terminal.say("file: ", visible(str(found.file)) if found.file else "none; all values are defaults")
    heads = ("key", "value", "origin", "campaigns", *(["meaning"] if terminal.verbose else []))
    rows = [
        (key, _written(value), found.origins[key], ", ".join(_heeded_by(path)), meaning(path))
        for key, (path, value) in leaves.items()
    ]
    terminal.table(heads, [row[: len(heads)] for row in rows])
    return 0


def _heeded_by(path: Path) -> list[str]:
    """Which campaigns a key of [fuzz] says something to; [] of all other keys."""
    if path[0] != "fuzz":
        return []
    return ["fuzz", "harness run"] if path[-1] in HARNESS_KEYS else ["fuzz"]


def _written(value: object) -> str:
    return "-" if value is None else msgspec.json.encode(value).decode()
