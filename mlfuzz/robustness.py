"""How far each seed is from breaking: the least strength of each operator that makes it fail, and what follows from it.

A strength is a share, in (0, 1], of the most that a campaign's limits let an operator do to a seed in one step. What
holds at full strength is censored there. Curves say which share of the seeds still holds at a strength.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean
from typing import NamedTuple

import msgspec

from mlfuzz.decoding import json_as
from mlfuzz.errors import SchemaError, UsageError
from mlfuzz.rates import holm, mean_interval, signed_rank, wilson
from mlfuzz.slices import SeedFacts, SeedTable, properties

SCHEMA = 1

LEAST_GROUP = 8
"""Seeds: of fewer the interval of an area spans most of what there is."""


class SeedRef(msgspec.Struct, frozen=True):
    """digest: SHA-256 of the file as mlfuzz encodes it: what pairs the seeds of two models.

    attributes, columns: as `slices.SeedFacts` has them; {} where they were not kept.
    """

    name: str
    digest: str
    label: str | None = None
    attributes: dict[str, float] = {}
    columns: dict[str, str] = {}


class OperatorStrengths(msgspec.Struct, frozen=True):
    """Of one operator, in the order of the seeds.

    least: the least strength found to break each seed, in (0, 1]; None where it holds at every strength tried.
    unjudged: numbers of the seeds of which no oracle said anything at full strength; their `least` is None.
    scaled: whether it can be made milder; one that cannot has full strength alone, and counts in no area.
    reach: mean share, in [0, 1], of the operator's own range that the limits let it have at full strength.
    """

    name: str
    kind: str
    least: list[float | None]
    unjudged: list[int] = []
    scaled: bool = True
    reach: float = 1.0

    def known(self, among: Iterable[int] | None = None) -> list[tuple[int, float | None]]:
        """(seed, least) of those that were judged. among: numbers of seeds; None: all."""
        left_out = set(self.unjudged)
        numbers = range(len(self.least)) if among is None else among
        return [(at, self.least[at]) for at in numbers if at not in left_out]


class Robustness(msgspec.Struct, frozen=True):
    """Of one target. levels: strengths are multiples of 1/levels. rng_seed: of the parameters that are not strengths.

    evaluations: mutants that were run for it. oracles: names of what judged.
    """

    target: str
    digest: str
    seeds: list[SeedRef]
    operators: list[OperatorStrengths]
    oracles: list[str]
    levels: int
    evaluations: int
    rng_seed: int = 0
    schema: int = SCHEMA

    @property
    def scaled(self) -> list[OperatorStrengths]:
        """The operators that have strengths, and judged something."""
        return [one for one in self.operators if one.scaled and one.known()]

    def classes(self) -> dict[str, list[int]]:
        """Label -> numbers of its seeds."""
        labels = sorted({seed.label for seed in self.seeds if seed.label is not None})
        return {label: [at for at, seed in enumerate(self.seeds) if seed.label == label] for label in labels}

    def groups(self) -> dict[str, list[int]]:
        """Group -> numbers of its seeds: lowest and highest thirds of attributes, values of columns; labels aside.

        None of fewer than `LEAST_GROUP` seeds.
        """
        table = SeedTable({str(at): SeedFacts(None, one.attributes, one.columns) for at, one in enumerate(self.seeds)})
        found = {one.text: sorted(map(int, one.seeds)) for one in properties(table, table.seeds)}
        return {text: members for text, members in found.items() if len(members) >= LEAST_GROUP}

    def of_seeds(self, among: Sequence[str] | None = None) -> dict[int, float]:
        """Seed -> mean over its judged operators of the least strength, 1 where it holds: the seed's own area.

        among: names of operators; None: all that have strengths.
        """
        parts = [one for one in self.scaled if among is None or one.name in among]
        found: dict[int, list[float]] = {}
        for part in parts:
            for at, least in part.known():
                found.setdefault(at, []).append(restricted(least))
        return {at: fmean(values) for at, values in sorted(found.items())}

    def number(self, among: Iterable[int] | None = None) -> Area:
        """The model's number, or that of a class: the area under its mean curve; a seed is one observation."""
        each = self.of_seeds()
        return Area.of([each[at] for at in (each if among is None else among) if at in each])

    def first(self, most: int) -> list[Breaking]:
        """The seeds that break first, least robust first; the file's name decides among equals."""
        order = sorted(self.of_seeds().items(), key=lambda item: (item[1], self.seeds[item[0]].name))
        return [self._breaking(at, area) for at, area in order[:most] if area < 1]

    def worst_first(self) -> list[OperatorStrengths]:
        """Operators by area, smallest first; then those without strengths, by how few seeds hold."""
        rated = sorted(self.scaled, key=lambda one: (Area.of_operator(one).value, one.name))
        whole = [one for one in self.operators if not one.scaled and one.known()]
        return rated + sorted(whole, key=lambda one: (curve(one)[-1].share, one.name))

    def mean_curve(self, among: Iterable[int] | None = None) -> list[Point]:
        """The mean over seeds of the share of operators that each still withstands, at each level.

        among: numbers of seeds; None: all.
        """
        each: dict[int, list[float]] = {}
        numbers = None if among is None else list(among)
        for part in self.scaled:
            for at, least in part.known(numbers):
                each.setdefault(at, []).append(2.0 if least is None else least)
        points = []
        for level in range(self.levels + 1):
            strength = level / self.levels
            holding = [sum(least > strength for least in values) / len(values) for values in each.values()]
            points.append(Point(strength, fmean(holding) if holding else 1.0, *mean_interval(holding)))
        return points

    def _breaking(self, at: int, area: float) -> Breaking:
        broken = [(least, one.name) for one in self.scaled for seed, least in one.known([at]) if least is not None]
        least, operator = min(broken)
        return Breaking(self.seeds[at], area, operator, least, len(broken))


