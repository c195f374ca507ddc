"""Where failures concentrate: groups of seeds, by label, attributes and columns of a table, that fail more often.

A seed is one observation, however many mutants it had: its rate of failure. Groups are tested by ranks (Wilcoxon, Mann
and Whitney) among seeds that had about as many mutants, and q-values keep the share of false ones among those told
below what is asked (Benjamini and Hochberg, JRSS B 1995). What is tried is stated and small: single properties, and two
at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from msgspec import Struct

from mlfuzz.decoding import json_as
from mlfuzz.errors import SchemaError
from mlfuzz.rates import benjamini_hochberg, mean_interval, stratified_rank_sum

LEAST_ROWS = 8
"""Judged mutants of a seed: from fewer its rate is mostly chance."""

LEAST_SEEDS = 8
"""On each side: ranks of fewer can hardly show anything after so many tests."""

Q = 0.05
MOST = 8
MOST_PROPERTIES = 40
"""Values of columns, those of columns with few values first: every two are tried together."""

MOST_VALUES = 24
"""Of one column of a table: more are names, not groups."""

WITHIN, SAME = 0.01, 0.8
"""A group within one that is told is told too where it fails more often than the rest of that (p), and none that shares
more than this of its seeds with one."""

WORDS: Mapping[str, tuple[str, str]] = {
    "brightness": ("dark", "bright"), "contrast": ("of little contrast", "of strong contrast"),
    "colour": ("pale", "colourful"), "detail": ("smooth", "full of detail"), "size": ("small", "large"),
    "seconds": ("short", "long"), "loudness": ("quiet", "loud"), "silence": ("with few pauses", "with long pauses"),
    "pitch": ("low", "high"), "characters": ("short", "long"), "words": ("of few words", "of many words"),
    "beyond_ascii": ("of plain ASCII", "with letters beyond ASCII"), "digits": ("with few digits", "with many digits"),
    "capitals": ("with few capitals", "with many capitals"),
}  # fmt: skip
"""Of each attribute its lowest and its highest third, for people (`corpus.attributes`)."""


class SeedFacts(Struct, frozen=True):
    """label: of the seed. attributes: measured. columns: of a table of labels, as they stand."""

    label: str | None = None
    attributes: dict[str, float] = {}
    columns: dict[str, str] = {}


class SeedTable(Struct, frozen=True):
    """`seeds.json` of a campaign: what is known of each seed, by name."""

    seeds: dict[str, SeedFacts] = {}


@dataclass(frozen=True, slots=True)
class Property:
    """kind: "label", "attribute" or "column". seeds: names of those that have it. text: for people."""

    kind: str
    feature: str
    text: str
    seeds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Slice:
    """A group of seeds that fail more often than the others.

    name: how it is named on a command line. text: for people. seeds: names. rate, low, high: mean share of their
    mutants that fail, with its 95 % interval. others: of the other seeds.
    q: of such groups told, at most this share is false.
    """

    name: str
    text: str
    seeds: tuple[str, ...]
    rate: float
    low: float
    high: float
    others: float
    q: float

    @property
    def ratio(self) -> float:
        """How many times as often they fail; infinity where the others do not."""
        return self.rate / self.others if self.others > 0 else float("inf")

    def sentence(self) -> str:
        """ "dark, label 7 (12 seeds): fail 4.1 x as often, 31 % of their mutants (24 to 39), q .003"."""
        times = f"{self.ratio:.1f} x as often" if self.others > 0 else "and the others do not"
        q = "< .001" if self.q < 0.001 else f"{self.q:.3f}".lstrip("0")
        return (
            f"{self.text} ({len(self.seeds)} seeds): fail {times}, {self.rate:.0%} of their mutants"
            f" ({self.low:.0%} to {self.high:.0%}), q {q}"
        )


def find_slices(table: SeedTable, rows: Mapping[str, Sequence[int]], *, q: float = Q) -> tuple[list[Slice], int]:
    """(Groups that fail more often, the surest first; how many were tried). rows: seed -> [judged, failed] mutants."""
    kept = {name: row for name, row in rows.items() if row[0] >= LEAST_ROWS and name in table.seeds}
    rates = {name: failed / judged for name, (judged, failed) in kept.items()}
    effort = {name: int(math.log2(judged)) for name, (judged, _) in kept.items()}
    singles = [one for one in properties(table, table.seeds) if _testable(one.seeds, rates)]
    groups: list[tuple[tuple[Property, ...], frozenset[str]]] = [((one,), one.seeds) for one in singles]
    for one, other in combinations(singles, 2):
        both = one.seeds & other.seeds
        if one.feature != other.feature and both != one.seeds and both != other.seeds and _testable(both, rates):
            groups.append(((one, other), both))
    tested = []
    for _, seeds in groups:
        inside, outside = _rates(seeds, rates), _rates(rates.keys() - seeds, rates)
        more = fmean(inside) > fmean(outside)
        tested.append(_test(seeds, rates.keys() - seeds, rates, effort) if more else 1.0)
    order = sorted(zip(benjamini_hochberg(tested), groups, strict=True), key=lambda item: (item[0], len(item[1][0])))
    slices: list[Slice] = []
    for adjusted, (parts, seeds) in order:
        if adjusted > q or len(slices) == MOST:
            break
        found = _slice(parts, seeds, rates, adjusted)
        if not any(_told_already(found, one, rates, effort) for one in slices):
            slices.append(found)
    return slices, len(groups)


def properties(table: SeedTable, among: Iterable[str]) -> list[Property]:
    """All that seeds may have in common: a label, the lowest or highest third of an attribute, a value of a column."""
    names = list(among)
    values: dict[tuple[str, str, str], list[str]] = {}
    measured: dict[str, list[tuple[float, str]]] = {}
    for name in names:
        facts = table.seeds[name]
        if facts.label is not None:
            values.setdefault(("label", "label", facts.label), []).append(name)
        for column, value in facts.columns.items():
            values.setdefault(("column", column, value), []).append(name)
        for attribute, number in facts.attributes.items():
            measured.setdefault(attribute, []).append((number, name))
    counts: dict[tuple[str, str], int] = {}
    for kind, feature, _ in values:
        counts[kind, feature] = counts.get((kind, feature), 0) + 1
    given = [
        Property(kind, "label" if kind == "label" else feature, f"{feature} {value}", frozenset(seeds))
        for (kind, feature, value), seeds in sorted(values.items(), key=lambda item: (counts[item[0][:2]], item[0]))
        if kind == "label" or (counts[kind, feature] <= MOST_VALUES and feature != "label")
    ]
    labels = [one for one in given if one.kind == "label"]
    columns = [one for one in given if one.kind == "column"]
    thirds = [one for attribute, pairs in sorted(measured.items()) for one in _thirds(attribute, sorted(pairs))]
    return [*labels, *thirds, *columns[:MOST_PROPERTIES]]


def slice_named(name: str, table: SeedTable) -> frozenset[str] | None:
    """The seeds of a group by its name, "dark+label:7"; None where a part of it is none."""
    known = {_key(one): one.seeds for one in properties(table, table.seeds)}
    if name in known:
        return known[name]
    for at in (place for place, char in enumerate(name) if char == "+"):  # a value may have one too
        if (one := known.get(name[:at])) is not None and (other := known.get(name[at + 1 :])) is not None:
            return one & other
    return None


def slice_names(table: SeedTable) -> list[str]:
    """The names of single properties."""
    return [_key(one) for one in properties(table, table.seeds)]


def loads(data: bytes, origin: str = "seeds.json") -> SeedTable:
    """Raises SchemaError."""
    try:
        return json_as(data, SeedTable)
    except ValueError as error:
        raise SchemaError(f"{origin}: {error}; written by another version of mlfuzz, edited, or damaged") from error


def _thirds(attribute: str, pairs: Sequence[tuple[float, str]]) -> list[Property]:
    """Of equal numbers all lie on one side; nothing where there are no two sides."""
    third = len(pairs) // 3
    if not third or pairs[0][0] == pairs[-1][0]:
        return []
    low, high = pairs[third - 1][0], pairs[-third][0]
    if low >= high:
        return []
    words = WORDS.get(attribute, (f"of little {attribute}", f"of much {attribute}"))
    sides = ((words[0], "up to", low, [name for number, name in pairs if number <= low]),
             (words[1], "from", high, [name for number, name in pairs if number >= high]))  # fmt: skip
    return [
        Property("attribute", attribute, f"{word} ({attribute.replace('_', ' ')} {side} {bound:.3g})", frozenset(seeds))
        for word, side, bound, seeds in sides
    ]


def _key(one: Property) -> str:
    if one.kind != "attribute":
        return f"{one.feature}:{one.text.removeprefix(f'{one.feature} ')}"
    return one.text.partition(" (")[0].replace(" ", "-")


def _testable(seeds: frozenset[str], rates: Mapping[str, float]) -> bool:
    inside = sum(name in rates for name in seeds)
    return LEAST_SEEDS <= inside <= len(rates) - LEAST_SEEDS


def _slice(parts: Sequence[Property], seeds: frozenset[str], rates: Mapping[str, float], q: float) -> Slice:
    inside, outside = _rates(seeds, rates), _rates(rates.keys() - seeds, rates)
    low, high = mean_interval(inside)
    return Slice(
        "+".join(_key(one) for one in parts), ", ".join(one.text for one in parts),
        tuple(sorted(name for name in seeds if name in rates)), fmean(inside), low, high, fmean(outside), q,
    )  # fmt: skip


def _told_already(found: Slice, one: Slice, rates: Mapping[str, float], effort: Mapping[str, int]) -> bool:
    """Whether it says little beyond a group that is told: within that it fails no more often, or it is nearly that."""
    mine, theirs = set(found.seeds), set(one.seeds)
    if mine < theirs:
        return _test(mine, theirs - mine, rates, effort) > WITHIN
    return len(mine & theirs) >= SAME * max(len(mine), len(theirs))


def _test(
    inside: AbstractSet[str], outside: AbstractSet[str], rates: Mapping[str, float], effort: Mapping[str, int]
) -> float:
    """p-value, of seeds alike in effort: those with few mutants have rates that tie at 0, and would rank low for it."""

    def alike(side: AbstractSet[str], level: int) -> list[float]:
        return _rates([name for name in side if effort.get(name) == level], rates)

    levels = sorted({effort[name] for name in inside if name in effort})
    return stratified_rank_sum((alike(inside, level), alike(outside, level)) for level in levels)


def _rates(seeds: Iterable[str], rates: Mapping[str, float]) -> list[float]:
    return [rates[name] for name in sorted(seeds) if name in rates]
