"""Natural inputs the user gave: a folder, a file, or arrays; every one that is refused is counted with its reason."""

from __future__ import annotations

import hashlib
import shlex
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from mlfuzz.corpus.arrays import MAX_ARRAY_BYTES, item_bytes, read_stack
from mlfuzz.corpus.files import EXAMPLES, SeedFile, listed, plain, printable, seed_files, some
from mlfuzz.corpus.strange import ARCHIVE, archive_kind, archive_named, unpacking, wide_text
from mlfuzz.errors import BadInputError, SeedError, suggestion
from mlfuzz.modality.base import Modality, Payload, read_guarded

T = TypeVar("T")

STACKS = (".npz", ".npy")
"""Arrays are a seed for each part, so such a file is given alone; in a folder .npy may be one picture."""

SHOWN_LABELS = 12
"""Of the target, where no seed has one of them."""

UNKNOWN_LABEL = "label the target does not have"
DUPLICATE = "same content as another seed"


@dataclass(frozen=True, slots=True)
class Seed:
    """name: relative, with "/". sha256: of the file. data: the payload as the modality writes it.

    truth: of its places, as `corpus.truth` writes it, or "".
    """

    name: str
    payload: Payload
    label: str | None
    sha256: str
    data: bytes
    truth: str = ""


@dataclass(slots=True)
class SeedSet:
    """seeds: in the order of their names. skipped: reason -> how many. examples: reason -> a few names.

    remedies: reason -> what to do, where there is something. warnings: about what is taken all the same.
    left_out: usable for all that is known, but more than `max_seeds`.
    """

    seeds: list[Seed] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    remedies: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: int = 0
    leave: Callable[[str], bool] = lambda _: False

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def seen(self) -> int:
        """Everything that was found: taken, refused for a reason, or one too many."""
        return len(self.seeds) + sum(self.skipped.values()) + self.left_out

    def refuse(self, reason: str, name: str, remedy: str = "") -> None:
        """Count a file that is no seed."""
        if self.leave(name):
            return
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
        names = self.examples.setdefault(reason, [])
        if len(names) <= EXAMPLES:
            names.append(name)
        if remedy:
            self.remedies.setdefault(reason, remedy)

    def reasons(self) -> str:
        """ "12 x empty file (a.png, b.png, ...), 1 x symbolic link (c.png)"; the commonest first. In ASCII."""
        return ", ".join(self._counted(reason) for reason in self._ordered())

    def advice(self) -> list[str]:
        """The same, a line each, with what to do where there is something."""
        remedies = {reason: f": {plain(remedy)}" for reason, remedy in self.remedies.items()}
        return [self._counted(reason) + remedies.get(reason, "") for reason in self._ordered()]

    def _ordered(self) -> list[str]:
        return sorted(self.skipped, key=lambda reason: (-self.skipped[reason], reason))

    def _counted(self, reason: str) -> str:
        return f"{self.skipped[reason]} x {reason} ({some(self.examples[reason])})"


@dataclass(frozen=True, slots=True)
class _Source:
    """A seed before it is read: a file, or one input of a stack."""

    name: str
    label: str | None
    file: Path | None = None
    item: tuple[bytes, str] = (b"", "")


def load_seeds(
    path: Path, modality: Modality, *, labels: Sequence[str] = (), max_seeds: int | None = None, rng_seed: int = 0,
    leave: Callable[[str], bool] = lambda _: False,
) -> SeedSet:  # fmt: skip
    """The usable seeds below a folder, in a file, or in an .npz or .npy file of arrays.

    labels: the target's; a seed labelled otherwise is refused. max_seeds: at most so many, as many of each label as
    can be, drawn by `rng_seed`. leave: of a name, whether it is left aside without a word. Raises SeedError with the
    counted reasons where none is left.
    """
    found = SeedSet(leave=leave)
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
        advice = "".join(f"; {plain(found.remedies[reason])}" for reason in found.skipped if reason in found.remedies)
        raise SeedError(f"{path} has no usable seed: {found.reasons() or 'it is empty'}{advice}{hint}")
    controlled = [seed.name for seed in found.seeds if isinstance(seed.payload, str) and _controls(seed.payload)]
    if controlled:
        count = listed(len(controlled), "text has", "texts have")
        found.warnings.append(f"{count} control characters, taken as they stand: {some(controlled)}")
    return found


def _controls(text: str) -> bool:
    return any(unicodedata.category(char) == "Cc" and char not in "\t\n\r\f" for char in set(text))


def _sources(path: Path, modality: Modality, labels: Sequence[str], found: SeedSet) -> list[_Source]:
    if path.is_dir():
        files = seed_files(path, labels=labels, refuse=found.refuse, warn=found.warnings.append)
        return [_Source(file.name, file.label, file.path) for file in files if _readable(file, modality, found)]
    if not path.exists():
        raise SeedError(f"{path} is not there; give a folder of seeds, a file, or arrays (.npz, .npy)")
    # Named by the user: a link given in so many words is followed, those found in folders are not.
    if path.suffix.lower() in STACKS:
        return _stacked(path.resolve(), modality)
    if kind := archive_named(path.name):
        found.refuse(ARCHIVE, printable(Path(path.name)), unpacking(kind, path))
        return []
    return [_Source(printable(Path(path.name)), None, path.resolve())]


def _readable(file: SeedFile, modality: Modality, found: SeedSet) -> bool:
    suffix = file.path.suffix.lower()
    if suffix in modality.reads:
        return True
    if kind := archive_named(file.path.name):
        found.refuse(ARCHIVE, file.name, unpacking(kind, file.path))
        return False
    remedy = f"read are {', '.join(modality.reads)}"
    if suffix in STACKS:
        remedy = f"give arrays alone: --seeds {shlex.quote(str(file.path))}"
    found.refuse(f"{plain(suffix) or 'no suffix'}: no {modality.name} file", file.name, remedy)
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
    sources = [source for source in sources if not found.leave(source.name)]
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
    data = b""
    try:
        data, suffix = source.item if source.file is None else (read_guarded(source.file), source.file.suffix.lower())
        payload = modality.decode(data, suffix=suffix)
        written = modality.encode(payload)
        if isinstance(payload, str):
            _require_text(data)
    except BadInputError as error:
        kind = archive_kind(data) if source.file is not None else ""
        if kind and source.file is not None:
            found.refuse(ARCHIVE, source.name, unpacking(kind, source.file))
        else:
            found.refuse(error.reason, source.name, error.remedy)
        return None
    return Seed(source.name, payload, source.label, hashlib.sha256(data).hexdigest(), written)


def _require_text(data: bytes) -> None:
    """What a codec takes for text, since any character may be in one, and what no person has written as one."""
    if data and not data.strip(b"\0"):
        raise BadInputError("nothing but NUL bytes", remedy="restore it: a crash or a full disk leaves such files")
    if kind := wide_text(data):
        raise BadInputError("not UTF-8", f"it looks like {kind}", remedy="save it as UTF-8")


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
