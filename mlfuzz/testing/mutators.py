"""The laws of mutators: what lets mlfuzz batch, record, replay and shrink them without knowing them.

    @pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
    def test_my_operator_keeps_the_laws(law):
        law(MUTATORS.get("image.mine"), mlfuzz.Image(size=(28, 28)))

Each law is a function (part, modality) that raises AssertionError with what broke it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import numpy as np
import torch

from mlfuzz.batch import Recorded, Rows, Step, TensorRows, from_payloads
from mlfuzz.modality.base import Modality, Payload
from mlfuzz.mutation import Chain, Mutation
from mlfuzz.mutators.base import Mutator, replay
from mlfuzz.mutators.param import Blob, Drawn, columns_of
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.testing.places import what_moves_says_where_to
from mlfuzz.testing.rows import degenerate_rows, example_rows, largest, smallest

Law: TypeAlias = Callable[[Mutator, Modality], None]

DEAR = 64
"""From this cost on laws use 17 rows instead of 64."""


def a_row_is_the_same_alone_and_in_any_batch(part: Mutator, modality: Modality) -> None:
    """Bit for bit, what is recorded and what comes out: B in {1, 2, 17, 64}, in another order, from the stored file."""
    rows, recorded = _drawn(part, modality)
    whole = _payloads(part.apply(rows, recorded))
    backwards = np.arange(len(rows))[::-1].copy()
    seen = _payloads(part.apply(rows.take(backwards), _taken(recorded, backwards)))
    _require_equal(part, whole, seen[::-1], "in another order of the batch")
    for size in (2, 17):
        parts = [np.arange(at, min(at + size, len(rows))) for at in range(0, min(2 * size, len(rows)), size)]
        seen = [payload for p in parts for payload in _payloads(part.apply(rows.take(p), _taken(recorded, p)))]
        _require_equal(part, whole, seen, f"in a batch of {size}")
    for row in range(0, len(rows), 5):
        only = np.asarray([row])
        alone = from_payloads([rows.payload(row)], modality, torch.device("cpu"))
        _require_equal(part, [whole[row]], _payloads(part.apply(alone, _taken(recorded, only))), f"row {row} alone")


def what_is_proposed_depends_on_its_row_alone(part: Mutator, modality: Modality) -> None:
    """`record` gives each row the same sites alone and in a batch."""
    if part.propose is None:
        return
    rows, columns, seeds = _columns(part, modality)
    whole = part.record(rows, columns, seeds)
    _require(part, set(whole) == set(part.full_space), f"records {sorted(whole)}, declares {sorted(part.full_space)}")
    for row in range(0, len(rows), 5):
        only = np.asarray([row])
        alone = from_payloads([rows.payload(row)], modality, torch.device("cpu"))
        seen = part.record(alone, {name: column[only] for name, column in columns.items()}, seeds[only])
        _require(
            part, _mutation(part, seen, 0) == _mutation(part, whole, row), f"proposes otherwise for row {row} alone"
        )


def threads_change_nothing(part: Mutator, modality: Modality) -> None:
    """Two threads give the bits of one, in a batch and for a large row alone."""
    rows, recorded = _drawn(part, modality)
    large = example_rows(largest(modality), 2)
    columns = part.record(large, _draw(part, large, 8), np.arange(2))
    only = np.asarray([1])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = _payloads(part.apply(rows, recorded)), _payloads(part.apply(large, columns))[1:]
        torch.set_num_threads(2)
        two = _payloads(part.apply(rows, recorded)), _payloads(part.apply(large.take(only), _taken(columns, only)))
    finally:
        torch.set_num_threads(before)
    _require_equal(part, one[0], two[0], "on two threads")
    _require_equal(part, one[1], two[1], "large, alone and on two threads")


def neutral_changes_nothing(part: Mutator, modality: Modality) -> None:
    """With every parameter that has a neutral value at it, rows come back: exactly, within 1e-5 on a float32 grid.

    An operator none of whose parameters has one has nothing to keep here.
    """
    rows, columns, seeds = _columns(part, modality)
    neutral = {name: _neutral(part, name, column) for name, column in columns.items()}
    if all(param.neutral is None for param in part.space.values()):
        return
    seen = _payloads(part.apply(rows, part.record(rows, neutral, seeds)))
    _require_equal(part, _payloads(rows), seen, "at its neutral values", tolerance=1e-5)


def milder_by_all_is_neutral(part: Mutator, modality: Modality) -> None:
    """`milder(values, 0)` has severity 0 and changes no row; `milder(values, 1)` are the values."""
    rows, columns, seeds = _columns(part, modality)
    none, all_ = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
    mildest = {name: part.space[name].milder(column, none) for name, column in columns.items()}
    for name, column in mildest.items():
        _require(part, not part.space[name].severity(column).any(), f"{name}: milder by all still has a severity")
        same = part.space[name].milder(columns[name], all_)
        _require(part, same.dtype == columns[name].dtype, f"{name}: milder gives {same.dtype}")
        close = np.allclose(same, columns[name], rtol=1e-5) if same.dtype.kind == "f" else (same == columns[name]).all()
        _require(part, bool(close), f"{name}: milder by nothing gives other values")
    if any(param.neutral is not None for param in part.space.values()):
        seen = _payloads(part.apply(rows, part.record(rows, mildest, seeds)))
        _require_equal(part, _payloads(rows), seen, "milder by all", tolerance=1e-5)


def parameters_are_drawn_as_they_are_recorded(part: Mutator, modality: Modality) -> None:
    """Severity lies in [0, 1]; JSON gives the drawn bits back; `simpler` ends, and gives values it admits."""
    columns = _draw(part, example_rows(modality, 64), 5)
    _require(part, set(columns) == set(part.space), f"draws {sorted(columns)}, declares {sorted(part.space)}")
    for name, param in part.space.items():
        severity = param.severity(columns[name])
        _require(part, bool(((severity >= 0) & (severity <= 1)).all()), f"{name}: severity outside [0, 1]")
        values = columns[name].tolist()
        back = msgspec.json.decode(msgspec.json.encode(values))
        again = columns_of({name: param}, [{name: value} for value in back])[name]
        _require(part, np.array_equal(np.asarray(again), columns[name]), f"{name}: JSON gives other values back")
        for value in values[:8]:
            _require(part, param.admits(value), f"{name}: does not admit {value!r}, which it drew")
            candidates = list(param.simpler(value))
            _require(part, value not in candidates, f"{name}: {value!r} is called simpler than itself")
            _require(part, all(param.admits(c) for c in candidates), f"{name}: a simpler value is not admitted")


def mutants_lie_on_the_grid(part: Mutator, modality: Modality) -> None:
    """As many rows as came, finite, in range; payload -> rows -> payload and payload -> file -> payload are exact."""
    rows, recorded = _drawn(part, modality)
    seen = part.apply(rows, recorded)
    _require(part, len(seen) == len(rows), f"{len(rows)} rows came, {len(seen)} went")
    _require_on_grid(part, seen, modality)


def any_rows_are_taken(part: Mutator, modality: Modality) -> None:
    """Flat, extreme and empty inputs neither raise nor leave the grid; nor do the ends of every range."""
    for small in smallest(modality):
        rows = degenerate_rows(small)
        drawn = _draw(part, rows, 6)
        for columns in (drawn, _at(part, drawn, "low"), _at(part, drawn, "high")):
            _require_on_grid(part, part.apply(rows, part.record(rows, columns, np.arange(len(rows)))), small)


def a_recorded_chain_replays(part: Mutator, modality: Modality) -> None:
    """Two steps, recorded, through JSON, from the stored parents: the same bits. Rows with shorter chains too."""
    rows, first = _drawn(part, modality)
    once = part.apply(rows, first)
    columns = _draw(part, once, 7)
    second = part.record(once, columns, np.arange(len(rows)))
    twice = _payloads(part.apply(once, second))
    expected = [twice[row] if row % 3 else once.payload(row) for row in range(len(rows))]
    chains = [
        (_mutation(part, first, row), *([_mutation(part, second, row)] if row % 3 else [])) for row in range(len(rows))
    ]
    read = [msgspec.json.decode(msgspec.json.encode(chain), type=Chain) for chain in chains]
    _require(part, read == chains, "JSON gives another chain back")
    stored = from_payloads(_payloads(rows), modality, torch.device("cpu"))
    _require_equal(part, expected, _payloads(replay(stored, read)), "replayed from JSON")


def its_input_is_left_alone(part: Mutator, modality: Modality) -> None:
    """The rows and columns handed in are as they were; a second call gives the same."""
    rows, recorded = _drawn(part, modality)
    before, columns = _payloads(rows), {name: list(column) for name, column in recorded.items()}
    bits = rows.data.clone() if isinstance(rows, TensorRows) else None
    once = _payloads(part.apply(rows, recorded))
    _require_equal(part, before, _payloads(rows), "after the call, the rows handed in")
    if bits is not None and isinstance(rows, TensorRows):
        _require(part, torch.equal(bits, rows.data), "writes into the rows handed in")
    _require(
        part,
        all(list(recorded[name]) == column for name, column in columns.items()),
        "writes into the columns handed in",
    )
    _require_equal(part, once, _payloads(part.apply(rows, recorded)), "in a second call")


LAWS: tuple[Law, ...] = (
    a_row_is_the_same_alone_and_in_any_batch,
    what_is_proposed_depends_on_its_row_alone,
    threads_change_nothing,
    neutral_changes_nothing,
    milder_by_all_is_neutral,
    parameters_are_drawn_as_they_are_recorded,
    mutants_lie_on_the_grid,
    any_rows_are_taken,
    a_recorded_chain_replays,
    its_input_is_left_alone,
    what_moves_says_where_to,
)


def check(part: Mutator, modality: Modality) -> None:
    """All laws over one operator. Raises AssertionError with the first that is broken."""
    for law in LAWS:
        law(part, modality)


def _columns(part: Mutator, modality: Modality) -> tuple[Rows, dict[str, Drawn], np.ndarray[Any, Any]]:
    rows = example_rows(modality, 17 if part.cost >= DEAR else 64)
    return rows, _draw(part, rows, 4), np.arange(len(rows)) + 11


def _draw(part: Mutator, rows: Rows, key: int) -> dict[str, Drawn]:
    """Columns for these rows. A blob is never drawn: the content of another of the rows stands for what was found."""
    rng = np.random.default_rng(key)
    files = []
    if isinstance(rows, TensorRows) and _has_blob(part):
        files = [CONTENTS.put(rows.modality.encode(payload)) for payload in reversed(_payloads(rows))]
    return {
        name: np.asarray(files) if isinstance(param, Blob) else param.draw(len(rows), rng)
        for name, param in part.space.items()
    }


def _has_blob(part: Mutator) -> bool:
    return any(isinstance(param, Blob) for param in part.space.values())


def _drawn(part: Mutator, modality: Modality) -> tuple[Rows, Recorded]:
    rows, columns, seeds = _columns(part, modality)
    return rows, part.record(rows, columns, seeds)


def _neutral(part: Mutator, name: str, column: Drawn) -> Drawn:
    neutral = part.space[name].neutral
    return column if neutral is None else np.full_like(column, neutral)


def _at(part: Mutator, columns: dict[str, Drawn], end: str) -> dict[str, Drawn]:
    """Every parameter that has a range at one end of it."""
    ends = {name: getattr(part.space[name], end, None) for name in columns}
    return {
        name: column if ends[name] is None else np.full_like(column, ends[name]) for name, column in columns.items()
    }


def _taken(recorded: Recorded, rows: np.ndarray[Any, Any]) -> Recorded:
    return {
        name: [column[row] for row in rows] if isinstance(column, list) else column[rows]
        for name, column in recorded.items()
    }


def _mutation(part: Mutator, recorded: Recorded, row: int) -> Mutation:
    return Step(part.name, part.version, 0, row + 1, recorded).mutation(row)


def _payloads(rows: Rows) -> list[Payload]:
    return [rows.payload(row) for row in range(len(rows))]


def _require_on_grid(part: Mutator, seen: Rows, modality: Modality) -> None:
    payloads = _payloads(seen)
    if isinstance(seen, TensorRows):
        _require(part, bool(torch.isfinite(seen.data).all()), "gives NaN or infinity")
        inside = (seen.data >= modality.low) & (seen.data <= modality.high)
        _require(part, bool(inside.all()), f"leaves [{modality.low}, {modality.high}]")
        if seen.lengths is not None:
            behind = torch.arange(seen.data.shape[-1]) >= seen.lengths[:, None]
            _require(part, not bool(seen.data[behind[:, None].expand_as(seen.data)].any()), "leaves no zeros behind")
    back = from_payloads(payloads, modality, torch.device("cpu"))
    _require_equal(part, payloads, _payloads(back), "from its payload")
    if isinstance(seen, TensorRows) and isinstance(back, TensorRows):
        width = back.data.shape[-1]
        _require(part, torch.equal(back.data, seen.data[..., :width]), "lies off the grid")
    files = [modality.decode(modality.encode(payload), suffix=modality.suffix) for payload in payloads[:3]]
    _require_equal(part, payloads, files, "from its file")


def _require_equal(
    part: Mutator, expected: list[Payload], seen: list[Payload], where: str, *, tolerance: float = 0.0
) -> None:
    for row, (want, have) in enumerate(zip(expected, seen, strict=False)):
        if not _equal(want, have, tolerance):
            raise AssertionError(f"{part.name}: row {row} is another {where}: {_difference(want, have)}")


def _equal(want: Payload, have: Payload, tolerance: float) -> bool:
    if isinstance(want, str) or isinstance(have, str):
        return isinstance(want, str) and isinstance(have, str) and want == have
    if tolerance and want.dtype.kind == "f" and want.shape == have.shape:
        return bool(np.allclose(want.astype(np.float32), have.astype(np.float32), rtol=0, atol=tolerance))
    return want.dtype == have.dtype and np.array_equal(want, have)


def _difference(want: Payload, have: Payload) -> str:
    if isinstance(want, str) or isinstance(have, str):
        return f"{want!r} and {have!r}"
    if want.shape != have.shape:
        return f"shapes {want.shape} and {have.shape}"
    apart = np.abs(want.astype(np.float64) - have.astype(np.float64))
    return f"{int((apart > 0).sum())} values differ, by up to {apart.max():.3g}"


def _require(part: Mutator, holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(f"{part.name}: {message}")
