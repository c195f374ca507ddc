"""What `mlfuzz findings show` says of a finding of the code side: where, how it ends, and its bytes."""

from __future__ import annotations

from pathlib import Path

from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.codefuzz.formats import tree
from mlfuzz.codefuzz.formats.difference import Change, difference
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import Finding, severity_unit
from mlfuzz.findings.store import read
from mlfuzz.replay import Case
from mlfuzz.report import codeside
from mlfuzz.report.fields import fields
from mlfuzz.report.numbers import figure
from mlfuzz.report.visible import visible

ROWS = 16
"""Of a hexdump; the file is there for the rest."""


def show(terminal: Terminal, case: Case) -> None:
    """All but the last line, which says how to replay it."""
    one = case.finding
    here = case.path if case.path.is_dir() else case.path.parent
    terminal.result((f"{one.kind} ", "bold"), f"{visible(one.observed)} of {visible(one.target)}")
    rows = [("id", one.id), ("harness", one.load), ("message", one.message), *codeside.facts(one)]
    rows += [
        ("severity", f"{figure(one.severity)} {severity_unit(one)}" if one.severity is not None else ""),
        ("verdict", f"{one.verdict} {one.confirmed}"), ("triage", f"{one.triage}{f': {one.note}' if one.note else ''}"),
        ("fault", one.fault), ("file", str(here / one.input.file)), ("found", f"{one.created} in {one.campaign}"),
        ("made with", ", ".join(f"{key} {value}" for key, value in one.environment.items())),
    ]  # fmt: skip
    for what, text in rows:
        if text.strip():
            terminal.result((f"  {what:<14}", "dim"), visible(text, limit=600))
    for count, way in codeside.paths(one):
        terminal.result((f"  {'call path':<14}", "dim"), visible(f"{count} {way}".strip(), limit=300))
    for line in str(one.evidence.get("traceback", "")).splitlines()[:60]:
        terminal.result(f"    {visible(line)}")
    for call, value in codeside.consumed(one):
        terminal.result((f"    {visible(call)}", "dim"), f" -> {visible(value, limit=120)}")
    _bytes(terminal, case.path, one)


def _changes(path: Path, one: Finding, data: bytes) -> list[Change]:
    """What was left out of the first input, and changed, to make this one."""
    try:
        first = read(path)[1][one.seed.file] if one.seed else data
    except (MlfuzzError, KeyError):
        return []
    return difference(tree(first), tree(data))


def _bytes(terminal: Terminal, path: Path, one: Finding) -> None:
    try:
        data = read(path)[1][one.input.file]
    except MlfuzzError as error:
        terminal.warn(visible(str(error)))
        return
    for at in range(0, min(len(data), 16 * ROWS), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row)
        terminal.result((f"    {at:06x}  ", "dim"), f"{row.hex(' '):<47}  {text}")
    if len(data) > 16 * ROWS:
        terminal.result((f"    and {len(data) - 16 * ROWS:,} bytes more", "dim"))
    for change in _changes(path, one, data):
        terminal.result((f"    {change.what:<9} ", "dim"), visible(f"{change.part}  {change.detail}", limit=120))
    for known in fields(data)[1][:ROWS]:
        over = "  (ends beyond the input)" if known.stop > len(data) else ""
        terminal.result((f"    {known.start:06x}  ", "dim"), f"{known.name:<16} {visible(known.value, limit=80)}{over}")
