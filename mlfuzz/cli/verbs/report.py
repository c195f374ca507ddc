"""`mlfuzz report`: a campaign's report, for people or for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.terminal.damage import tell_damage
from mlfuzz.errors import UsageError
from mlfuzz.report import html, junit, sarif
from mlfuzz.report.outline import outline
from mlfuzz.report.summary import summarise
from mlfuzz.report.visible import visible
from mlfuzz.storage.durable import make_folder, write_atomic
from mlfuzz.storage.workdir import Workdir, campaigns, find_campaign

SUFFIXES = {"html": "html", "json": "json", "sarif": "sarif", "junit": "xml"}


def report(
    name: str = "",
    /,
    *,
    format: Literal["html", "json", "sarif", "junit"] = "html",
    output: str = "",
    inline_limit: str | None = None,
    dir: str = "",
    context: Here,
) -> int:
    """Write a campaign's report from its files; it may still be running. Exit code 3 where some are damaged.

    Args:
        name: Of the campaign; may be left out where there is one only.
        format: html for people, json, sarif or junit for machines.
        output: File to write; by default report.html (.json, .sarif, .xml) in the campaign's folder.
        inline_limit: Size up to which inputs are shown in the page: 5MB, 25MB.
        dir: Where campaigns lie, instead of the configured folder.
    """
    found = context.resolve({"report": {"inline_limit": inline_limit}})
    workdir = only_campaign(context.path(dir) if dir else found.state_dir, name)
    path = context.path(output) if output else workdir.report.with_suffix(f".{SUFFIXES[format]}")
    make_folder(path.parent)
    settings = found.config.report
    summary = summarise(workdir)
    for text in summary.warnings[len(summary.stats.warnings) :]:  # the campaign told its own when it ended
        context.terminal.warn(visible(text))
    if format == "html":
        html.write(summary, path, title=settings.title, inline_limit=settings.inline_limit)
    else:
        documents = {"json": _json, "sarif": sarif.render, "junit": junit.render}
        write_atomic(path, documents[format](summary).encode(), sync=False)
    damage = summary.integrity.counts()
    context.terminal.emit({"report": str(path), "faults": len(summary.faults), "damage": damage})
    _say(context, path)
    return tell_damage(context.terminal, summary.integrity, folder=dir)


def only_campaign(base: Path, name: str) -> Workdir:
    """The campaign of that name, or the only one. Raises UsageError where there are several or none."""
    if name:
        return find_campaign(base, name)
    found = campaigns(base)
    if len(found) == 1:
        return found[0]
    names = ", ".join(workdir.name for workdir in found)
    raise UsageError(f"which campaign: {names}?" if found else f"no campaigns in {base}; begin with: mlfuzz demo")


def _json(summary: object) -> str:
    return msgspec.json.format(msgspec.json.encode(outline(summary)), indent=2).decode() + "\n"  # type: ignore[arg-type]


def _say(context: Context, path: Path) -> None:
    context.terminal.result(shown_path(path, context.directory))
