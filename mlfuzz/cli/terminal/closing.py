"""What is said when a campaign of either side is over: what was found, what was not looked at, what to type next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mlfuzz.budget import in_words
from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.terminal import findings_table as inventory
from mlfuzz.codefuzz.failure.sandbox_refusal import sentence
from mlfuzz.discoveries import new_faults
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN
from mlfuzz.events import CampaignResult
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.findings.labels import first_looked_at, labels_kept, opinion_of
from mlfuzz.findings.weakness import weaknesses
from mlfuzz.progress import SeedStats, Stats, stats_record
from mlfuzz.report.numbers import counted
from mlfuzz.report.summary import FaultGroup, group, headline
from mlfuzz.report.visible import visible

MOST_WEAKNESSES = 8
"""Lines at the end; the others are in the list and in the report."""


@dataclass(frozen=True, slots=True)
class NextCommands:
    """How to go on with a campaign. again: the command that does. why: what for, and the command, where nothing ran.

    there: what commands about it need to find it, such as " --dir elsewhere".
    """

    name: str
    again: str
    why: tuple[str, str]
    there: str = ""


def close(context: Context, commands: NextCommands, result: CampaignResult, report: Path | None) -> None:
    """The last lines, and for a machine the result."""
    terminal, stats = context.terminal, result.stats
    faults = group([one for one in result.findings if one.verdict == "confirmed" and one.triage in ("open", "fixed")])
    terminal.emit(_record(commands, result, faults, report))
    flaky = sum(one.verdict == "flaky" for one in result.findings)
    waiting = sum(one.verdict == "candidate" for one in result.findings)
    ran = stats.inputs or faults or waiting or result.unexplained
    head = f"{head_line(result, faults)}{f', {flaky} flaky set aside' if flaky else ''}"
    terminal.result(
        ("done: ", "bold"),
        (head, "bold red" if faults or waiting or result.unexplained or stats.unstable or not ran else "bold green"),
        f"  ({result.stop}; {_figures(stats)})",
    )
    if words := time_in_words(stats.shares, len(result.deaths)):
        terminal.result(("  time     ", "dim"), words)
    tell_weaknesses(context, [one for one in faults if one.best.side == "model"])
    labels = labels_kept([one for one in result.findings if one.verdict == "confirmed"])
    if str(labels):
        terminal.result(("  labels   ", "dim"), str(labels))
    if said := first_looked_at(result.findings):
        terminal.result(("           ", "dim"), said)
    if focus := str(stats.setup.get("focus") or ""):
        terminal.result(("  focus    ", "dim"), visible(focus))
    if stats.discoveries.batches:
        terminal.result(("  to come  ", "dim"), new_faults(stats.discoveries).text())
    if stats.unstable and stats.unstable not in stats.warnings:
        context.terminal.warn(visible(stats.unstable))
    if result.damage:
        words = ", ".join(f"{count:,} {kind}" for kind, count in result.damage.items() if count)
        verify = f"mlfuzz campaign verify {commands.name}{commands.there}"
        terminal.warn(f"records of this campaign that are damaged or not here: {words}; {verify} says where")
    _tell_harnesses(context, result) if stats.harnesses else _tell_warnings(context, stats)
    for what, command in next_steps(context, commands, result, faults, report):
        terminal.result((f"  {what:<9}", "dim"), command)


SHARES = {"fuzzing": "fuzzing", "start": "start", "deaths": "{}", "wrap_up": "wrap-up"}


def time_in_words(shares: Mapping[str, float], deaths: int) -> str:
    """ "6 s asked; 4.1 s fuzzing, 1.2 s start, 3.0 s two deaths, 0.8 s wrap-up"; "" where it is not known."""
    spent = [
        f"{shares[name]:.1f} s {words.format(counted(deaths, 'death'))}"
        for name, words in SHARES.items()
        if shares.get(name)
    ]
    asked = f"{in_words(shares['asked'])} asked; " if "asked" in shares else ""
    return asked + ", ".join(spent) if spent else ""


def head_line(result: CampaignResult, faults: Sequence[FaultGroup]) -> str:
    """ "3 faults (3 label), 9 inputs that failed again alone, 1 known already; 2 candidates not yet confirmed"."""
    waiting = [one.id for one in result.findings if one.verdict == "candidate"]
    known = sum(one in result.known for one in waiting)
    left = (
        [f"{counted(len(waiting), 'candidate')} not yet confirmed{_known_of(len(waiting), known)}"] if waiting else []
    )
    if result.unexplained:
        left.append(
            f"{counted(len(result.unexplained), 'death')} not yet looked into ({', '.join(result.unexplained)})"
        )
    if faults:
        known = sum(_is_known(one, result.known) for one in faults)
        found = f"{headline(faults)}{_known_of(len(faults), known)}"
        return "; ".join([found, *left])
    if left:
        return f"nothing confirmed yet, {', '.join(left)}"
    if result.stats.unstable:
        return "nothing that can be relied on"
    return "nothing found" if result.stats.inputs else "nothing ran"


def next_steps(
    context: Context, commands: NextCommands, result: CampaignResult, faults: Sequence[FaultGroup], report: Path | None
) -> list[tuple[str, str]]:
    """What for, and the command to type."""
    lines = [("report", shown_path(report, context.directory))] if report else []
    code, there = result.exit_code, commands.there
    if faults:
        new = [one for one in faults if not _is_known(one, result.known)]
        best = f"{(new or faults)[0].best.id[:SHORT_ID]}{there}"
        lines.append(("list", f"mlfuzz findings list --name {commands.name}{there}"))
        lines.append(("look", f"mlfuzz findings show {best}"))
        lines.append(("replay", f"mlfuzz replay {best}"))
        if any(one.best.side == "model" for one in faults) and _doubtful(result):
            lines.append(("review", f"mlfuzz review --name {commands.name}{there}"))
        if new:
            lines.append(("keep", f"mlfuzz findings promote {best}"))
    elif code == EXIT_CLEAN:
        lines.append(("longer", f"{commands.again} --time 1h"))
    if any(one.verdict == "candidate" for one in result.findings):
        lines.append(("confirm", f"mlfuzz findings confirm --name {commands.name}{there}"))
    if code == EXIT_BROKEN:
        lines.append(commands.why)
    elif faults or result.unexplained or result.stop.reason.exit_code is not None:
        lines.append(("resume", commands.again))
    return lines


def _doubtful(result: CampaignResult) -> bool:
    """Whether some finding is not said to have kept its label."""
    opinions = [opinion_of(one) for one in result.findings if one.verdict == "confirmed"]
    return any(one is not None and one.kept is not True for one in opinions)


def tell_weaknesses(context: Context, faults: Sequence[FaultGroup]) -> None:
    """What is wrong, in a few lines: a line a fault would be a screenful and more."""
    found = weaknesses(one for fault in faults for one in fault.members)
    if len(faults) > len(found):
        context.terminal.result(f"  in {counted(len(found), 'weakness', 'weaknesses')}, the worst first:")
    for one in found[:MOST_WEAKNESSES]:
        context.terminal.result(("  weak     ", "dim"), inventory.title(one))
    if len(found) > MOST_WEAKNESSES:
        context.terminal.result((f"           and {len(found) - MOST_WEAKNESSES} more", "dim"))


def _counted(seeds: SeedStats, reason: str) -> str:
    """ "2 x empty file (a.png, b.png)"."""
    count, names = seeds.skipped[reason], seeds.named.get(reason, [])
    more = ", ..." if len(names) < count else ""
    return f"{count} x {reason}" + (f" ({', '.join(names)}{more})" if names else "")


def left_out(seeds: SeedStats) -> list[str]:
    """What of the seeds folder was not fuzzed: whoever gave it takes it for used."""
    lines = []
    if seeds.skipped:
        seen = f" of {seeds.seen} seen" if seeds.seen else ""
        reasons = ", ".join(_counted(seeds, reason) for reason in seeds.skipped)
        lines.append(f"seeds left out{seen}: {reasons}; mlfuzz check says what to do")
    if seeds.failing:
        name, expected, got = seeds.failing[0]
        count = len(seeds.failing)
        lines.append(
            f"{count} seed{'' if count == 1 else 's'} not fuzzed, wrong as given: {name} (expected {expected}, "
            f"got {got}){', ...' if count > 1 else ''}"
        )
    return lines


def _record(
    commands: NextCommands, result: CampaignResult, faults: Sequence[FaultGroup], report: Path | None
) -> dict[str, object]:
    verdicts = [one.verdict for one in result.findings]
    return {
        "event": "result",
        "exit_code": result.exit_code,
        "reason": str(result.stop),
        "campaign": commands.name,
        "faults": [
            {"key": one.key, "best": one.best.id, "inputs": len(one.members), "known": _is_known(one, result.known)}
            for one in faults
        ],
        "weaknesses": len(weaknesses(one for fault in faults for one in fault.members)),
        "candidates": verdicts.count("candidate"),
        "flaky": verdicts.count("flaky"),
        "labels_kept": msgspec.to_builtins(labels_kept(result.findings)),
        "broken": dict(result.broken),
        "time": dict(result.stats.shares),
        "unexplained": list(result.unexplained),
        "unstable": result.stats.unstable,
        "damage": dict(result.damage),
        "stats": stats_record(result.stats),
        "report": str(report) if report else None,
    }


def _figures(stats: Stats) -> str:
    """Speed is of the time that inputs ran, where that was measured."""
    spent = stats.timing.get("fuzz", stats.seconds)
    speed = f"{stats.inputs / spent:,.0f}" if spent else "0"
    reached = f", {stats.coverage.get('edges', 0):.0f} edges" if stats.harnesses else ""
    return f"{stats.inputs:,} inputs, {speed}/s{reached}"


def _known_of(count: int, known: int) -> str:
    if not known:
        return ""
    return ", known already" if count == 1 else f", {'all' if known == count else known} known already"


def _is_known(fault: FaultGroup, known: Collection[str]) -> bool:
    return all(one.id in known for one in fault.members)


def _tell_warnings(context: Context, stats: Stats) -> None:
    for text in (*left_out(stats.seeds), *stats.warnings):
        context.terminal.warn(text)


def _tell_harnesses(context: Context, result: CampaignResult) -> None:
    """What the sandbox refused, and which harness could not be fuzzed."""
    for row in result.stats.harnesses:
        if refused := row.get("refused"):
            aside = f" {row['barred']:,} failures of that were set aside." if row.get("barred") else ""
            text = visible(f"{row['name']}: {sentence(refused, str(row['name']), str(row.get('project', '')))}{aside}")
            context.terminal.result((f"  {'sandbox':<9}", "dim"), text)
    for name, why in result.broken.items():
        text = _brief(why)
        context.terminal.error(visible(text if name in text else f"harness {name}: {text}"))


def _brief(why: str) -> str:
    """One line of it: the warning when it happened had all."""
    first, _, rest = why.strip().partition("\n")
    return f"{first} {rest.rpartition(chr(10))[2]}" if rest else first
