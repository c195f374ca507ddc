"""A mutator: a pure function over rows, and the declaration that lets mlfuzz draw, record, replay and shrink it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Recorded, Rows, TensorRows, snap
from mlfuzz.errors import ConfigError, ReplayError, UsageError
from mlfuzz.modality.base import declared
from mlfuzz.mutation import Chain, Mutation, Value
from mlfuzz.mutators.param import Drawn, Param, Sites, columns_of
from mlfuzz.placemap import PLACE_MAPS, TRUTH_LOST, PlaceMap
from mlfuzz.registry import Registry
from mlfuzz.timemap import TIME_MAPS, TimeMap

Column: TypeAlias = Tensor
"""One parameter of B rows on the rows' device: (B,) float32 or int64. Choices of words and sites come as lists."""

Effect = Literal["invariant", "equivariant", "destroying", "bounded"]
"""On the label: kept; changed with the input in a known way (a flip, a pitch); lost (an inversion, an empty text); kept
where the limits that it was made under are narrow enough for that."""

Propose: TypeAlias = Callable[[Any, Mapping[str, Drawn], np.ndarray[Any, Any]], Mapping[str, list[Value]]]

MUTATORS: Registry[Mutator] = Registry("mutator", declared=declared("mutators"))


@dataclass(frozen=True, slots=True, eq=False)
class Mutator:
    """One operator.

    name: "<modality>.<operator>", never changed. space: what is drawn.
    sites: what `propose` adds, which depends on the row.
    kind: family ("colour", "geometry", "blur", "noise", "weather", "codec", "occlusion", "level", "time", ...).
    cost: rough time an element in units of `image.brightness` (1, 2, 4, ... 1024); the plan draws dear ones less often.
    effect: on the label. warps_time: frame-wise outputs must be re-aligned before they are compared; `time_map` of the
    declaration says how, without one they cannot be.
    default: whether it belongs to the default set. min_channels: what has fewer is left as it is.
    searched: recorded by searches alone, never drawn by a plan. moves_places: has a map in `mlfuzz.placemap`.
    """

    name: str
    space: Mapping[str, Param]
    function: Callable[..., Rows]
    kind: str
    cost: int = 1
    effect: Effect = "invariant"
    sites: tuple[str, ...] = ()
    propose: Propose | None = None
    version: int = 1
    warps_time: bool = False
    default: bool = True
    min_channels: int = 1
    searched: bool = False
    moves_places: bool = False

    @property
    def modality(self) -> str:
        return self.name.partition(".")[0]

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def full_space(self) -> dict[str, Param]:
        return {**self.space, **{name: Sites() for name in self.sites}}

    def draw(self, n: int, rng: np.random.Generator) -> dict[str, Drawn]:
        """Columns of n rows, on the host."""
        return {name: param.draw(n, rng) for name, param in self.space.items()}

    def record(self, rows: Rows, columns: Mapping[str, Drawn], seeds: np.ndarray[Any, Any]) -> Recorded:
        """The columns with what depends on the rows added. seeds: (B,) int64, a source of chance for `propose`."""
        if self.propose is None:
            return columns
        return {**columns, **self.propose(rows, columns, seeds)}

    def apply(self, rows: Rows, recorded: Recorded, *, into: Tensor | None = None) -> Rows:
        """The mutated rows, on the modality's grid. Pure: the same rows and record give the same bits in any batch.

        into: where their data may be put, if its shape is theirs: saves a batch the joining of its slices. It may be
        the memory of the rows themselves.
        """
        device = rows.data.device if isinstance(rows, TensorRows) else torch.device("cpu")
        mutated = self.function(rows, **{name: _column(column, device) for name, column in recorded.items()})
        if into is not None and isinstance(mutated, TensorRows) and mutated.data.shape == into.shape:
            return mutated.with_data(snap(_apart(mutated.data, into), mutated.modality, out=into))
        return mutated.project()


F = TypeVar("F", bound=Callable[..., Any])


def mutator(
    name: str,
    *,
    kind: str,
    effect: Effect = "invariant",
    cost: int = 1,
    sites: Sequence[str] = (),
    propose: Propose | None = None,
    version: int = 1,
    warps_time: bool = False,
    time_map: TimeMap | None = None,
    place_map: PlaceMap | None = None,
    default: bool = True,
    min_channels: int = 1,
    searched: bool = False,
    **space: Param,
) -> Callable[[F], F]:
    """Register a function (rows, *, column, ...) -> rows as a mutator.

    time_map, place_map: where each moment, or each place, of the output comes from (`mlfuzz.timemap`,
    `mlfuzz.placemap`); frame-wise answers, maps, boxes and key points are moved along with them.
    Raises ConfigError where the declared parameters are not those of the function.
    """

    def register(function: F) -> F:
        expected = {p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}
        if expected != {*space, *sites}:
            raise ConfigError(
                f"mutator {name}: declares {sorted({*space, *sites})}, its function takes {sorted(expected)}"
            )
        part = Mutator(
            name, space, function, kind, cost, effect, tuple(sites), propose, version,
            warps_time or time_map is not None, default, min_channels, searched, place_map is not None,
        )  # fmt: skip
        MUTATORS.add(name, part)
        if part.warps_time:
            TIME_MAPS[name] = time_map
        if place_map is not None:
            PLACE_MAPS[name] = place_map
        elif effect != "invariant":
            TRUTH_LOST.add(name)
        return function

    return register


