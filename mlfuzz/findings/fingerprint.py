"""What several findings have in common: the fault behind them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlfuzz.findings.finding import Finding

CRASH_KINDS = frozenset({
    "exception", "crash", "exit", "hang", "memory",
    # of the code side alone
    "group", "assertion", "recursion", "memory-error", "thread", "unraisable", "overflow", "killed", "os-exit",
    "sanitizer", "slow", "leak", "damage",
})  # fmt: skip

ISOLATED = frozenset({"crash", "exit", "hang"})
"""Of a model: they would take the process with them that runs them, and run in forked children."""

RESOURCES = frozenset({"hang", "slow", "memory", "memory-error", "killed"})
"""They take time or memory at each try; how much is too much depends on the moment: where one of these comes for
another, it is the same failure."""

FOUNDATIONS = ("torch/", "numpy/", "faiss/", "atheris/", "importlib/", "<frozen importlib")
"""An error raised in these is a fault of whoever called them: the frame above names it."""

CHANGE = "change"
"""The name in a finding's evidence of what became of its answer, in words: "too high", "fewer frames"."""

SHORT = 40
_INSTALLED = re.compile(r".*?(?:site-packages|dist-packages|lib/python\d+\.\d+)/")
_LINE = re.compile(r"(\.pyx?)(?::\d+|, line \d+)(?=:|,|$| )")
_STATUS = re.compile(r"^os-exit:status \d+(?=:|$)")
_SENT = re.compile(r"^crash:SIG(?!(?:SEGV|BUS|ILL|FPE|ABRT|TRAP|SYS)(?::|$))\w+")
_NUMBER = re.compile(r"-?(\d+\.\d*|\d*\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?|nan|-?inf")


@dataclass(frozen=True, slots=True)
class Fault:
    """Findings of one target with one fault. members: the most severe first, at least one.

    verdicts: how many are confirmed, flaky, candidate.
    """

    key: str
    target: str
    members: tuple[Finding, ...]
    verdicts: Mapping[str, int]

    @property
    def best(self) -> Finding:
        """The one to look at: the most severe of the confirmed, else of all."""
        return min(self.members, key=lambda one: (one.verdict != "confirmed", *_severest(one)))


def fault_of(finding: Finding, dominant: str = "") -> str:
    """A short, readable name that findings of one fault share.

    Of a model: "oracle|expected->observed|operator". dominant: the operator that matters most in the shrunk chain; ""
    takes the last. Of an exception, crash, exit, hang or memory: "kind|type|file:function", the innermost frame inside
    the target, from `evidence["frames"]` (outermost first) and `evidence["type"]`, else what was observed.
    """
    if finding.kind in CRASH_KINDS:
        return "|".join((finding.kind, _type(finding), target_frame(finding.evidence.get("frames", ()))))
    return _of_model(finding, dominant, _change(finding))


def today(fault: str) -> str:
    """A fault of code as it is named now: once each status, and each signal that ended it, was a fault of its own."""
    return _SENT.sub("crash:signal", _STATUS.sub("os-exit:", fault))


def former_faults(finding: Finding) -> list[str]:
    """Names that it may have had before answers of numbers were told apart by which way they went; else none."""
    if not finding.evidence.get(CHANGE):
        return []
    return [_of_model(finding, step.name, _pair(finding)) for step in finding.chain] or [
        _of_model(finding, "", _pair(finding))
    ]


def _of_model(finding: Finding, dominant: str, change: str) -> str:
    oracle = str(finding.oracle.get("name") or finding.kind)
    operator = dominant or (finding.chain[-1].name if finding.chain else "seed")
    return "|".join((oracle, change, operator))


def target_frame(frames: object) -> str:
    """The innermost frame that is no foundation's, without line numbers and folders of the machine; "" without any."""
    normal = [normal_frame(str(frame)) for frame in frames] if isinstance(frames, list | tuple) else []
    inside = [frame for frame in normal if not frame.startswith(FOUNDATIONS)]
    return (inside or normal or [""])[-1]


def normal_frame(frame: str) -> str:
    """ "/usr/lib/python3.11/site-packages/PIL/Image.py:120:open" -> "PIL/Image.py:open"."""
    return _LINE.sub(r"\1", _INSTALLED.sub("", frame.replace("\\", "/")))


def group(findings: Iterable[Finding]) -> list[Fault]:
    """Faults with their findings: those with a confirmed one first, the most severe first among them."""
    members: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        members.setdefault((finding.target, finding.fault or fault_of(finding)), []).append(finding)
    faults = [
        Fault(key, target, tuple(sorted(found, key=_severest)), Counter(one.verdict for one in found))
        for (target, key), found in members.items()
    ]
    return sorted(faults, key=lambda fault: (not fault.verdicts.get("confirmed"), *_severest(fault.best), fault.key))


def _severest(finding: Finding) -> tuple[float, int, str]:
    severity = finding.severity if finding.severity is not None else finding.margin
    return (-severity if severity is not None else 0.0, len(finding.chain), finding.id)


def _type(finding: Finding) -> str:
    return _short(str(finding.evidence.get("type") or finding.observed or finding.message.partition("\n")[0]))


def answer_of(finding: Finding) -> str:
    """What its target answers, in a word that findings of one kind share: of numbers which way they went."""
    return str(finding.evidence.get(CHANGE) or finding.observed)


def _change(finding: Finding) -> str:
    """The kind of change where the oracle says it, which holds no numbers; else the pair of answers."""
    kind = finding.evidence.get(CHANGE)
    return _short(str(kind)) if kind else _pair(finding)


def _pair(finding: Finding) -> str:
    values = (finding.expected, finding.observed)
    if any(_NUMBER.fullmatch(value) or value.startswith("[") or len(value) > SHORT for value in values):
        return "changed"  # numbers and long texts differ from input to input
    return "->".join(_short(value) for value in values)


def _short(text: str) -> str:
    plain = " ".join(text.replace("|", "/").split())
    return plain if len(plain) <= SHORT else plain[: SHORT - 3] + "..."
