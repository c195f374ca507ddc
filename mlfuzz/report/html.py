"""The report: one HTML file that needs nothing else, and runs nothing.

There is no script in it, and its Content-Security-Policy allows none: pictures come as data URIs, curves as SVG, and
folding is <details>. All that comes from data is escaped by Jinja2; the style is allowed by its hash, so that not even
a style can be put in.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from mlfuzz import __version__
from mlfuzz.budget import in_words
from mlfuzz.errors import StorageError
from mlfuzz.findings.finding import SEVERITY_UNIT, FileRef, Finding, Run
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.findings.labels import first_looked_at, label_word
from mlfuzz.report import codeside, narrowing, numbers, operator_costs, tables, weakness
from mlfuzz.report import robustness as strengths
from mlfuzz.report.chart import bar
from mlfuzz.report.exhibits import exhibit
from mlfuzz.report.summary import FaultGroup, Summary
from mlfuzz.report.visible import visible

INLINE_LIMIT = 25 << 20

EXEMPLARS = 3
"""Findings of a fault that are shown with their input; the others are rows with a link."""

MEMBER_ROWS = 40

FIRST_FAULTS = 12
"""Faults that are laid open; the others fold."""


def render(summary: Summary, *, path: Path, title: str = "", inline_limit: int = INLINE_LIMIT) -> str:
    """The page as text. path: where it will lie; links to files are relative to it.

    inline_limit: bytes of the page up to which inputs are shown in it; beyond, they are linked.
    """
    shelf = _Shelf(summary, path.parent, inline_limit)
    costs = operator_costs.operator_costs(summary.stats, summary.faults)
    useless = operator_costs.fruitless(costs)
    page = environment().get_template("report.html").render(
        title=title or summary.stats.campaign,
        summary=summary,
        stats=summary.stats,
        steps=tables.next_steps(summary),
        tiles=tables.tiles(summary),
        doubtful=first_looked_at([one for fault in summary.faults for one in fault.members]),
        to_come=tables.to_come(summary.stats),
        slices=summary.slices[0],
        slices_tried=summary.slices[1],
        focus_on=tables.focus_on(summary),
        curves=tables.curves(summary),
        operators=tables.failure_rates(summary.stats),
        narrow=narrowing.narrow(narrowing.first_to_narrow(summary.stats), summary.stats),
        robustness=strengths.section(summary.robustness, str(summary.stats.target.get("digest", ""))),
        costs=costs,
        cost_heads=operator_costs.HEADS,
        cost_words=operator_costs.EXPLANATION,
        useless=useless,
        switch_off=operator_costs.switch_off(useless, summary.stats),
        confusion=tables.confusion(summary.stats),
        layers=tables.layers(summary.stats),
        timing=tables.timing(summary.stats),
        setup=tables.setup(summary),
        overview=tables.overview(summary),
        weaknesses=[] if tables.of_code(summary) else weakness.rows(summary),
        harnesses=tables.harnesses(summary.stats),
        code=tables.of_code(summary),
        severity_unit=SEVERITY_UNIT,
        first=FIRST_FAULTS,
        cards=[_card(number, fault, shelf) for number, fault in enumerate(summary.faults, start=1)],
        linked=shelf.linked,
        link=shelf.link,
        style=Markup(style()),  # our own file
        policy=policy(),
        version=__version__,
    )  # fmt: skip
    return page


def write(summary: Summary, path: Path, *, title: str = "", inline_limit: int = INLINE_LIMIT) -> Path:
    """Write the page; the old one stands until the new one is whole. Raises StorageError."""
    from mlfuzz.storage.durable import write_atomic

    page = render(summary, path=path, title=title, inline_limit=inline_limit)
    write_atomic(path, page.encode("utf-8", "backslashreplace"), sync=False)
    return path


class _Shelf:
    """Where inputs come from, and how much room is left for them in the page."""

    def __init__(self, summary: Summary, folder: Path, room: int) -> None:
        self._summary, self._folder, self._room = summary, folder, room
        self.linked = 0

    def exhibit(self, finding: Finding) -> Markup | None:
        """The finding's input, laid out; None where there is no room left, or its file is gone."""
        if self._room <= 0:
            self.linked += 1
            return None
        try:
            data = self._summary.read(finding, finding.input)
            seed = self._summary.read(finding, finding.seed) if finding.seed else None
        except StorageError as error:
            return Markup('<p class="note">{}</p>').format(visible(str(error)))
        template, values = exhibit(finding, data, seed)
        laid_out = environment().get_template(str(template)).render(exhibit=values, finding=finding, link=self.link)
        self._room -= len(laid_out)
        return Markup(laid_out)  # made by an escaping template

    def link(self, finding: Finding, ref: FileRef | None) -> str:
        """A relative URL to a file of a finding."""
        if ref is None:
            return ""
        from mlfuzz.storage.workdir import Workdir

        target = Workdir(self._summary.root).finding(finding.id) / ref.file
        return quote(Path(os.path.relpath(target, self._folder)).as_posix())


