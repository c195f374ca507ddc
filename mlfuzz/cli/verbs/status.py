"""`mlfuzz status`: running and finished campaigns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from mlfuzz.budget import in_words
from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.terminal.damage import tell_damage, worst
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.store import FindingStore
from mlfuzz.findings.weakness import weaknesses
from mlfuzz.integrity.inspect import inspect
from mlfuzz.integrity.losses import Integrity
from mlfuzz.progress import Stats
from mlfuzz.report.numbers import percent
from mlfuzz.report.operator_costs import EXPLANATION, HEADS, OperatorCost, outline
from mlfuzz.report.summary import group
from mlfuzz.report.visible import visible
from mlfuzz.storage.derived import Tell, stored_progress, stored_stats
from mlfuzz.storage.lock import holder
from mlfuzz.storage.workdir import Workdir, campaigns, find_campaign

WATCH_SECONDS = 2.0


def status(
    name: str = "", /, *, watch: Annotated[bool, Parameter(negative="")] = False, dir: str = "", context: Here
) -> int:
    """Show running and finished campaigns. Exit code 3 where what one has kept is damaged.

    Args:
        name: Of one campaign; all of them by default.
        watch: Show it again every two seconds, until Ctrl-C.
        dir: Where campaigns lie, instead of the configured folder.
    """
    base = context.path(dir) if dir else context.resolve().state_dir
    while True:
        chosen = [find_campaign(base, name)] if name else campaigns(base)
        found = [inspect(workdir) for workdir in chosen]
        states = [state_of(*pair, context.terminal.warn) for pair in zip(chosen, found, strict=True)]
        _show(context, states, str(base), whole=bool(name))
        code = worst(0, *(tell_damage(context.terminal, one, folder=dir) for one in found))
        if not watch:
            return code
        time.sleep(WATCH_SECONDS)


def state_of(workdir: Workdir, found: Integrity, tell: Tell) -> dict[str, Any]:
    """What a campaign's files say of it now. tell: gets a line on each that cannot be read."""
    held = holder(workdir.lock)
    state: dict[str, Any] = {
        "name": workdir.name, "running": held is not None, "pid": held.pid if held else None, **found.counts(),
    }  # fmt: skip
    try:
        stats = stored_stats(workdir, tell) or Stats(campaign="", started="")
        lines = stored_progress(workdir, tell)
        findings = list(FindingStore(workdir.findings).records())
    except (MlfuzzError, OSError) as error:
        return {**state, "error": str(error)}
    last = lines[-1] if lines else None
    confirmed = [finding for finding in findings if finding.verdict == "confirmed"]
    return {
        **state,
        "target": str(stats.target.get("name", "")),
        "ended": "" if held else stats.ended,
        "unstable": stats.unstable,
        "time": dict(stats.shares),
        "seconds": last.seconds if last else stats.seconds,
        "inputs": last.inputs if last else stats.inputs,
        "inputs_per_s": last.inputs_per_s if last else 0.0,
        "entries": last.entries if last else stats.entries,
        "p_new": last.p_new if last else None,
        "new_faults": last.new_faults if last else None,
        "weaknesses": len(weaknesses(confirmed)),
        "faults": len(group(confirmed)),
        "findings": len(confirmed),
        "flaky": sum(finding.verdict == "flaky" for finding in findings),
        "operators": outline(stats, group(confirmed)),
        "to_confirm": sum(finding.verdict == "candidate" for finding in findings),
    }


def _show(context: Context, states: list[dict[str, Any]], base: str, *, whole: bool) -> None:
    """whole: of one campaign its operators too."""
    terminal = context.terminal
    if terminal.json:
        terminal.emit(states)
        return
    if not states:
        terminal.result(f"no campaigns in {base}; begin with: mlfuzz demo, or mlfuzz fuzz TARGET")
        return
    heads = (
        "campaign",
        "state",
        "target",
        "time",
        "inputs",
        "/s",
        "corpus",
        "P(new)",
        "weak",
        "faults",
        "inputs kept",
        "flaky",
    )
    terminal.table(heads, [_row(state) for state in states])
    if whole and "operators" in states[0]:
        _show_operators(terminal, states[0]["operators"])


def _show_operators(terminal: Terminal, found: Mapping[str, Any]) -> None:
    """Of one campaign: what each operator took and found."""
    if not found["rows"]:
        return
    for sentence in EXPLANATION.split(". "):
        terminal.result(sentence.removesuffix("."))
    terminal.table(HEADS, [OperatorCost(*row.values()).cells() for row in found["rows"]])
    if not found["fruitless"]:
        return
    named = visible(", ".join(found["fruitless"]))
    terminal.result(f"{named} took much of the time and found nothing")
    if found["switch_off"]:
        terminal.result("to leave that out write into mlfuzz.toml, and begin another campaign:")
        for line in found["switch_off"].splitlines():
            terminal.result(f"  {visible(line)}")


def _row(state: dict[str, Any]) -> list[str]:
    if "error" in state:
        return [state["name"], state["error"], *[""] * 10]
    running = f"running ({state['pid']})" if state["running"] else state["ended"] or "ended"
    running += "; not deterministic: nothing it did not find says anything" if state["unstable"] else ""
    running += ", damaged" if state["damaged"] or state["unreadable"] or state["gone"] else ""
    p_new = "-" if state["p_new"] is None else percent(state["p_new"])
    waiting = f" +{state['to_confirm']} to confirm" if state["to_confirm"] else ""
    return [
        state["name"], running, state["target"], in_words(state["seconds"]), f"{state['inputs']:,}",
        f"{state['inputs_per_s']:,.0f}", f"{state['entries']:,}", p_new, str(state["weaknesses"]), str(state["faults"]),
        f"{state['findings']}{waiting}", str(state["flaky"]),
    ]  # fmt: skip
