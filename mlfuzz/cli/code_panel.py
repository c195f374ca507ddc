"""A code-side campaign before people's eyes: a table of harnesses on a terminal, lines in a log, `NEW` in both."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from rich.console import RenderableType
from rich.live import Live
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text

from mlfuzz.cli.panel import LOG_SECONDS, MOST_NEWS, SHORT_ID
from mlfuzz.cli.terminal import Terminal
from mlfuzz.codefuzz.events import Begun, Broken, Ended, Event, NewFinding, Ready, Settled, Tick, Warned
from mlfuzz.findings.finding import Finding
from mlfuzz.progress import Progress
from mlfuzz.report.numbers import clock, figure, short
from mlfuzz.report.visible import visible

COLUMNS = ("harness", "inputs", "edges", "features", "corpus", "failures", "kinds", "restarts", "time")


class CodePanel:
    """Called with each event; a context manager, so that the terminal is left as it was."""

    def __init__(self, terminal: Terminal, title: str, name: str, seconds: float | None) -> None:
        self.terminal, self.title, self.name, self.seconds = terminal, title, name, seconds
        self.findings: dict[str, Finding] = {}
        self.latest: Progress | None = None
        self._harnesses: Mapping[str, Mapping[str, Any]] = {}
        self._began = self._logged = time.monotonic()
        self._ready = 0.0
        self._told: set[str] = set()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self.terminal.live:
            self._live = Live(
                get_renderable=self._draw, console=self.terminal.console, refresh_per_second=4, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        if self.terminal.json:
            self.terminal.emit(record_of(event))
        match event:
            case Ready(harness=harness, seconds=seconds, cached=cached, seeds=seeds, notes=notes, warnings=warnings):
                self._ready = self._ready or time.monotonic()
                kept = ", from the cache" if cached else ""
                told = [f"imported in {seconds:.2f} s{kept}", f"{seeds} seed{'' if seeds == 1 else 's'}", *notes]
                self._say(f"{harness}: {'; '.join(told)}")
                for warning in warnings:
                    self._warn(f"{harness}: {visible(warning)}")
            case Broken(harness=harness, reason=reason):
                self._warn(f"{harness} is left out: {visible(reason, keep=chr(10))}")
            case Tick(progress=progress, harnesses=harnesses):
                self.latest, self._harnesses = progress, harnesses
                self._log()
            case NewFinding(finding=finding):
                self.findings[finding.id] = finding
            case Settled(finding=finding):
                self.findings[finding.id] = finding
                self._settled(finding)
            case Warned(text=text):
                self._warn(visible(text))
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

    def _settled(self, finding: Finding) -> None:
        """The first confirmed input of a fault is news; the others are counted."""
        fault = f"{finding.target}|{finding.fault}"
        if finding.verdict != "confirmed" or fault in self._told:
            return
        self._told.add(fault)
        if len(self._told) <= MOST_NEWS:
            self.terminal.say(*new_line(finding))
        if len(self._told) == MOST_NEWS:
            self.terminal.say(("further faults are counted; the report lists them", "dim"))

    def _say(self, text: str) -> None:
        self.terminal.say((visible(text), "dim"))

    def _warn(self, text: str) -> None:
        if self._live is None:
            self.terminal.warn(text)
        else:
            self.terminal.result(("warning: ", "yellow"), text)

    def _log(self) -> None:
        now = time.monotonic()
        if self._live is None and now - self._logged >= LOG_SECONDS:
            self._logged = now
            self.terminal.say(f"{clock(now - self._began)} ", self.line())

    def _draw(self) -> RenderableType:
        table = Table(box=None, padding=(0, 1), show_edge=False)
        for column in COLUMNS:
            table.add_column(column, justify="left" if column == "harness" else "right")
        for row in self._harnesses.values():
            table.add_row(*_cells(row))
        if not self._harnesses:
            table.add_row("importing the harness, running its seeds ...", *[""] * (len(COLUMNS) - 1))
        rate = f"{self.latest.inputs_per_s:,.0f}/s  " if self.latest else ""
        foot = Text(f"{rate}{self._time()}  {self.counts()}   Ctrl-C saves and reports", "dim")
        return Box(table, title=Text(visible(self.title)), subtitle=foot, expand=False)

    def _time(self) -> str:
        elapsed = time.monotonic() - self._ready if self._ready else 0.0
        if self.seconds is None:
            return clock(elapsed)
        over = ", confirming" if elapsed > self.seconds else ""
        return f"{clock(min(elapsed, self.seconds))} / {clock(self.seconds)}{over}"


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
        case Ended(result=result):
            return {"event": "ended", "exit_code": result.exit_code, "reason": result.reason}


def _cells(row: Mapping[str, Any]) -> list[str]:
    if row.get("broken"):
        return [visible(str(row["name"])), "broken", *[""] * (len(COLUMNS) - 2)]
    return [
        visible(str(row["name"])), short(row["executions"]), f"{row['edges']:,}", f"{row['features']:,}",
        f"{row['corpus']:,}", short(row["failures"]), str(row["buckets"]), str(row["restarts"]),
        clock(float(row["seconds"])),
    ]  # fmt: skip