class Point(NamedTuple):
    """At a strength: the share of seeds that still hold, and the interval of that share."""

    strength: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Area:
    """Under a curve, in [0, 1]: 1 where all seeds hold at full strength. seeds: it rests on.

    It is the mean of the least strengths, those that hold counting as 1. Source: Royston and Parmar, Restricted mean
    survival time, BMC Medical Research Methodology 2013; everybody is censored at 1, so the curve is a plain share.
    The interval is over seeds, each of which is one observation (`rates.mean_interval`).
    """

    value: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Area:
        return cls(fmean(values) if values else 1.0, *mean_interval(values), len(values))

    @classmethod
    def of_operator(cls, part: OperatorStrengths, among: Iterable[int] | None = None) -> Area:
        return cls.of([restricted(least) for _, least in part.known(among)])


@dataclass(frozen=True, slots=True)
class Breaking:
    """A seed, its area, and the operator that breaks it at the least strength. operators: that break it at all."""

    seed: SeedRef
    area: float
    operator: str
    least: float
    operators: int


def restricted(least: float | None) -> float:
    """A least strength, 1 where there is none."""
    return 1.0 if least is None else least


def curve(part: OperatorStrengths, among: Iterable[int] | None = None) -> list[Point]:
    """Steps of "share of seeds that still hold at a strength", from 0 to 1; one point where nothing breaks: at 1.

    Everybody is censored at full strength, where the estimate of Kaplan and Meier (JASA 1958) is the plain share.
    """
    values = [least for _, least in part.known(among)]
    broken = sorted(least for least in values if least is not None)
    points, holding = [Point(0.0, 1.0, *wilson(len(values), len(values)))], len(values)
    for strength, group in groupby(broken):
        holding -= len(list(group))
        points.append(Point(strength, holding / len(values), *wilson(holding, len(values))))
    if points[-1].strength < 1.0:
        points.append(points[-1]._replace(strength=1.0))
    return points


@dataclass(frozen=True, slots=True)
class Paired:
    """Two areas on the same seeds. p: of chance moving them so far apart (signed ranks); adjusted for how many tests.

    better, worse: seeds whose area rises, and falls.
    """

    before: Area
    after: Area
    better: int
    worse: int
    p: float


@dataclass(frozen=True, slots=True)
class PairedRobustness:
    """Of two targets, on the seeds and operators that both have.

    operators: name -> pair, p by Holm over all of them. curves: of the means, before and after.
    left_out: seeds and operators that only one of them has, in words.
    """

    names: tuple[str, str]
    whole: Paired
    operators: dict[str, Paired]
    curves: tuple[list[Point], list[Point]]
    left_out: list[str]


