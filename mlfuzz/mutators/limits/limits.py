"""Limits: how far an input may go from its seed, and the ledger that keeps account of how far each row has gone.

Without them chains leave the region where the label holds: independent mutants of +-12 % shift break a quarter of all
digits. A row's severities are added up along its chain, by kind and in all; what would pass a limit is made milder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import ConfigError, suggestion
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.param import Drawn, Integer, LogReal, Param, Real

FIXED_SEVERITY = 0.5
"""What an operator counts that cannot be made milder (a flip, a typo): two of one kind fit into the default limits."""

EDGE = "edge"
"""Kind of the operators that leave nothing of an input. Theirs counts twice in the total and has no column of its own,
so that loads of campaigns from before there were any still fit."""

SLACK = 1e-5
"""Float32 sums of severities are this far from exact; a row with less room than this has none."""

DISTANCES = ("linf", "l0", "ssim", "alpha_beta", "snr", "edit_distance", "words_share")
"""Limits that compare an input with its seed."""

MEANINGS: Mapping[str, str] = {
    "per_kind": "severities of one kind of operator along a chain, added up; 1: one operator at the end of its range",
    "total": "severities of all operators along a chain, added up",
    "steps": "operators in a chain",
    "sums": "largest absolute sum of a parameter along a chain, by the name that it counts under",
    "uses": "operators of a kind along a chain, by kind",
    "linf": "largest change of any value, as a share of full scale",
    "l0": "largest share of values that differ",
    "ssim": "least structural similarity to the seed",
    "alpha_beta": "[alpha, beta]: any change while less than a share alpha of the values differs, else at most beta",
    "snr": "least ratio in dB of the seed in a sound to the rest",
    "edit_distance": "characters inserted, deleted or replaced, as a share of the seed's",
    "words_share": "words inserted, deleted or replaced, as a share of the seed's",
}
"""Of each limit, for people."""

Loads = NDArray[np.float32]

Asked: TypeAlias = tuple[Mutator, int, int, Mapping[str, Drawn]]
"""An operator, the rows [start, stop) that it is to act on, and the parameters that were drawn for them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an input may go from its seed.

    per_kind: sum of the severities of one kind of operator along a chain (1: one operator at the end of its range).
    total: sum of all severities. steps: operators in a chain.
    sums: for parameters that declare it, the largest absolute value of the signed sum: degrees, shares of the side.
    uses: most operators of a kind along a chain, {"geometry": 1} in DeepHunter.
    linf: largest change of any value, of full scale. l0: largest share of changed values. ssim: least similarity.
    alpha_beta: DeepHunter's rule: any change while less than a share alpha of the values differs, else at most beta.
    snr: of a sound, least ratio in dB of the seed in it to the rest. edit_distance: of a text, most characters
    inserted, deleted or replaced, as a share of the seed's; words_share: the same in words. No modality measures all
    seven of these; they are None where they do not hold, and compare with the seed itself.
    """

    per_kind: float = 1.0
    total: float = 2.0
    steps: int = 4
    sums: Mapping[str, float] = field(default_factory=lambda: {"rotation": 30.0, "shift": 0.2})
    uses: Mapping[str, int] = field(default_factory=dict)
    linf: float | None = None
    l0: float | None = None
    ssim: float | None = None
    alpha_beta: tuple[float, float] | None = None
    snr: float | None = None
    edit_distance: float | None = None
    words_share: float | None = None

    def __post_init__(self) -> None:
        for name in ("per_kind", "total", "steps"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        for name in ("linf", "l0", "ssim", "edit_distance", "words_share"):
            value = getattr(self, name)
            _require(value is None or 0 < value <= 1, name, value, "in (0, 1]")
        _require(self.snr is None or abs(self.snr) < 1000, "snr", self.snr, "a number of dB")
        for name, value in (*self.sums.items(), *self.uses.items()):
            _require(value >= 0, name, value, "0 or more")
        if self.alpha_beta is not None:
            pair = tuple(self.alpha_beta)
            _require(len(pair) == 2 and all(0 <= value <= 1 for value in pair), "alpha_beta", pair, "two of [0, 1]")
            object.__setattr__(self, "alpha_beta", pair)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Limits:
        """From a configuration's table. Raises ConfigError for a key or a value that makes no sense."""
        known = {each.name: each for each in fields(cls)}
        for name, value in table.items():
            if name not in known:
                raise ConfigError(f"unknown limit {name!r}{suggestion(name, known)}")
            _require(_fits(name, value), name, value, _wanted(name))
        return cls(**table)

    @property
    def by_distance(self) -> bool:
        """Whether rows must be compared with their seeds."""
        return bool(self.distances)

    @property
    def distances(self) -> tuple[str, ...]:
        """Names of the limits that are set and compare with the seed."""
        return tuple(name for name in DISTANCES if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True)
