"""A harness from a target's own decoder and preprocessing, or from two functions that should agree.

What is written is measured first, on the target's own seeds and on a few made here: shapes, kinds and range of values,
and which forms of a file it reads at all. The target is loaded for it, in this process.
"""

from __future__ import annotations

import keyword
import math
import os
import re
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.targets import find_target
from mlfuzz.cli.verbs import harness_templates as templates
from mlfuzz.errors import UsageError

if TYPE_CHECKING:
    from mlfuzz.skew.model_input import ModelInput, One

MOST_SEEDS, LARGEST_SEED = 12, 1 << 15
"""Of the target's own seeds so many of the smallest are copied: a fuzzer changes small files more often."""

TOLERANCES: Mapping[str, float] = {"image": 0.005, "audio": 0.001, "text": 0.0, "bytes": 0.0}
"""Shares of the range: one level of 8 bits, rounding of samples of 16 bits; nothing of texts."""

AT_ONCE = 4
"""Forms that one file is written in at most: half of them, so that one that always fails hides no other."""

ROOMY = 20.0
"""An input may take so many times what a seed takes: machines differ, and so do inputs."""

NOTHING = (b"?", bytes(64), b"no file of any kind\n" * 8, b"\xff" * 32)
"""What no decoder takes for a file; a text, perhaps."""

COMMON = ("OSError", "ValueError", "EOFError")
REFUSING = (OSError, ValueError, EOFError)
NOT_REFUSING = ("builtins", "struct", "zlib")
"""Exceptions of these say that a decoder stumbled, but for the first ones."""

LENGTHS: Mapping[str, int] = {"image": 8192, "audio": 16384, "text": 1024, "bytes": 4096}


@dataclass(frozen=True, slots=True)
class Written:
    """A harness's text, its seeds by name, and words on what it leaves out."""

    name: str
    text: str
    seeds: Mapping[str, bytes]
    kind: str
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Seen:
    """What inputs have shown. steady: whether the same file gives the same input."""

    shapes: dict[str, list[int | None]]
    types: dict[str, str]
    ranges: dict[str, tuple[float, float]]
    seconds: float = 0.0
    steady: bool = True
    read: int = 0


