"""What is known of a running campaign, in the words of its panel: fed by events, drawn by `panel`."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlfuzz.events import Confirmed, Event, NewFinding, Preparing, Shrunk, Tick, WorkerDied
from mlfuzz.findings.finding import Finding
from mlfuzz.progress import Progress
from mlfuzz.report.numbers import clock, counted, percent, short
from mlfuzz.report.tables import INTERNAL

WINDOW_S = 60.0

REACHED = ("edges", "features")
"""Figures of coverage that a line of a log has, where there are any."""


@dataclass(slots=True)
class CampaignView:
    """Newest progress, every finding by its id, figures by harness, and what the panel says of them."""

    latest: Progress | None = None
    findings: dict[str, Finding] = field(default_factory=dict)
    harnesses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deaths: int = 0
    damaged: int = 0
    doing: str = "loading the target"
    _entries: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, event: Event) -> None:
        """Bring what is known up to date with an event."""
        match event:
            case Tick(progress=progress, harnesses=harnesses, findings=findings):
                self.latest, self.harnesses = progress, harnesses
                self.damaged = sum(progress.damage.values()) + findings.get("damaged", 0)
                self._entries.append((progress.seconds, progress.entries))
                while self._entries[0][0] < progress.seconds - WINDOW_S:
                    self._entries.popleft()
            case NewFinding(finding=finding) | Confirmed(finding=finding) | Shrunk(finding=finding):
                self.findings[finding.id] = finding
            case Preparing(doing=doing):
                self.doing = doing
            case WorkerDied(deaths=deaths):
                self.deaths = deaths
            case _:
                pass

    @property
    def faults(self) -> int:
        """Different ways of failing among the confirmed: a provisional count until all are shrunk."""
        return len({fault_of(finding) for finding in self._with("confirmed")})

    @property
    def new_entries(self) -> int:
        """Entries of the last minute."""
        return self._entries[-1][1] - self._entries[0][1] if self._entries else 0

    def counts(self) -> str:
        """ "3 faults (41 inputs), 2 flaky, 5 to confirm"."""
        confirmed, flaky, waiting = (len(self._with(verdict)) for verdict in ("confirmed", "flaky", "candidate"))
        parts = [f"{counted(self.faults, 'fault')} ({counted(confirmed, 'input')})"]
        parts += [f"{flaky} flaky"] if flaky else []
        parts += [f"{waiting} to confirm"] if waiting else []
        return ", ".join(parts)

    def coverage(self) -> str:
        """The criterion's figures: "41.2 % share, radius 0.31"."""
        figures = self.latest.coverage if self.latest else {}
        return ", ".join(
            f"{percent(value)}" if name == "share" else f"{name} {short(value)}"
            for name, value in figures.items()
            if name.rpartition(".")[2] not in INTERNAL
        )

    def line(self, name: str) -> str:
        """One line of a log."""
        now = self.latest
        if now is None:
            return f"{name} starting"
        parts = [
            f"t={now.seconds:.0f}s", f"inputs={short(now.inputs)}", f"/s={now.inputs_per_s:.0f}",
            *(f"{figure}={now.coverage[figure]:.0f}" for figure in REACHED if figure in now.coverage),
            f"corpus={now.entries}", f"faults={self.faults}", f"findings={len(self.findings)}",
            f"p_new={percent(now.p_new).replace(' ', '')}", f"last_new={now.since_new_s:.0f}s",
            *([f"damaged={self.damaged}"] if self.damaged else []),
        ]  # fmt: skip
        return f"{name} {' '.join(parts)}" + (f" deaths={self.deaths}" if self.deaths else "")

    def cells(self) -> list[tuple[str, str]]:
        """(label, value) of a model's panel, in reading order."""
        now = self.latest
        if now is None:
            return [("", f"{self.doing} ...")]
        return [
            ("inputs", f"{now.inputs:,} ({now.inputs_per_s:,.0f}/s)"),
            ("corpus", f"{now.entries:,} (+{self.new_entries:,} in {WINDOW_S:.0f} s)"),
            ("last new", f"{clock(now.since_new_s)} ago"),
            ("findings", self.counts()),
            ("kept", f"{percent(now.p_new)} of the last inputs"),
            *([("new faults", now.new_faults.text())] if now.new_faults else []),
            ("coverage", self.coverage() or "-"),
            ("best", "  ".join(now.best[:4]) or "-"),
            *([("damaged", f"{self.damaged:,} records, gone on without")] if self.damaged else []),
        ]

    def _with(self, verdict: str) -> list[Finding]:
        return [finding for finding in self.findings.values() if finding.verdict == verdict]


def fault_of(finding: Finding) -> tuple[str, str]:
    """The target and the fault's key, or a provisional one until the finding is shrunk."""
    provisional = f"{finding.key}|{finding.chain[-1].name if finding.chain else ''}"
    return finding.target, finding.fault or provisional
