"""Natural inputs the user gave: a folder, a file, or arrays; every one that is refused is counted with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from mlfuzz.corpus.arrays import MAX_ARRAY_BYTES, item_bytes, read_stack
from mlfuzz.corpus.files import SeedFile, printable, seed_files
from mlfuzz.errors import BadInputError, SeedError, suggestion
from mlfuzz.modality.base import Modality, Payload, read_guarded

T = TypeVar("T")

EXAMPLES = 3
"""Names that are kept for each reason."""

SHOWN_LABELS = 12
"""Of the target, where no seed has one of them."""

UNKNOWN_LABEL = "label the target does not have"
DUPLICATE = "same content as another seed"


@dataclass(frozen=True, slots=True)
class Seed:
    """name: relative, with "/". sha256: of the file. data: the payload as the modality writes it."""

    name: str
    payload: Payload
    label: str | None
    sha256: str
    data: bytes


@dataclass(slots=True)
class SeedSet:
    """seeds: in the order of their names. skipped: reason -> how many. examples: reason -> a few names.

    left_out: usable for all that is known, but more than `max_seeds`.
    """

    seeds: list[Seed] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.seeds)

    def refuse(self, reason: str, name: str) -> None:
        """Count a file that is no seed."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
        names = self.examples.setdefault(reason, [])
        if len(names) < EXAMPLES:
            names.append(name)

    def reasons(self) -> str:
        """ "12 empty file (a.png, b.png, ...), 1 symbolic link (c.png)"; the commonest first."""
        ordered = sorted(self.skipped.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{count} x {reason} ({self._names(reason)})" for reason, count in ordered)

    def _names(self, reason: str) -> str:
        names = [ascii(name)[1:-1] for name in self.examples[reason]]
        return ", ".join(names) + (", ..." if self.skipped[reason] > len(names) else "")


@dataclass(frozen=True, slots=True)
class _Source:
    """A seed before it is read: a file, or one input of a stack."""

    name: str
    label: str | None
    file: Path | None = None
    item: tuple[bytes, str] = (b"", "")


def load_seeds(
    path: Path, modality: Modality, *, labels: Sequence[str] = (), max_seeds: int | None = None, rng_seed: int = 0
) -> SeedSet:
    """The usable seeds below a folder, in a file, or in an .npz or .npy file of arrays.

    labels: the target's; a seed labelled otherwise is refused. max_seeds: at most so many, as many of each label as
    can be, drawn by `rng_seed`. Raises SeedError with the counted reasons where none is left.
    """
    found = SeedSet()
    sources = _known_labels(_sources(Path(path), modality, labels, found), labels, found)
    wanted = len(sources) if max_seeds is None else max_seeds
    by_content: dict[str, Seed] = {}
    for looked_at, source in enumerate(_in_turn(sources, rng_seed) if wanted < len(sources) else sources):
        if len(by_content) == wanted:
            found.left_out = len(sources) - looked_at
            break
        seed = _read(source, modality, found)
        if seed is not None:
            _add(seed, by_content, found)
    found.seeds = sorted(by_content.values(), key=lambda seed: _natural(seed.name))
    if not found.seeds:
        known = ", ".join(ascii(label)[1:-1] for label in list(labels)[:SHOWN_LABELS])
        more = ", ..." if len(labels) > SHOWN_LABELS else ""
        hint = f"; a sub-folder is a label, the target's are: {known}{more}" if UNKNOWN_LABEL in found.skipped else ""
        raise SeedError(f"{path} has no usable seed: {found.reasons() or 'it is empty'}{hint}")
    return found


def _sources(path: Path, modality: Modality, labels: Sequence[str], found: SeedSet) -> list[_Source]:
    if path.is_dir():
        files = seed_files(path, labels=labels, refuse=found.refuse)
        return [_Source(file.name, file.label, file.path) for file in files if _readable(file, modality, found)]
    if not path.exists():
        raise SeedError(f"{path} is not there; give a folder of seeds, a file, or arrays (.npz, .npy)")
    # Named by the user: a link given in so many words is followed, those found in folders are not.
    if path.suffix.lower() in (".npz", ".npy"):
        return _stacked(path.resolve(), modality)
    return [_Source(printable(Path(path.name)), None, path.resolve())]


def _readable(file: SeedFile, modality: Modality, found: SeedSet) -> bool:
    suffix = file.path.suffix.lower()
    if suffix in modality.reads:
        return True
    found.refuse(f"{suffix or 'no suffix'}: no {modality.name} file", file.name)
    return False


def _stacked(path: Path, modality: Modality) -> list[_Source]:
    suffix = path.suffix.lower()
    try:
        stack = read_stack(read_guarded(path, max_bytes=MAX_ARRAY_BYTES), suffix=suffix)
    except BadInputError as error:
        raise SeedError(f"{path} has no usable seed: {error}") from error
    rate = None if ".npy" in modality.reads else getattr(modality, "sample_rate_hz", None)
    try:
        items = [item_bytes(item, sample_rate_hz=rate) for item in stack.inputs]
    except BadInputError as error:
        raise SeedError(f"{path} has no usable seed: {error}") from error
    if suffix == ".npy" and not _decodes(items[0], modality):
        # Its parts are no inputs (the lines of a picture): then it is one input itself.
        return [_Source(path.name, None, path)]
    names: Sequence[str | None] = stack.labels or [None] * len(items)
    digits = len(str(len(items) - 1))
    return [
        _Source(f"{path.name}[{at:0{digits}d}]", label, None, item)
        for at, (item, label) in enumerate(zip(items, names, strict=True))
    ]


def _decodes(item: tuple[bytes, str], modality: Modality) -> bool:
    try:
        modality.decode(item[0], suffix=item[1])
    except BadInputError:
        return False
    return True


def _known_labels(sources: Sequence[_Source], labels: Sequence[str], found: SeedSet) -> list[_Source]:
    if not labels:
        return list(sources)
    unknown: dict[str, int] = {}
    known = []
    for source in sources:
        if source.label is None or source.label in labels:
            known.append(source)
        else:
            unknown[source.label] = unknown.get(source.label, 0) + 1
            found.refuse(UNKNOWN_LABEL, source.name)
    for label, count in sorted(unknown.items(), key=lambda item: -item[1])[:EXAMPLES]:
        found.warnings.append(
            f"{count} seeds are labelled {label!a}, which the target does not have{suggestion(label, labels)}"
        )
    return known


def _in_turn(sources: Sequence[_Source], rng_seed: int) -> Iterator[_Source]:
    """One of each label, then another of each, in an order of chance."""
    rng = np.random.Generator(np.random.Philox(key=rng_seed))
    groups: dict[str, list[_Source]] = {}
    for source in sources:
        groups.setdefault(source.label or "", []).append(source)
    stacks = [_shuffled(groups[label], rng) for label in sorted(groups)]
    for depth in range(max(map(len, stacks))):
        yield from (stack[depth] for stack in stacks if depth < len(stack))


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [items[at] for at in rng.permutation(len(items))]


def _read(source: _Source, modality: Modality, found: SeedSet) -> Seed | None:
    try:
        data, suffix = source.item if source.file is None else (read_guarded(source.file), source.file.suffix.lower())
        payload = modality.decode(data, suffix=suffix)
        written = modality.encode(payload)
    except BadInputError as error:
        found.refuse(error.reason, source.name)
        return None
    return Seed(source.name, payload, source.label, hashlib.sha256(data).hexdigest(), written)


def _add(seed: Seed, by_content: dict[str, Seed], found: SeedSet) -> None:
    digest = hashlib.sha256(seed.data).hexdigest()
    first = by_content.setdefault(digest, seed)
    if first is seed:
        return
    found.refuse(DUPLICATE, seed.name)
    if first.label != seed.label and len(found.warnings) < 10:
        found.warnings.append(
            f"{seed.name!a} ({seed.label}) is the same as {first.name!a} ({first.label}); only the latter is used"
        )


def _natural(name: str) -> tuple[str, ...]:
    return tuple(name.split("/"))