def replay(rows: Rows, chains: Sequence[Chain], *, bound: Callable[[Rows, Rows], Rows] | None = None) -> Rows:
    """Each row's chain applied to it: rows (B, ...) and B chains.

    bound: (mutated, roots) -> mutated, what the campaign clipped each step with (`distance.bound`); roots are `rows`.

    Rows that share an operator at the same step run together; laws promise the same bits as one by one.
    Raises ReplayError for an operator of another version or parameters that do not fit it.
    """
    depth = max((len(chain) for chain in chains), default=0)
    roots = rows
    for at in range(depth):
        groups: dict[str, list[int]] = {}
        for row, chain in enumerate(chains):
            groups.setdefault(chain[at].name if at < len(chain) else "", []).append(row)
        parts, order = [], []
        for name, members in groups.items():
            part = rows.take(np.asarray(members, np.int64))
            if name:
                part = _step(part, [chains[row][at] for row in members])
                part = part if bound is None else bound(part, roots.take(np.asarray(members, np.int64)))
            parts.append(part)
            order += members
        rows = parts[0].join(parts).take(np.argsort(np.asarray(order, np.int64), kind="stable"))
    return rows


def defaults(modality: str) -> list[Mutator]:
    """The default set of a modality, in the order of their names."""
    return [part for part in MUTATORS if part.modality == modality and part.default]


def select(modality: str, patterns: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[Mutator]:
    """Mutators by name or by "image.*", "kind:blur", "default"; empty: the default set.

    What only searches record is never among them.
    Raises UnknownNameError for a name that is not there, UsageError where nothing is left.
    """
    chosen = {part.name: part for pattern in (patterns or ("default",)) for part in _matching(modality, pattern)}
    for pattern in exclude:
        for part in _matching(modality, pattern):
            chosen.pop(part.name, None)
    if not chosen:
        raise UsageError(f"no {modality} mutator is left; see: mlfuzz list mutators")
    return [chosen[name] for name in sorted(chosen)]


def units() -> dict[str, dict[str, str]]:
    """Operator -> parameter -> unit, for sentences about chains."""
    return {part.name: {name: param.unit for name, param in part.full_space.items()} for part in MUTATORS}


def _matching(modality: str, pattern: str) -> list[Mutator]:
    if pattern == "default":
        return defaults(modality)
    if pattern.startswith("kind:"):
        return [part for part in _drawn(modality) if part.kind == pattern[5:]]
    if pattern.endswith(".*"):
        return [part for part in _drawn(modality) if part.modality == pattern[:-2]]
    part = MUTATORS.get(pattern)
    if part.searched:
        raise UsageError(f"mutator {pattern} is recorded by searches and cannot be drawn; see: mlfuzz fuzz --search")
    if part.modality != modality:
        raise UsageError(f"mutator {pattern} is for {part.modality}, the target takes {modality}")
    return [part]


def _drawn(modality: str) -> list[Mutator]:
    return [part for part in MUTATORS if part.modality == modality and not part.searched]


def _step(rows: Rows, mutations: Sequence[Mutation]) -> Rows:
    part = MUTATORS.get(mutations[0].name)
    for mutation in mutations:
        if mutation.version != part.version:
            raise ReplayError(
                f"{mutation.name} was recorded as version {mutation.version}, this mlfuzz has {part.version}"
            )
        if set(mutation.params) != set(part.full_space):
            raise ReplayError(
                f"{mutation.name} takes {sorted(part.full_space)}, the record has {sorted(mutation.params)}"
            )
        for name, value in mutation.params.items():
            if not part.full_space[name].admits(value):
                raise ReplayError(f"{mutation.name}: {name}={value!r} is not a value it can have")
    return part.apply(rows, columns_of(part.full_space, [mutation.params for mutation in mutations]))


def _apart(data: Tensor, into: Tensor) -> Tensor:
    """The same values, fit to be written over `into` one by one; a view of its rows in another order is not."""
    shared = data.untyped_storage().data_ptr() == into.untyped_storage().data_ptr()
    if not shared or (data.data_ptr() == into.data_ptr() and data.stride() == into.stride()):
        return data
    return data.clone()


def _column(column: np.ndarray[Any, Any] | list[Value], device: torch.device) -> Tensor | list[Any]:
    if isinstance(column, list):
        return column
    if column.dtype.kind in "US":
        return column.tolist()  # type: ignore[no-any-return]
    return torch.from_numpy(np.ascontiguousarray(column)).to(device)