def compare(before: Robustness, after: Robustness) -> PairedRobustness:
    """Raises UsageError where they share no seed or no operator, or were measured at different levels or chance."""
    for what, one, other in (
        ("levels", before.levels, after.levels),
        ("--seed", before.rng_seed, after.rng_seed),
        ("oracles", before.oracles, after.oracles),
    ):
        if one != other:
            raise UsageError(f"robustness with {what} {one} and {other} cannot be compared; measure both alike")
    digests = [{each.digest for each in one.seeds} for one in (before, after)]
    shared = digests[0] & digests[1]
    names = [one.name for one in before.scaled if one.name in {other.name for other in after.scaled}]
    if not shared or not names:
        lacking = "seed" if not shared else "operator that has strengths"
        raise UsageError(f"{before.target} and {after.target} share no {lacking}; measure both on the same --seeds")
    both = [_only(one, shared, names) for one in (before, after)]
    pairs = {name: _paired(*(_by_digest(one, [name]) for one in both)) for name in names}
    judged = {name: pair for name, pair in pairs.items() if pair.before.seeds}
    adjusted = holm([pair.p for pair in judged.values()])
    operators = {name: replace(pair, p=p) for (name, pair), p in zip(judged.items(), adjusted, strict=True)}
    left_out = [
        f"{count} seeds that only {one.target} is fit to be judged on"
        for one, own in zip((before, after), digests, strict=True)
        if (count := len(own - shared))
    ]
    left_out += [
        f"{one.name}, which only {target.target} has"
        for target, other in ((before, after), (after, before))
        for one in target.scaled
        if one.name not in {each.name for each in other.scaled}
    ]
    return PairedRobustness(
        (before.target, after.target), _paired(*(_by_digest(one, names) for one in both)), operators,
        (both[0].mean_curve(), both[1].mean_curve()), left_out,
    )  # fmt: skip


def dumps(found: Robustness) -> bytes:
    """As robustness.json."""
    return msgspec.json.encode(found) + b"\n"


def loads(data: bytes, origin: str = "robustness.json") -> Robustness:
    """Raises SchemaError where the record does not fit or is of a later version."""
    try:
        found = json_as(data, Robustness)
    except msgspec.DecodeError as error:
        raise SchemaError(f"{origin}: {error}; written by another version of mlfuzz, edited, or damaged") from error
    if found.schema > SCHEMA:
        raise SchemaError(f"{origin} has schema {found.schema}, this mlfuzz reads up to {SCHEMA}; use a newer mlfuzz")
    count = len(found.seeds)
    for one in found.operators:
        if len(one.least) != count or any(not 0 <= at < count for at in one.unjudged):
            raise SchemaError(f"{origin}: {one.name} does not fit {count} seeds; edited or damaged: measure it again")
        if any(least is not None and not 0 < least <= 1 for least in one.least):
            raise SchemaError(
                f"{origin}: {one.name} has a strength outside (0, 1]; edited or damaged: measure it again"
            )
    if found.levels < 1:
        raise SchemaError(f"{origin}: levels must be 1 or more; edited or damaged: measure it again")
    return found


def _only(found: Robustness, digests: set[str], names: Sequence[str]) -> Robustness:
    """On these seeds, each once, and these operators."""
    first = {seed.digest: at for at, seed in reversed(list(enumerate(found.seeds))) if seed.digest in digests}
    kept = sorted(first.values())
    place = {at: number for number, at in enumerate(kept)}
    operators = [
        msgspec.structs.replace(
            one, least=[one.least[at] for at in kept], unjudged=[place[at] for at in one.unjudged if at in place]
        )
        for one in found.operators
        if one.name in names
    ]
    return msgspec.structs.replace(found, seeds=[found.seeds[at] for at in kept], operators=operators)


def _by_digest(found: Robustness, names: Sequence[str]) -> dict[str, float]:
    return {found.seeds[at].digest: area for at, area in found.of_seeds(names).items()}


def _paired(before: Mapping[str, float], after: Mapping[str, float]) -> Paired:
    """Of areas by seed, where both have one."""
    both = [(before[digest], after[digest]) for digest in before if digest in after]
    changes = [other - one for one, other in both]
    return Paired(
        Area.of([one for one, _ in both]), Area.of([other for _, other in both]),
        sum(change > 0 for change in changes), sum(change < 0 for change in changes), signed_rank(changes),
    )  # fmt: skip