class AllowedDistance:
    """What the ledger lets through.

    columns: parameters, some of them milder. loads: (n, K) of the rows after the step; as before where dropped.
    dropped: (n,) rows that have no room, of an operator that cannot be made milder. severity: (n,) in [0, 1].
    """

    columns: dict[str, Drawn]
    loads: Loads
    dropped: NDArray[np.bool_]
    severity: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Of one operator: its columns in the loads, and the parameters that can be scaled."""

    kind: int
    uses: int
    most_uses: float
    scaled: Mapping[str, Param]
    sums: tuple[tuple[str, int, float], ...]


class DistanceLedger:
    """Which column of the loads (B, K) is what, and how much room a row has left.

    columns: "kind:blur" for each kind of the mutators, "sum:shift" for each sum that some parameter declares and the
    limits name (a second parameter of the same operator has its own: "sum:shift:1"), "uses:geometry", "total", "steps".
    """

    def __init__(self, limits: Limits, mutators: Sequence[Mutator]) -> None:
        self.limits = limits
        names = [f"kind:{kind}" for kind in sorted({part.kind for part in mutators} - {EDGE})]
        names += sorted({name for part in mutators for name, _ in _sums(part, limits)})
        names += [f"uses:{kind}" for kind in sorted(limits.uses)]
        self.columns = (*names, "total", "steps")
        self._total, self._steps = len(names), len(names) + 1
        self._layouts = {part.name: self._layout(part) for part in mutators}

    @property
    def width(self) -> int:
        """K."""
        return len(self.columns)

    def spent(self, loads: Loads) -> NDArray[np.bool_]:
        """(B,) rows of whose children nothing but copies can come: start from the seed again."""
        return (loads[:, self._total] > self.limits.total - SLACK) | (loads[:, self._steps] >= self.limits.steps)

    def allow(
        self, part: Mutator, columns: Mapping[str, Drawn], loads: Loads, *, most: NDArray[np.float32] | None = None
    ) -> AllowedDistance:
        """Scale the parameters of n rows so that each stays within its limits. loads: (n, K), left as it is.

        most: the largest severity that each row may take in this step (n,), for operators that can be made milder.

        A row without room becomes a copy (all its parameters neutral); where the operator has no neutral value, the
        row is dropped.
        """
        loads = loads.copy()
        capped = None if most is None else lambda *_: most
        (allowed,), dropped, severity = self.allow_all([(part, 0, len(loads), columns)], loads, most=capped)
        return AllowedDistance(allowed, loads, dropped, severity)

    def allow_all(
        self,
        steps: Sequence[Asked],
        loads: Loads,
        *,
        most: Callable[[str, int, int], NDArray[np.float32]] | None = None,
    ) -> tuple[list[dict[str, Drawn]], NDArray[np.bool_], NDArray[np.float32]]:
        """The same for several operators, each on rows of its own. loads: (n, K) of all rows, changed.

        steps: one after another, covering the rows. most: (operator, start, stop) -> how severe it may be.
        Returns the columns of each step, and of all rows which are dropped and how severe the step was, (n,) each.
        """
        limits, layouts = self.limits, [self._layouts[part.name] for part, *_ in steps]
        counts = [stop - start for _, start, stop, _ in steps]
        rows, kind = np.arange(len(loads)), np.repeat([layout.kind for layout in layouts], counts)
        room = np.minimum(limits.per_kind - loads[rows, kind], limits.total - loads[:, self._total])
        none = room < SLACK
        none |= loads[:, self._steps] >= limits.steps
        for layout, (_, start, stop, _) in zip(layouts, steps, strict=True):
            if layout.uses >= 0:
                none[start:stop] |= loads[start:stop, layout.uses] >= layout.most_uses
        room[none] = 0
        allowed = [dict(columns) for *_, columns in steps]
        severity = np.empty(len(loads), np.float32)
        dropped = np.zeros(len(loads), np.bool_)
        for layout, columns, (part, start, stop, _) in zip(layouts, allowed, steps, strict=True):
            for name, column, limit in layout.sums:
                columns[name] = _within(part.space[name], columns[name], loads[start:stop, column], limit)
            if layout.scaled:
                severity[start:stop] = _severity(layout.scaled, columns)
                if most is not None:
                    np.minimum(room[start:stop], most(part.name, start, stop), out=room[start:stop])
            else:
                np.less(room[start:stop], FIXED_SEVERITY - SLACK, out=dropped[start:stop])
                severity[start:stop] = ~dropped[start:stop] * np.float32(FIXED_SEVERITY)
                room[start:stop] = np.inf  # it has taken its share already
        over = severity > room
        if over.any():
            share = np.where(over, room / np.maximum(severity, SLACK), np.float32(1)).astype(np.float32, copy=False)
            for layout, columns, (_, start, stop, _) in zip(layouts, allowed, steps, strict=True):
                if layout.scaled and over[start:stop].any():
                    for name, param in layout.scaled.items():
                        columns[name] = param.milder(columns[name], share[start:stop])
            severity = np.minimum(severity, room)
        counted = severity > 0
        loads[rows, kind] += severity
        loads[:, self._total] += severity
        loads[:, self._steps] += counted
        for layout, columns, (part, start, stop, _) in zip(layouts, allowed, steps, strict=True):
            if layout.uses >= 0:
                loads[start:stop, layout.uses] += counted[start:stop]
            for name, column, limit in layout.sums:
                moved = np.where(dropped[start:stop], 0, _deviation(part.space[name], columns[name]))
                loads[start:stop, column] = np.clip(loads[start:stop, column] + moved, -limit, limit)
        return allowed, dropped, severity

    def searched(self, loads: Loads) -> Loads:
        """Loads of rows that a search went on from: one step more, counted as an operator that cannot be milder."""
        loads = loads.copy()
        loads[:, self._total] += FIXED_SEVERITY
        loads[:, self._steps] += 1
        return loads

    def _layout(self, part: Mutator) -> _Layout:
        at = {name: column for column, name in enumerate(self.columns)}
        scaled = scaled_of(part)
        sums = tuple(
            (name, at[column], self.limits.sums[part.space[name].sums]) for column, name in _sums(part, self.limits)
        )
        uses = at.get(f"uses:{part.kind}", -1)
        return _Layout(
            at.get(f"kind:{part.kind}", self._total), uses, self.limits.uses.get(part.kind, np.inf), scaled, sums
        )


def scaled_of(part: Mutator) -> dict[str, Real | LogReal | Integer]:
    """The parameters by which an operator can be made milder; {} where it cannot."""
    return {
        name: param
        for name, param in part.space.items()
        if isinstance(param, Real | LogReal | Integer) and param.neutral is not None
    }


def _sums(part: Mutator, limits: Limits) -> list[tuple[str, str]]:
    """(column of the loads, parameter) of an operator; its first, second, ... parameter of one sum are apart."""
    found: list[tuple[str, str]] = []
    seen: dict[str, int] = {}
    for name, param in part.space.items():
        if param.sums in limits.sums:
            number = seen.get(param.sums, 0)
            seen[param.sums] = number + 1
            found.append((f"sum:{param.sums}" + (f":{number}" if number else ""), name))
    return found


def _severity(scaled: Mapping[str, Param], columns: Mapping[str, Drawn]) -> NDArray[np.float32]:
    """Of an operator: that of its most severe parameter."""
    each = [param.severity(columns[name]) for name, param in scaled.items()]
    return each[0] if len(each) == 1 else np.maximum.reduce(each)


def _deviation(param: Param, values: Drawn) -> NDArray[np.float32]:
    """What a value adds to its sum: its distance from neutral, of factors in the logarithm."""
    neutral = float(param.neutral) if isinstance(param.neutral, int | float) else 0.0
    plain: NDArray[np.float32] = values.astype(np.float32)
    return np.log(plain / np.float32(neutral or 1)) if isinstance(param, LogReal) else plain - np.float32(neutral)


def _within(param: Param, values: Drawn, loads: NDArray[np.float32], limit: float) -> Drawn:
    """The values moved so that |load + deviation| <= limit."""
    deviation = _deviation(param, values)
    kept = np.clip(deviation, -limit - loads, limit - loads)
    share = kept / np.where(deviation == 0, 1, deviation)
    # Past the limit already (the limits were narrowed since): nothing more may be added, nothing is turned about.
    return values if (share >= 1).all() else param.milder(values, np.clip(share, 0, 1).astype(np.float32))


def _fits(name: str, value: Any) -> bool:
    if name in ("sums", "uses"):
        return isinstance(value, Mapping) and all(_number(each) for each in value.values())
    if name == "alpha_beta":
        return value is None or (isinstance(value, Sequence) and len(value) == 2 and all(map(_number, value)))
    if name == "steps":
        return isinstance(value, int) and not isinstance(value, bool)
    return _number(value) or (value is None and name in DISTANCES)


def _wanted(name: str) -> str:
    return {"sums": "a table of numbers", "uses": "a table of numbers", "alpha_beta": "two numbers"}.get(
        name, "a number"
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise ConfigError(f"limit {name} = {value!r}: must be {wanted}")
