"""What is wrong with a model, in a handful of lines: faults whose operators move it the same way.

A fault is one expected answer, one got and one operator: a model that is weak against haze has one for each pair of
labels and each of mist, fog, snow and brightness. A weakness is all of them. Operators belong together where the mean
direction in which their failures move the last watched layer (the scores of a black box) is nearly the same. Clusters
of single failures do not name what is planted in the twins: pure ones are nearly as many as the failures themselves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import CHANGE, CRASH_KINDS, Fault, answer_of, group
from mlfuzz.findings.sketch import Direction, direction, distance, unit

APART = 0.7
"""Cosine distance of two operators' mean directions from which on they are two weaknesses (complete link)."""

SHIFT = "shift"
"""The name in a finding's evidence under which its direction is kept."""

Key = tuple[str, str, str]
"""Target, oracle (or kind), and operator (or the fault itself, where it has none)."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """Faults of one target and oracle. operators: most faults first; () of crashes and of faults named by hand.

    faults: the most severe first, those with a confirmed finding before the others; at least one.
    """

    target: str
    kind: str
    operators: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def best(self) -> Finding:
        """The one to look at."""
        return self.faults[0].best

    @property
    def members(self) -> tuple[Finding, ...]:
        """The findings of all its faults."""
        return tuple(finding for fault in self.faults for finding in fault.members)

    @property
    def name(self) -> str:
        """ "mist, snow, gauss_noise", or the fault's own name."""
        return ", ".join(operator.partition(".")[2] or operator for operator in self.operators) or self.faults[0].key

    @property
    def pairs(self) -> Counter[tuple[str, str]]:
        """(expected, observed), most findings first."""
        return Counter(("" if CHANGE in one.evidence else one.expected, answer_of(one)) for one in self.members)

    @property
    def answers(self) -> list[tuple[str, int]]:
        """What came out, and how many findings it came out of, most first."""
        return Counter(map(answer_of, self.members)).most_common()


def weaknesses(findings: Iterable[Finding]) -> list[Weakness]:
    """Each finding in exactly one of them; those with a confirmed finding first, then the most severe.

    A pure function of the set of findings: their order does not matter.
    """
    by_key: dict[Key, list[Fault]] = {}
    for fault in group(findings):
        by_key.setdefault(_key(fault), []).append(fault)
    clusters: list[list[Key]] = []
    for context in sorted({key[:2] for key in by_key}):
        keys = sorted(key for key in by_key if key[:2] == context)
        means = [_mean(by_key[key]) if context[1] else None for key in keys]
        clusters += _clusters(keys, means)
    found = [_weakness(keys, by_key) for keys in clusters]
    return sorted(found, key=_rank)


def operator_of(fault: Fault) -> str:
    """The dominant operator that a fault's key names; "" of crashes, and of faults that a person has named."""
    parts, best = fault.key.split("|"), fault.best
    named = best.side == "model" and best.kind not in CRASH_KINDS and len(parts) == 3
    return parts[2] if named else ""


def _key(fault: Fault) -> Key:
    operator = operator_of(fault)
    return (fault.target, fault.key.partition("|")[0], operator) if operator else (fault.target, "", fault.key)


def _weakness(keys: Sequence[Key], by_key: dict[Key, list[Fault]]) -> Weakness:
    faults = group(one for key in keys for fault in by_key[key] for one in fault.members)
    sizes = {key[2]: len(by_key[key]) for key in keys}
    named = keys[0][1] != ""
    operators = tuple(sorted(sizes, key=lambda operator: (-sizes[operator], operator))) if named else ()
    return Weakness(keys[0][0], faults[0].best.kind, operators, tuple(faults))


def _rank(one: Weakness) -> tuple[bool, bool, float, str, str]:
    best = one.best
    severity = best.severity if best.severity is not None else -1.0
    return (best.verdict != "confirmed", best.kind not in CRASH_KINDS, -severity, one.target, one.faults[0].key)


def _mean(faults: Sequence[Fault]) -> Direction | None:
    """The mean direction of an operator's failures; None where none of them has one."""
    directions = [direction(one.evidence.get(SHIFT)) for fault in faults for one in fault.members]
    known = [each for each in directions if each is not None]
    known = [each for each in known if len(each) == len(known[0])]
    return unit([math.fsum(column) for column in zip(*known, strict=True)]) if known else None


def _clusters(keys: Sequence[Key], means: Sequence[Direction | None]) -> list[list[Key]]:
    """Complete link: the two clusters whose farthest members are nearest become one, until all are APART."""
    clusters = {at: [key] for at, key in enumerate(keys)}
    apart = {(one, other): distance(means[one], means[other]) for other in range(len(keys)) for one in range(other)}
    while apart:
        nearest = min(apart, key=lambda pair: (apart[pair], pair))
        if not apart[nearest] < APART:
            break
        one, other = nearest
        clusters[one] += clusters.pop(other)
        del apart[nearest]
        for third in clusters:
            if third != one:
                kept, gone = _pair(one, third), _pair(other, third)
                apart[kept] = max(apart[kept], apart.pop(gone))
    return [sorted(cluster) for cluster in clusters.values()]


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)
