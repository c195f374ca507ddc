"""What every modality owes the rest of mlfuzz: laws as functions, and `ModalityLaws` to inherit from.

    class TestMine(ModalityLaws):
        def modality(self):
            return Mine(length=12)

Each law is a function (modality) that raises AssertionError with what broke it. Payloads come from the modality's
`ExampleRows`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch

from mlfuzz.batch import TensorRows, from_payloads
from mlfuzz.errors import BadInputError
from mlfuzz.modality import raw
from mlfuzz.modality.base import MODALITIES, Modality, Payload, magnitude, rebuild, stored_dtype
from mlfuzz.modality.parts import parts_of
from mlfuzz.mutators.base import MUTATORS, defaults
from mlfuzz.mutators.limits.distance import DISTANCES
from mlfuzz.registry import Registry
from mlfuzz.report.exhibits import EXHIBITS
from mlfuzz.testing.rows import EXAMPLES, degenerate_rows, example_rows, smallest

Law: TypeAlias = Callable[[Modality], None]

CPU = torch.device("cpu")
ROWS = 6

CUTS = 64
"""Places of a file at which it is cut or changed: its head, where formats live, and others spread over the rest."""


def its_name_is_what_it_is_registered_under(modality: Modality) -> None:
    assert MODALITIES.get(modality.name) is type(modality)
    assert modality.name.isidentifier(), "it begins the names of mutators: a word"
    assert modality.name == modality.name.lower()


def its_description_rebuilds_it(modality: Modality) -> None:
    """Through JSON, as a finding keeps it."""
    description = json.loads(json.dumps({"name": modality.name, **modality.describe()}))
    again = rebuild(description)
    assert again == modality, f"{again} is made of {description}: let equal arguments make equal modalities"
    assert hash(again) == hash(modality)


def its_range_holds_its_grid(modality: Modality) -> None:
    assert np.isfinite([modality.low, modality.high]).all()
    assert modality.low < modality.high
    if modality.levels is not None and not _texts(modality):
        assert modality.levels >= 1
        ends = np.rint(np.asarray([modality.low, modality.high]) * modality.levels)
        kept = ends.astype(stored_dtype(modality))
        assert np.array_equal(kept, ends), f"{modality.levels} levels from {modality.low} to {modality.high}: too many"


def its_files_are_what_it_reads(modality: Modality) -> None:
    for suffix in (modality.suffix, *modality.reads):
        assert suffix.startswith("."), f"suffix {suffix!r} begins with no dot"
        assert suffix == suffix.lower(), f"suffix {suffix!r} is not in lower case"
    assert modality.suffix in modality.reads


def a_payload_survives_its_file_exactly(modality: Modality) -> None:
    for payload in _payloads(modality):
        data = modality.encode(payload)
        assert isinstance(data, bytes)
        assert data == modality.encode(payload), "the same payload gave two files"
        _require_same(modality.decode(data, suffix=modality.suffix), payload, "decoded from its file")
        _require_same(raw.loads(raw.dumps(payload)), payload, "as the working corpus stores it")


def what_it_decodes_lies_on_its_grid(modality: Modality) -> None:
    for payload in _payloads(modality):
        decoded = modality.decode(modality.encode(payload), suffix=modality.suffix)
        if isinstance(decoded, str):
            assert len(decoded) <= modality.high
            continue
        scale = modality.levels or 1
        assert decoded.dtype == stored_dtype(modality), f"{decoded.dtype} where {stored_dtype(modality)} is due"
        assert decoded.ndim == 2 or not modality.ragged, "of varying length are (C, T) alone"
        assert modality.low * scale <= decoded.min() <= decoded.max() <= modality.high * scale


def rows_give_payloads_back(modality: Modality) -> None:
    payloads = _payloads(modality)
    groups = [payloads] if modality.ragged or _texts(modality) else [[payload] for payload in payloads]
    for group in groups:
        rows = from_payloads(group, modality, CPU)
        for projected in (rows, rows.project()):
            for row, payload in enumerate(group):
                _require_same(projected.payload(row), payload, "of a batch")
        if isinstance(rows, TensorRows):
            assert float(rows.data.abs().max()) <= magnitude(modality)


def a_damaged_file_is_refused_or_read(modality: Modality) -> None:
    """Cut, changed, empty, or another's: a payload that can be written again, or BadInputError, and nothing else."""
    for data in _damaged(modality):
        try:
            payload = modality.decode(data, suffix=modality.suffix)
        except BadInputError:
            continue
        again = modality.decode(modality.encode(payload), suffix=modality.suffix)
        _require_same(again, payload, f"of the damaged file {data[:40]!r}")


