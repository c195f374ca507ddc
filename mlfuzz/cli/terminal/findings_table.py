"""The tables of `mlfuzz findings list`: by weakness, by fault, or finding by finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from mlfuzz.cli.terminal.terminal import Parts
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.fingerprint import Fault
from mlfuzz.findings.labels import label_word
from mlfuzz.findings.weakness import Weakness, operator_of, weaknesses
from mlfuzz.report.numbers import counted, figure
from mlfuzz.report.summary import group
from mlfuzz.report.visible import visible

View: TypeAlias = Literal["weakness", "fault", "finding"]
Order: TypeAlias = Literal["severity", "margin", "inputs", "new"]
Rows: TypeAlias = list[Sequence[str]]

SHOWN_OPERATORS = 4
SHOWN_ANSWERS = 3

WEAKNESS = ("worst", "severity", "oracle", "faults", "inputs", "gets", "by", "for instance")
FAULT = (
    "id",
    "severity",
    "oracle",
    "expected",
    "got",
    "margin",
    "verdict",
    "label",
    "triage",
    "inputs",
    "by",
    "change",
)
FINDING = ("id", "severity", "oracle", "expected", "got", "margin", "verdict", "label", "triage", "inputs", "change")


def table(findings: Iterable[Finding], view: View, order: Order) -> tuple[Sequence[str], Rows, Mapping[int, Parts]]:
    """(heads, rows, lines before rows) of findings, in that order. At least one finding."""
    if view == "finding":
        faults = group(list(findings))
        sized = [(one, len(fault.members)) for fault in faults for one in fault.members]
        return FINDING, [_finding(one, size) for one, size in _ordered_findings(sized, order)], {}
    found = ordered(weaknesses(findings), order)
    if view == "weakness":
        return WEAKNESS, [_weakness(one) for one in found], {}
    rows: Rows = []
    titles: dict[int, Parts] = {}
    for weakness in found:
        titles[len(rows)] = [(title(weakness), "bold cyan")]
        faults_in = sorted(weakness.faults, key=lambda fault: _key(fault.members, order))
        rows += [_fault(fault) for fault in faults_in]
    return FAULT, rows, titles


def document(findings: Sequence[Finding], view: View, order: Order) -> list[Any]:
    """The same for machines: findings, or weaknesses with the ids in them."""
    if view == "finding":
        sized = _ordered_findings([(one, 1) for one in findings], order)
        return [msgspec.to_builtins(one) for one, _ in sized]
    return [
        {
            "name": one.name, "target": one.target, "oracle": one.kind, "operators": list(one.operators),
            "best": one.best.id, "severity": one.best.severity, "inputs": len(one.members),
            "pairs": [[*pair, count] for pair, count in one.pairs.most_common()],
            "faults": [
                {"key": fault.key, "best": fault.best.id, "findings": [each.id for each in fault.members]}
                for fault in one.faults
            ],
        }
        for one in ordered(weaknesses(findings), order)
    ]  # fmt: skip


def ordered(found: Sequence[Weakness], order: Order) -> list[Weakness]:
    """Weaknesses as asked for; they come by severity, the worst first."""
    return list(found) if order == "severity" else sorted(found, key=lambda one: _key(one.members, order))


def title(one: Weakness) -> str:
    """ "mist, fog, snow: 12 faults, most often 8"."""
    return f"{_operators(one)}: {counted(len(one.faults), 'fault')}, gets {_answers(one)}"


def closing(every: Sequence[Finding], shown: Sequence[Finding], wanted: str, view: View, options: str) -> Iterator[str]:
    """What the table is of, and how the rest is seen. options: --name and --dir as they were given."""
    others = Counter(one.verdict for one in every if wanted not in ("", one.verdict))
    if not shown:
        yield f"no {wanted} findings".replace("  ", " ")
    else:
        found = weaknesses(shown)
        faults = counted(sum(len(one.faults) for one in found), "fault")
        inputs = counted(len(shown), f"{wanted} finding".strip())
        yield f"{counted(len(found), 'weakness', 'weaknesses')}, {faults}, {inputs}"
    for verdict, count in others.items():
        if verdict == "candidate":
            yield f"{counted(count, 'candidate')} not yet confirmed: mlfuzz findings confirm{options}"
        else:
            yield f"{count} {verdict}: mlfuzz findings list --verdict {verdict}{options}"
    if shown and view == "weakness":
        yield f"the faults of each: mlfuzz findings list --by fault{options}"


def _weakness(one: Weakness) -> list[str]:
    best = one.best
    change = f"{visible(best.expected, limit=16)} -> {visible(best.observed, limit=16)}: {_change(best)}"
    return [
        best.id[:SHORT_ID], figure(best.severity), best.kind, str(len(one.faults)), str(len(one.members)),
        _answers(one), _operators(one), change,
    ]  # fmt: skip


def _fault(fault: Fault) -> list[str]:
    row = _finding(fault.best, len(fault.members))
    return [*row[:-1], operator_of(fault).partition(".")[2] or "-", row[-1]]


def _finding(finding: Finding, inputs: int) -> list[str]:
    return [
        finding.id[:SHORT_ID], figure(finding.severity), finding.kind, visible(finding.expected, limit=24),
        visible(finding.observed, limit=24), figure(finding.margin),
        f"{finding.verdict} {finding.confirmed}".strip(),
        label_word(finding) or "-", finding.triage, str(inputs), _change(finding),
    ]  # fmt: skip


def _change(finding: Finding) -> str:
    return visible(finding.sentence or "unchanged seed", limit=70)


def _operators(one: Weakness) -> str:
    names = [name.partition(".")[2].replace("_", " ") or name for name in one.operators]
    if not names:
        return visible(one.name, limit=60)
    more = f" +{len(names) - SHOWN_OPERATORS}" if len(names) > SHOWN_OPERATORS else ""
    return ", ".join(names[:SHOWN_OPERATORS]) + more


def _answers(one: Weakness) -> str:
    """ "8 (25), 0 (11), ..."."""
    parts = [f"{visible(answer, limit=16) or '-'} ({count})" for answer, count in one.answers[:SHOWN_ANSWERS]]
    return ", ".join([*parts, *(["..."] if len(one.answers) > SHOWN_ANSWERS else [])])


def _ordered_findings(sized: Sequence[tuple[Finding, int]], order: Order) -> list[tuple[Finding, int]]:
    if order == "inputs":
        return sorted(sized, key=lambda pair: -pair[1])
    return sorted(sized, key=lambda pair: _ORDERS[order]([pair[0]]))


def _key(members: Sequence[Finding], order: Order) -> float:
    return _ORDERS[order](members)


def _most(values: Iterable[float | None]) -> float:
    """For ascending sorts: the largest first, those without a number last."""
    known = [value for value in values if value is not None]
    return -max(known) if known else float("inf")


def _newest(members: Sequence[Finding]) -> float:
    digits = max("".join(char for char in one.created if char.isdigit())[:14] for one in members)
    return -float(digits or 0)


_ORDERS: dict[Order, Callable[[Sequence[Finding]], float]] = {
    "severity": lambda members: _most(one.severity for one in members),
    "margin": lambda members: _most(one.margin for one in members),
    "inputs": lambda members: -float(len(members)),
    "new": _newest,
}
