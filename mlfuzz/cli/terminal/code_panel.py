"""A code-side campaign before people's eyes: a table of harnesses on a terminal, lines in a log, `NEW` in both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

import msgspec
from rich.console import RenderableType
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text

from mlfuzz.cli.terminal.live_display import Screen
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.codefuzz.events import Begun, Broken, Ended, Ending, Event, NewFinding, Ready, Settled, Tick, Warned
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.progress import Progress
from mlfuzz.report.numbers import clock, figure, short
from mlfuzz.report.visible import visible
from mlfuzz.stop_reason import Stop

COLUMNS = ("harness", "inputs", "edges", "features", "corpus", "failures", "kinds", "restarts", "time")


class CodePanel:
    """Called with each event; a context manager, so that the terminal is left as it was."""

    def __init__(self, terminal: Terminal, title: str, name: str, seconds: float | None) -> None:
        self.terminal, self.title, self.name = terminal, title, name
        self.findings: dict[str, Finding] = {}
        self.latest: Progress | None = None
        self._harnesses: Mapping[str, Mapping[str, Any]] = {}
        self._screen = Screen(terminal, self._draw, self.line, seconds)

    def __enter__(self) -> Self:
        self._screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        if self.terminal.json:
            self.terminal.emit(record_of(event))
        match event:
            case Ready(harness=harness, seconds=seconds, cached=cached, seeds=seeds, notes=notes, warnings=warnings):
                self._screen.start_clock()
                kept = ", from the cache" if cached else ""
                told = [f"imported in {seconds:.2f} s{kept}", f"{seeds} seed{'' if seeds == 1 else 's'}", *notes]
                self._say(f"{harness}: {'; '.join(told)}")
                for warning in warnings:
                    self._screen.warn(f"{harness}: {visible(warning)}")
            case Broken(harness=harness, reason=reason):
                self._screen.warn(f"{harness} is left out: {visible(reason, keep=chr(10))}")
            case Tick(progress=progress, harnesses=harnesses):
                self.latest, self._harnesses = progress, harnesses
                self._screen.log()
            case NewFinding(finding=finding):
                self.findings[finding.id] = finding
            case Settled(finding=finding):
                self.findings[finding.id] = finding
                if finding.verdict == "confirmed":
                    self._screen.news.tell((finding.target, finding.fault), partial(new_line, finding))
            case Warned(text=text):
                self._screen.warn(visible(text))
            case Ending(how=how):
                self.terminal.say(f"{Stop(how)}: saving and reporting; Ctrl-C now ends it at once")
            case Begun() | Ended():
                pass

    def counts(self) -> str:
        """ "3 faults (5 inputs), 1 flaky, 2 to confirm"."""
        of = {
            verdict: [one for one in self.findings.values() if one.verdict == verdict]
            for verdict in ("confirmed", "flaky", "candidate")
        }
        faults = len({(one.target, one.fault) for one in of["confirmed"]})
        told = [f"{faults} fault{'' if faults == 1 else 's'} ({len(of['confirmed'])} inputs)"]
        told += [f"{len(of['flaky'])} flaky"] if of["flaky"] else []
        told += [f"{len(of['candidate'])} to confirm"] if of["candidate"] else []
        return ", ".join(told)

    def line(self) -> str:
        """One line of a log."""
        now = self.latest
        if now is None:
            return f"{self.name} starting"
        edges, features = now.coverage.get("edges", 0), now.coverage.get("features", 0)
        return (
            f"{self.name} t={now.seconds:.0f}s inputs={short(now.inputs)} /s={now.inputs_per_s:.0f} "
            f"edges={edges:.0f} features={features:.0f} corpus={now.entries} findings={len(self.findings)} "
            f"last_new={now.since_new_s:.0f}s"
        )

    def _say(self, text: str) -> None:
        self.terminal.say((visible(text), "dim"))

    def _draw(self) -> RenderableType:
        table = Table(box=None, padding=(0, 1), show_edge=False)
        for column in COLUMNS:
            table.add_column(column, justify="left" if column == "harness" else "right")
        for row in self._harnesses.values():
            table.add_row(*_cells(row))
        if not self._harnesses:
            table.add_row("importing the harness, running its seeds ...", *[""] * (len(COLUMNS) - 1))
        rate = f"{self.latest.inputs_per_s:,.0f}/s  " if self.latest else ""
        foot = Text(f"{rate}{self._screen.time()}  {self.counts()}   Ctrl-C saves and reports", "dim")
        return Box(table, title=Text(visible(self.title)), subtitle=foot, expand=False)


def new_line(finding: Finding) -> list[str | tuple[str, str]]:
    """ "NEW exception KeyError  wave.py:120:read  26 bytes  0.002 s   mlfuzz replay 3f9a1c20be"."""
    evidence = finding.evidence
    frames = evidence.get("frames") or [""]
    parts: list[str | tuple[str, str]] = [
        ("NEW ", "bold red"), (f"{visible(finding.kind)} ", "bold"), visible(finding.observed, limit=50),
    ]  # fmt: skip
    if finding.message and finding.message != finding.observed:
        parts.append(f"  {visible(finding.message, limit=60)}")
    parts.append((f"  {visible(str(frames[-1]), limit=90)}", "cyan"))
    parts.append(f"  {evidence.get('size', 0):,} bytes")
    if isinstance(seconds := evidence.get("seconds"), float):
        parts.append(f"  {figure(seconds)} s")
    if isinstance(mebibytes := evidence.get("mebibytes"), float) and mebibytes >= 16:
        parts.append(f"  {mebibytes:,.0f} MiB")
    parts.append((f"   mlfuzz replay {finding.id[:SHORT_ID]}", "dim"))
    return parts


def record_of(event: Event) -> dict[str, Any]:
    """The machine's form of an event."""
    match event:
        case Begun(harnesses=harnesses, campaign=campaign, directory=directory):
            return {"event": "started", "harnesses": list(harnesses), "campaign": campaign, "directory": directory}
        case Ready(harness=harness, seconds=seconds, cached=cached, seeds=seeds, notes=notes, warnings=warnings):
            facts = {"seconds": seconds, "cached": cached, "seeds": seeds}
            return {
                "event": "ready", "harness": harness, **facts, "notes": list(notes), "warnings": list(warnings),
            }  # fmt: skip
        case Broken(harness=harness, reason=reason):
            return {"event": "broken", "harness": harness, "reason": reason}
        case Tick(progress=progress, harnesses=harnesses):
            rows = {name: dict(row) for name, row in harnesses.items()}
            return {"event": "progress", "harnesses": rows, **msgspec.to_builtins(progress)}
        case NewFinding(finding=finding):
            return {"event": "saved", "finding": msgspec.to_builtins(finding)}
        case Settled(finding=finding):
            return {"event": "verdict", "finding": msgspec.to_builtins(finding)}
        case Warned(text=text):
            return {"event": "warning", "text": text}
        case Ending(how=how):
            return {"event": "ending", "how": str(Stop(how))}
        case Ended(result=result):
            return {"event": "ended", "exit_code": result.exit_code, "reason": str(result.stop)}


def _cells(row: Mapping[str, Any]) -> list[str]:
    if row.get("broken"):
        return [visible(str(row["name"])), "broken", *[""] * (len(COLUMNS) - 2)]
    return [
        visible(str(row["name"])), short(row["executions"]), f"{row['edges']:,}", f"{row['features']:,}",
        f"{row['corpus']:,}", short(row["failures"]), str(row["buckets"]), str(row["restarts"]),
        clock(float(row["seconds"])),
    ]  # fmt: skip
