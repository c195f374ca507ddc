"""Natural inputs the user gave: a folder, a file, or arrays; every one that is refused is counted with its reason."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from mlfuzz.corpus.files import EXAMPLES, listed, plain, some
from mlfuzz.corpus.label_names import known_names
from mlfuzz.corpus.sources import Reading, Source, in_range, sources_of
from mlfuzz.corpus.strange import ARCHIVE, archive_kind, unpacking, wide_text
from mlfuzz.errors import BadInputError, SeedError, suggestion
from mlfuzz.modality.base import Modality, Payload
from mlfuzz.modality.parts import parts_of

T = TypeVar("T")

EMPTY = "empty file"
ARRAY = b"\x93NUMPY"

SHOWN_LABELS = 12
"""Of the target, where no seed has one of them."""

UNKNOWN_LABEL = "label the target does not have"
DUPLICATE = "same content as another seed"


@dataclass(frozen=True, slots=True)
class Seed:
    """name: relative, with "/". sha256: of the file. data: the payload as the modality writes it.

    truth: of its places, as `corpus.truth` writes it, or "". columns: what a table says of it beside the label.
    """

    name: str
    payload: Payload
    label: str | None
    sha256: str
    data: bytes
    truth: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SeedSet:
    """seeds: in the order of their names. skipped: reason -> how many. examples: reason -> a few names.

    remedies: reason -> what to do, where there is something. warnings: about what is taken all the same.
    left_out: usable for all that is known, but more than `max_seeds`. notes: what was read otherwise than it stands ->
    names.
    """

    seeds: list[Seed] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    remedies: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: int = 0
    leave: Callable[[str], bool] = lambda _: False
    notes: dict[str, list[str]] = field(default_factory=dict)

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

    def note(self, what: str, name: str) -> None:
        """Count a file that is read otherwise than it stands."""
        names = self.notes.setdefault(what, [])
        names.append(name)

    def names(self, reason: str) -> list[str]:
        """A few of what was left out for it, in printable ASCII."""
        return [plain(name) for name in self.examples.get(reason, ())[:EXAMPLES]]

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
    with ExitStack() as stack:
        reading = Reading(modality, labels, stack, found.refuse, found.warnings.append)
        sources = _known_labels(sources_of(Path(path), reading), labels, found)
        by_content = _taken(sources, reading, found, max_seeds, rng_seed)
    found.seeds = sorted(by_content.values(), key=lambda seed: _natural(seed.name))
    if not found.seeds:
        known = ", ".join(ascii(label)[1:-1] for label in list(labels)[:SHOWN_LABELS])
        more = ", ..." if len(labels) > SHOWN_LABELS else ""
        hint = f"; a sub-folder is a label, the target's are: {known}{more}" if UNKNOWN_LABEL in found.skipped else ""
        advice = "".join(f"; {plain(found.remedies[reason])}" for reason in found.skipped if reason in found.remedies)
        raise SeedError(f"{path} has no usable seed: {found.reasons() or 'it is empty'}{advice}{hint}")
    found.warnings += [
        f"{how}: {listed(len(names), 'file', 'files')} ({some(names)})" for how, names in found.notes.items()
    ]
    if empty := [seed.name for seed in found.seeds if isinstance(seed.payload, str) and not seed.payload]:
        found.warnings.append(f"{listed(len(empty), 'text is', 'texts are')} empty, taken as such: {some(empty)}")
    controlled = [seed.name for seed in found.seeds if isinstance(seed.payload, str) and _controls(seed.payload)]
    if controlled:
        count = listed(len(controlled), "text has", "texts have")
        found.warnings.append(f"{count} control characters, taken as they stand: {some(controlled)}")
    return found


def _taken(
    sources: Sequence[Source], reading: Reading, found: SeedSet, max_seeds: int | None, rng_seed: int
) -> dict[str, Seed]:
    """Those that can be read, each content once; no more of them than are wanted."""
    wanted = len(sources) if max_seeds is None else max_seeds
    by_content: dict[str, Seed] = {}
    for looked_at, source in enumerate(_in_turn(sources, rng_seed) if wanted < len(sources) else sources):
        if len(by_content) == wanted:
            found.left_out = len(sources) - looked_at
            break
        seed = _read(source, reading.modality, found)
        if seed is not None:
            _add(seed, by_content, found)
    return by_content


def _controls(text: str) -> bool:
    return any(unicodedata.category(char) == "Cc" and char not in "\t\n\r\f" for char in set(text))


def _known_labels(sources: Sequence[Source], labels: Sequence[str], found: SeedSet) -> list[Source]:
    sources = [source for source in sources if not found.leave(source.name)]
    if not labels:
        return list(sources)
    given = [source.label for source in sources if source.label is not None]
    names = known_names(given, labels, found.warnings.append)
    unknown: dict[str, int] = {}
    known = []
    for source in sources:
        if source.label is None or source.label in names:
            known.append(source if source.label is None else replace(source, label=names[source.label]))
        else:
            unknown[source.label] = unknown.get(source.label, 0) + 1
            found.refuse(UNKNOWN_LABEL, source.name)
    for label, count in sorted(unknown.items(), key=lambda item: -item[1])[:EXAMPLES]:
        found.warnings.append(
            f"{count} seeds are labelled {label!a}, which the target does not have{suggestion(label, labels)}"
        )
    return known


def _in_turn(sources: Sequence[Source], rng_seed: int) -> Iterator[Source]:
    """One of each label, then another of each, in an order of chance."""
    rng = np.random.Generator(np.random.Philox(key=rng_seed))
    groups: dict[str, list[Source]] = {}
    for source in sources:
        groups.setdefault(source.label or "", []).append(source)
    stacks = [_shuffled(groups[label], rng) for label in sorted(groups)]
    for depth in range(max(map(len, stacks))):
        yield from (stack[depth] for stack in stacks if depth < len(stack))


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [items[at] for at in rng.permutation(len(items))]


def _read(source: Source, modality: Modality, found: SeedSet) -> Seed | None:
    data = b""
    try:
        data, suffix = _bytes(source, modality)
        payload = _decoded(source, data, suffix, modality, found)
        written = modality.encode(payload)
        if isinstance(payload, str):
            _require_text(data)
    except BadInputError as error:
        kind = archive_kind(data) if source.path is not None else ""
        if kind and source.path is not None:
            found.refuse(ARCHIVE, source.name, unpacking(kind, source.path))
        else:
            found.refuse(error.reason, source.name, error.remedy)
        return None
    return Seed(source.name, payload, source.label, hashlib.sha256(data).hexdigest(), written, columns=source.columns)


def _bytes(source: Source, modality: Modality) -> tuple[bytes, str]:
    """Of a modality that has an empty input, an empty file is that. Raises BadInputError."""
    try:
        return source.read()
    except BadInputError as error:
        if error.reason != EMPTY or not parts_of(modality).plain_columns:
            raise
        return b"", ""


def _decoded(source: Source, data: bytes, suffix: str, modality: Modality, found: SeedSet) -> Payload:
    """Raises BadInputError."""
    try:
        return modality.decode(data, suffix=suffix)
    except BadInputError as refused:
        if source.path is None or not data.startswith(ARRAY) or ".npy" not in modality.reads:
            raise
        payload, how = _brought(data, modality, refused)
        if how:
            found.note(how, source.name)
        return payload


def _brought(data: bytes, modality: Modality, refused: BadInputError) -> tuple[Payload, str]:
    """An array of another range or shape, as the codec takes it; what was done. Raises BadInputError."""
    try:
        brought, how = in_range(data, modality)
    except BadInputError as error:
        raise (error if error.remedy and refused.reason.startswith("outside") else refused) from error
    return modality.decode(brought), how


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