def _card(number: int, fault: FaultGroup, shelf: _Shelf) -> Mapping[str, Any]:
    shown = fault.members[:EXEMPLARS]
    rest = fault.members[EXEMPLARS:]
    return {
        "number": number,
        "fault": fault,
        "crash": fault.best.kind in CRASH_KINDS,
        "label": label_word(fault.best),
        "place": codeside.place_of(fault.best) if fault.best.side == "code" else "",
        "exemplars": [_exemplar(one, shelf) for one in shown],
        "rest": rest[:MEMBER_ROWS],
        "unlisted": max(0, len(rest) - MEMBER_ROWS),
        "traceback": str(fault.best.evidence.get("traceback", "")),
    }


def _exemplar(finding: Finding, shelf: _Shelf) -> Mapping[str, Any]:
    values: dict[str, Any] = {"finding": finding, "exhibit": shelf.exhibit(finding), "scores": _scores(finding)}
    if finding.side == "code":
        values |= {"scores": [], "facts": codeside.facts(finding), "consumed": codeside.consumed(finding)}
        values["paths"] = codeside.paths(finding)
    return values


def _scores(finding: Finding) -> list[Mapping[str, Any]]:
    """Rows (label, before, after, bars) of the labels that either run ranks high."""
    before, after = finding.before or Run(), finding.after or Run()
    labels = sorted(
        {*before.scores, *after.scores}, key=lambda label: -max(_score(before, label), _score(after, label))
    )
    shares = all(0 <= score <= 1 for run in (before, after) for score in run.scores.values())
    return [
        {
            "label": label,
            "was": label == before.label,
            "is": label == after.label,
            "before": before.scores.get(label),
            "after": after.scores.get(label),
            "before_bar": bar(before.scores[label], width=72) if shares and label in before.scores else "",
            "after_bar": bar(after.scores[label], width=72, kind="hot") if shares and label in after.scores else "",
        }
        for label in labels[:5]
    ]


def _score(run: Run, label: str) -> float:
    return run.scores.get(label, float("-inf"))


@cache
def environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_page),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "visible": _line,
        "lines": _lines,
        "grouped": numbers.grouped,
        "short": numbers.short,
        "percent": numbers.percent,
        "figure": numbers.figure,
        "in_words": in_words,
        "moment": numbers.moment,
    }
    return environment


def _shown(value: object) -> object:
    """Whatever a page has not asked to be made visible, a reader sees."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value, keep="\n")


def _line(text: object, limit: int = 0) -> str:
    return visible(str(text), limit=limit)


def _lines(text: object) -> str:
    return visible(str(text), keep="\n")


def _page(name: str) -> str:
    if os.path.isabs(name):  # an exhibit from outside; what is in a page comes from code alone
        return Path(name).read_text("utf-8")
    return (files("mlfuzz.report") / "pages" / name).read_text("utf-8")


@cache
def style() -> str:
    return _page("style.css").strip()


def policy() -> str:
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; media-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