def for_target(context: Context, typed: str, name: str, *, decode: str = "") -> Written:
    """The harness of a target. Raises UsageError, TargetLoadError, ConfigError."""
    found = context.resolve()
    called, settings = find_target(found.config.targets, typed)
    decode = decode or settings.decode
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from mlfuzz import skew

    path = skew.of_target(settings.load, project=found.root, decode=decode)
    says, refused_words = _refusals([path.decoded] if decode else [])
    path.refuses = (*path.refuses, *skew.named_exceptions(says))
    own = _own_seeds(found.path(settings.seeds) if settings.seeds else path.target.seeds)
    natural = _natural(path)
    seen, refused = _measured(path, [*own.values(), *natural.values(), *_extremes(path)])
    if not seen.read:
        raise UsageError(
            f"target {called} takes none of {len(own) + len(natural)} files: {refused}; name what reads them in "
            "production: --decode module:function"
        )
    span = max((high - low for low, high in seen.ranges.values()), default=1.0) or 1.0
    path.span = span
    checks, notes = _checks(path, seen, [*own.values(), *natural.values()])
    notes += [*_preparing_words(path, decode), *refused_words]
    name = name or _name_of(called)
    text = templates.FOR_TARGET.format(
        name=name, load=settings.load, path=_path_words(path, decode),
        about=f"bytes -> decoder -> preprocessing of {_safe(called)} -> model input",
        measured=f"{len(own)} of its own seeds and {len(natural)} files made here",
        notes=_lines(notes), instrument=_list(_packages(path, settings.load, decode, found.root)),
        allowed=_list(_allowed(path, says)), seconds=_seconds(seen.seconds * (2 * len(checks) + 2)),
        length=LENGTHS[path.kind], mutator='\n    "mutator": "png",' if path.kind == "image" else "",
        imports="import mlfuzz.modality.base  # noqa: F401", tolerance=TOLERANCES[path.kind], span=f"{span:.6g}",
        shapes=_dict(seen.shapes), types=_dict(seen.types), ranges=_dict(seen.ranges),
        decode=decode, suppress="*INPUT.refuses",
        checks="".join(templates.CHECK.format(name=one, words=words, call=call) for one, words, call in checks),
        names=", ".join(one for one, _, _ in checks if not one.startswith("as_")),
        at_once=max(1, min(AT_ONCE, (len(checks) - len(templates.BASIC)) // 2)),
        forms="\n    ".join(f"{one}," for one, _, _ in checks if one.startswith("as_")) or "# none",
    )  # fmt: skip
    return Written(name, text, {**natural, **own}, path.kind, tuple(notes))


def compare(context: Context, pair: tuple[str, str], name: str, kind: str, *, target: str = "") -> Written:
    """The harness of two functions. Raises UsageError, TargetLoadError."""
    root = context.resolve().root
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from mlfuzz.skew.model_input import KINDS
    from mlfuzz.targets.load import load_attribute

    functions = [load_attribute(one, directory=root) for one in pair]
    for typed, function in zip(pair, functions, strict=True):
        if not callable(function):
            raise UsageError(f"{typed} is no function; name one that takes the bytes of a file: module:function")
    seeds = _seeds_of(kind, KINDS)
    ways = [
        _way(function, list(seeds.values()), typed, texts=kind == "text")
        for function, typed in zip(functions, pair, strict=True)
    ]
    span, seconds, differ = _spanned([way for way, _ in ways], list(seeds.values()))
    notes = [f"They differ on {differ} of {len(seeds)} files made here."] if differ else []
    says, refused_words = _refusals([way for way, _ in ways])
    notes += refused_words
    imports = [_import(one, f"{word}_way") for one, word in zip(pair, ("first", "second"), strict=True)]
    asked, answer = _asking(context, target)
    text = templates.COMPARE.format(
        name=name, first=pair[0], second=pair[1], notes=_lines(notes), measured=f"{len(seeds)} files made here",
        about=f"{_safe(pair[0])} and {_safe(pair[1])} agree", instrument=_list(_instrumented(pair)),
        allowed=_list(["mlfuzz.errors.BadInputError"]), refuses=_list([*COMMON, *says]),
        seconds=_seconds(2 * seconds), length=LENGTHS[kind],
        mutator='\n    "mutator": "png",' if kind == "image" else "", imports=imports[0].partition("\n")[0],
        use="\n".join(imports), tolerance=TOLERANCES[kind], span=f"{span:.6g}",
        way_first=ways[0][1].format("first_way"), way_second=ways[1][1].format("second_way"),
        suppress="skew.BadInputError", answer=answer, asked=asked,
    )  # fmt: skip
    return Written(name, text, seeds, kind, tuple(notes))


def _asking(context: Context, target: str) -> tuple[str, str]:
    if not target:
        return "", ""
    found = context.resolve()
    _, settings = find_target(found.config.targets, target)
    return ", answer=MODEL.says", f'MODEL = skew.of_target("{settings.load}", project=ROOT)\n'


def _natural(path: ModelInput) -> dict[str, bytes]:
    from mlfuzz.skew.model_input import KINDS

    return dict(KINDS[path.kind].natural())


def _extremes(path: ModelInput) -> list[bytes]:
    from mlfuzz.skew.model_input import KINDS

    module, modality = KINDS[path.kind], path.target.modality
    if path.kind == "image":
        height, width = modality.size or (32, 32)
        return list(module.extremes(min(height, 256), min(width, 256)))
    return list(module.extremes(modality.sample_rate_hz) if path.kind == "audio" else module.extremes())


def _own_seeds(where: Path | str | None) -> dict[str, bytes]:
    """The smallest of the target's seeds, by name."""
    place = Path(where) if where else None
    if place is None or not place.exists():
        return {}
    files = [place] if place.is_file() else [one for one in place.rglob("*") if one.is_file() and one.suffix]
    sized = sorted((one.stat().st_size, str(one), one) for one in files if one.suffix not in (".csv", ".json", ".npz"))
    small = [one for size, _, one in sized if 0 < size <= LARGEST_SEED][:MOST_SEEDS]
    return {f"{number:02}-{one.name}": one.read_bytes() for number, one in enumerate(small)}


def _measured(path: ModelInput, files: Sequence[bytes]) -> tuple[_Seen, str]:
    """What inputs look like, and why the last file that was refused was."""
    from mlfuzz.skew.difference import difference, parts

    seen, why = _Seen({}, {}, {}), ""
    for data in files:
        began = time.perf_counter()
        try:
            value = path(data)
            found = parts(value)
        except Exception as error:  # noqa: BLE001 - whatever the target's preprocessing raises is told
            why = f"{type(error).__name__}: {str(error)[:200]}"
            continue
        seen.seconds = max(seen.seconds, time.perf_counter() - began)
        seen.steady = seen.steady and difference(value, path(data), tolerance=0.0, span=1.0) is None
        seen.read += 1
        _note(seen, found)
    return seen, why


def _note(seen: _Seen, found: Mapping[str, Any]) -> None:
    for part, one in found.items():
        shape: list[int | None] = [] if isinstance(one, str) else list(one.shape)
        known = seen.shapes.setdefault(part, shape)
        if len(known) == len(shape):
            seen.shapes[part] = [a if a == b else None for a, b in zip(known, shape, strict=True)]
        seen.types[part] = "str" if isinstance(one, str) else str(one.dtype)
        if isinstance(one, str) or one.dtype.kind != "f" or not one.size:
            continue
        low, high = float(one.min()), float(one.max())
        if math.isfinite(low) and math.isfinite(high):
            before = seen.ranges.get(part, (low, high))
            seen.ranges[part] = (round(min(low, before[0]), 6), round(max(high, before[1]), 6))


def _checks(path: ModelInput, seen: _Seen, files: Sequence[bytes]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(name, words, call) of each check that is written, and what is left out, in words."""
    checks, notes = list(templates.BASIC), []
    if not seen.steady:
        notes.append(
            "Its preprocessing is not deterministic: what compares two inputs is left out; take what is random out of "
            "it, or seed it, and write this file anew."
        )
        return [one for one in checks if one[0] != "steady"], notes
    one = next(_read(path, files))
    left = []
    for form, (words, _) in path.forms.items():
        if why := _refused(path, one, form):
            left.append(f"{words} ({why})")
            continue
        checks.append((f"as_{form}", f"{words[0].upper()}{words[1:]}.", f'same("{form}", TOLERANCE)'))
    if left:
        notes.append(f"Left out, since the target does not read it: {'; '.join(left)}.")
    return checks, notes


def _read(path: ModelInput, files: Sequence[bytes]) -> Iterator[One]:
    for data in reversed(files):
        with suppress(Exception):
            yield path.of(data)


def _refused(path: ModelInput, one: One, form: str) -> str:
    written, _ = path.forms[form][1](one.content)
    try:
        path(written)
    except path.refuses as error:
        return _safe(str(error).splitlines()[0] if str(error) else type(error).__name__)[:80]
    except Exception:  # noqa: BLE001 - undocumented: a finding, as soon as it is fuzzed
        return ""
    return ""


def _preparing_words(path: ModelInput, decode: str) -> list[str]:
    notes = [] if decode else ["Bytes are decoded as mlfuzz decodes seeds; name what production has: --decode."]
    if not path.prepared:
        notes.append("The target has no preprocessing of its own: what is decoded is what it is handed.")
    return notes


def _path_words(path: ModelInput, decode: str) -> str:
    return f"{decode or 'the decoding of seeds'}, then {'its preprocessing' if path.prepared else 'nothing'}"


def _allowed(path: ModelInput, says: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(["mlfuzz.errors.BadInputError", *map(_named, path.target.raises), *says]))


def _named(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _refusals(ways: Sequence[Callable[[bytes], Any]]) -> tuple[list[str], list[str]]:
    """What decoders raise for what is no file at all: their way to say so. Names, and words on them."""
    found: dict[str, None] = {}
    for way in ways:
        for nothing in NOTHING:
            try:
                way(nothing)
            except Exception as error:  # noqa: BLE001 - whatever the user's decoder raises
                if isinstance(error, OSError):  # what is broken further in is another kind of it
                    found["OSError"] = None
                elif isinstance(error, REFUSING) or type(error).__module__ not in NOT_REFUSING:
                    found[_named(type(error))] = None
    names = [name for name in found if name != "mlfuzz.errors.BadInputError"]
    if not names:
        return [], []
    words = (
        f"What is raised for what is no file at all is taken for a refusal: {', '.join(names)}; leave only what is "
        "documented under allowed."
    )
    return names, [words]


def _list(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _dict(found: Mapping[str, Any]) -> str:
    return repr(found).replace("'", '"')


def _lines(notes: Sequence[str]) -> str:
    """Each in a paragraph of its own."""
    return "".join(f"\n\n{textwrap.fill(note, 116)}" for note in notes) + ("\n" if notes else "")


def _packages(path: ModelInput, load: str, decode: str, root: Path) -> list[str]:
    """Of the target, of what prepares its inputs, and of mlfuzz's decoder."""
    target = path.target
    function = getattr(target, "preprocess", None) or getattr(getattr(target, "function", None), "preprocess", None)
    modules = [getattr(function, "__module__", None) or type(function).__module__ if function is not None else ""]
    modules += [decode.partition(":")[0], load.partition(":")[0]]
    tops = [_module_of(one) for one in modules]
    skipped = ("", "mlfuzz", "builtins", "torch", "numpy")
    return ["mlfuzz.modality", *dict.fromkeys(one for one in tops if one.partition(".")[0] not in skipped or
                                              one.startswith("mlfuzz.examples."))]  # fmt: skip


def _instrumented(pair: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_module_of(one.partition(":")[0]) for one in pair))


def _module_of(name: str) -> str:
    """The package to be instrumented: a file's stem, the top of a project's package, a shipped module whole."""
    if name.endswith(".py"):
        return Path(name).stem
    return name if name.startswith("mlfuzz.") else name.partition(".")[0]


def _import(typed: str, called: str) -> str:
    module, _, attribute = typed.rpartition(":")
    if module.endswith(".py") or "/" in module or not attribute.isidentifier():
        return f'from mlfuzz.targets.load import load_attribute\n{called} = load_attribute("{typed}", directory=ROOT)'
    return f"from {module} import {attribute} as {called}"


def _seeds_of(kind: str, kinds: Mapping[str, Any]) -> dict[str, bytes]:
    if kind in kinds:
        module = kinds[kind]
        seeds = dict(module.natural())
        first = module.content(list(seeds.values())[-2])
        for form, (_, write) in module.FORMS.items():
            with suppress(Exception):
                seeds[f"form-{form}.{kind}"] = write(first)[0]
        return seeds
    return {"zeros.bin": bytes(16), "count.bin": bytes(range(64))}


def _way(function: Any, files: Sequence[bytes], typed: str, *, texts: bool) -> tuple[Callable[[bytes], Any], str]:
    """How a function is called with bytes, and how that is written. texts: as a text first: bytes have `lower` too.

    Raises UsageError where it takes nothing.
    """
    from mlfuzz import skew

    why = ""
    tries = [(function, "{}"), (skew.of_file(function), "skew.of_file({})")]
    tries.insert(0 if texts else 2, (skew.of_text(function), "skew.of_text({})"))
    for way, text in tries:
        for data in files:
            try:
                way(data)
            except Exception as error:  # noqa: BLE001 - whatever the user's function raises
                why = why or f"{type(error).__name__}: {str(error)[:160]}"
                continue
            return way, text
    raise UsageError(
        f"{typed} takes none of {len(files)} files, as bytes, as an open file or as a text: {why}; name a function of "
        "bytes, and its kind of files: --for image, audio, text or bytes"
    )


def _spanned(ways: Sequence[Callable[[bytes], Any]], files: Sequence[bytes]) -> tuple[float, float, int]:
    """What the first one's numbers range over, seconds, and on how many files they differ."""
    from mlfuzz.skew.difference import difference, parts

    low, high, seconds, differ = math.inf, -math.inf, 0.0, 0
    for data in files:
        began = time.perf_counter()
        with suppress(Exception):
            due, got = ways[0](data), ways[1](data)
            for part in parts(due).values():
                if not isinstance(part, str) and part.size and part.dtype.kind in "fiu":
                    low, high = min(low, float(part.min())), max(high, float(part.max()))
            differ += difference(due, got, tolerance=0.0, span=1.0) is not None
        seconds = max(seconds, time.perf_counter() - began)
    return (high - low if high > low else 1.0), seconds, differ


def _seconds(measured: float) -> float:
    return float(max(2, math.ceil(ROOMY * measured)))


def _name_of(target: str) -> str:
    """ "digits_robust_input" of "digits:robust"."""
    plain = re.sub(r"\W+", "_", target.replace(".py:", "_"), flags=re.ASCII).strip("_").lower()
    name = f"{plain}_input"
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"target_{name}"


def _safe(text: str) -> str:
    """In a line between quotes of a file that is written."""
    return "".join(one if one.isprintable() and one not in "\"'\\{}" else "." for one in text)