def what_is_no_payload_is_not_written(modality: Modality) -> None:
    array = np.zeros((2, 3, 5, 7, 1), np.complex64)
    wrong: list[object] = [None, array, array.real.astype(np.float64), b"bytes", 3]
    if not _texts(modality):
        wrong += ["text", *(np.empty((0,) * ndim, stored_dtype(modality)) for ndim in (1, 2, 3))]
    for value in wrong:
        try:
            modality.encode(value)  # type: ignore[arg-type]  # that is the question
        except BadInputError:
            continue
        raise AssertionError(f"wrote {type(value).__name__} {value!r:.40} as if it were a payload")


def what_it_names_is_there(modality: Modality) -> None:
    """Its parts load, and nobody else has put others in their place."""
    parts = parts_of(modality)
    named: dict[str, Registry[Any]] = {parts.distance: DISTANCES, parts.exhibit: EXHIBITS, parts.examples: EXAMPLES}
    for where, registry in named.items():
        assert not where or modality.name in registry.names(), f"{registry.kind} {where} is not registered"
    assert defaults(modality.name), f"no mutator {modality.name}.*: a campaign has nothing to do"
    for part in (part for part in MUTATORS if part.modality == modality.name and part.searched):
        assert part.name == f"{modality.name}.replace", f"{part.name}: searches record replace alone"
    if parts.reading is not None:
        reading = parts.reading(modality, f"input{modality.suffix}")
        compile("\n".join(("import torch", *reading.imports, *reading.lines)), "repro.py", "exec")


LAWS: tuple[Law, ...] = (
    its_name_is_what_it_is_registered_under,
    its_description_rebuilds_it,
    its_range_holds_its_grid,
    its_files_are_what_it_reads,
    a_payload_survives_its_file_exactly,
    what_it_decodes_lies_on_its_grid,
    rows_give_payloads_back,
    a_damaged_file_is_refused_or_read,
    what_is_no_payload_is_not_written,
    what_it_names_is_there,
)


class ModalityLaws:
    """Inherit and give `modality`; pytest collects the laws."""

    def modality(self) -> Modality:
        raise NotImplementedError("give the modality to check")

    def test_it_keeps_the_laws_of_modalities(self) -> None:
        for law in LAWS:
            law(self.modality())


def _texts(modality: Modality) -> bool:
    return isinstance(_payloads(modality)[0], str)


def _payloads(modality: Modality) -> list[Payload]:
    """Examples, what real files hold too, and the smallest of each shape that this instance takes."""
    rows = [example_rows(modality, ROWS), degenerate_rows(modality)]
    rows += [example_rows(small, 1) for small in smallest(modality) if small == modality]
    return [each.payload(row) for each in rows for row in range(len(each))]


def _damaged(modality: Modality) -> Iterator[bytes]:
    data = modality.encode(_payloads(modality)[0])
    places = sorted({*range(min(CUTS // 2, len(data))), *np.linspace(0, len(data) - 1, CUTS // 2).astype(int).tolist()})
    yield from (data[:place] for place in places)
    for place in places:
        yield data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    rng = np.random.default_rng(5)
    yield from (rng.bytes(size) for size in (1, 16, 500))
    yield from (b"", data + data, b"\0" * 64, b"\x89PNG\r\n\x1a\n", b"nan", "\ud7ff\U0001f642".encode())


def _require_same(have: Payload, want: Payload, where: str) -> None:
    if isinstance(want, str) or isinstance(have, str):
        assert have == want, f"another text {where}: {have!r:.60} for {want!r:.60}"
        return
    assert (have.dtype, have.shape) == (want.dtype, want.shape), f"{have.dtype} {have.shape} {where}"
    assert np.array_equal(have, want), f"another payload {where}: {np.argwhere(have != want)[:3].tolist()} differ"
