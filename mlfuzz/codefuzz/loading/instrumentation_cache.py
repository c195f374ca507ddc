"""Instrumented bytecode, kept between starts.

atheris instruments in Python at each import and keeps nothing: a minute for torch. What it produces can be kept: it
refers to the atheris module and to numbers of counters, and those alone differ from process to process. They are marked
before a code object is written, and put in again when it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import marshal
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mlfuzz.codefuzz.corpus.dictionary import constants

FORMAT = b"mlfuzz-instrumented-1\n"
MARK = "__MLFUZZ_RELOCATE__"
SOURCES = ("instrument_bytecode.py", "import_hook.py", "version_dependent.py", "__init__.py", "utils.py")
"""Files of atheris that decide what instrumented code looks like."""

UNIQUE = 1 << 62
"""Counters stand as this and more while a code object is built, so that no constant of the code equals one."""

FRESH_SECONDS = 43_200.0
"""A file that is used gets the time of its use, unless that was within half a day: the oldest are removed some day."""

SAMPLE = """
def sample(values):
    total = 0
    for value in values:
        if value > 3 and value != 7:
            total += value
        elif value == 7:
            try:
                total //= value - 7
            except ZeroDivisionError as error:
                total = -total if "zero" in str(error) else 0
    return total, [inner(value) for value in values], (lambda x: x == 3)(total)


def inner(value):
    while value > 10:
        value -= 7
    return value
"""


class Store:
    """Instrumented code of one version of atheris and Python. hits, misses, failed: of this process.

    folder: "" keeps nothing.
    """

    def __init__(self, atheris: ModuleType, folder: str) -> None:
        self._atheris = atheris
        self._hook = sys.modules["atheris.import_hook"]
        self._bytecode: Any = sys.modules["atheris.instrument_bytecode"]
        self._reserve: Callable[[], int] = atheris._reserve_counter
        self.version = _version(atheris)
        self._folder = os.path.join(folder, self.version) if folder else ""
        self.hits = self.misses = 0
        self.failed: list[str] = []
        self.constants: list[bytes] = []
        # Its own __eq__ is identity written in Python; list.index calls it for every instruction before the one sought.
        self._bytecode.Instruction.__eq__ = object.__eq__
        self._bytecode.Instruction.__hash__ = object.__hash__

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """While it lasts, what atheris' import hook loads from source comes through this store."""
        store, genuine = self, self._hook.AtherisSourceFileLoader

        class Loader(genuine):  # type: ignore[misc, valid-type]
            def get_code(self, fullname: str) -> CodeType | None:
                return store.code(
                    fullname, self.get_filename(fullname), lambda: genuine.__base__.get_code(self, fullname)
                )

        self._hook.AtherisSourceFileLoader = Loader  # type: ignore[attr-defined]
        try:
            yield
        finally:
            self._hook.AtherisSourceFileLoader = genuine  # type: ignore[attr-defined]

    def code(self, name: str, path: str, compiled: Callable[[], CodeType | None]) -> CodeType | None:
        """The instrumented code of a module; its plain code where that fails, and it is noted."""
        file = self._file(name, path) if self._folder else ""
        kept = _read(file) if file else None
        if kept is not None:
            self.hits += 1
            self.constants += kept[0]
            return self.relocate(kept[1])
        code = compiled()
        if code is None:
            return None
        self.misses += 1
        try:
            marked = self.instrument(code)
            words = constants(code)
            if file:
                _write(file, (words, marked))
        except Exception:  # noqa: BLE001 - atheris asserts on code it does not understand; the module runs without it
            self.failed.append(name)
            return code
        self.constants += words
        return self.relocate(marked)

    def instrument(self, code: CodeType, *, nested: bool = False) -> CodeType:
        """As atheris' patch_code does it, with the places of module and counters marked instead of filled in."""
        work = self._marking(code)
        work.trace_control_flow()
        work.trace_data_flow()
        for place, constant in enumerate(work.consts):
            if isinstance(constant, CodeType) and _is_instrumented(constant.co_name, nested=nested):
                work.consts[place] = self.instrument(constant, nested=True)
        made: CodeType = work.to_code()
        module = next((i for i, constant in enumerate(made.co_consts) if constant is self._atheris), -1)
        kept = [None if i == module or i in work.counters else constant for i, constant in enumerate(made.co_consts)]
        return made.replace(co_consts=(*kept, (MARK, module, tuple(sorted(work.counters)))))

    def relocate(self, code: CodeType) -> CodeType:
        """Code for this process: its own atheris, counters of its own."""
        constants = code.co_consts
        last = constants[-1] if constants else None
        if type(last) is not tuple or len(last) != 3 or last[0] != MARK:
            return code
        _, module, counters = last
        filled = list(constants[:-1])
        if module >= 0:
            filled[module] = self._atheris
        reserve = self._reserve
        for place in counters:
            filled[place] = reserve()
        for place, constant in enumerate(filled):
            if type(constant) is CodeType:
                filled[place] = self.relocate(constant)
        return code.replace(co_consts=tuple(filled))

    def trustworthy(self) -> bool:
        """Whether a sample does the same and reaches as much through the store as through atheris. Once a version."""
        proof = os.path.join(self._folder, "proved")
        if self._folder and os.path.exists(proof):
            return True
        plain = compile(SAMPLE, "<sample>", "exec")
        try:
            kept = marshal.loads(marshal.dumps(self.instrument(plain)))
            same = self._trial(self.relocate(kept)) == self._trial(self._bytecode.patch_code(plain, True))
        except Exception:  # noqa: BLE001 - whatever has changed inside atheris, the way around is to do without
            return False
        if same and self._folder:
            with contextlib.suppress(OSError):
                os.makedirs(self._folder, exist_ok=True)
                with open(proof, "wb"):
                    pass
        return same

    def _trial(self, code: CodeType) -> tuple[Any, int]:
        edges: set[int] = set()
        genuine = self._atheris._trace_branch
        self._atheris._trace_branch = edges.add  # type: ignore[attr-defined]
        try:
            names: dict[str, Any] = {}
            exec(code, names)
            return [names["sample"](values) for values in ([], [1, 5, 7], [30, 7, 3], [8] * 20)], len(edges)
        finally:
            self._atheris._trace_branch = genuine  # type: ignore[attr-defined]

    def _marking(self, code: CodeType) -> Any:
        class Marking(self._bytecode.Instrumentor):  # type: ignore[misc, name-defined]
            def __init__(self, code: CodeType) -> None:
                self.counters: set[int] = set()
                super().__init__(code)

            def _get_counter(self) -> int:
                self.consts.append(UNIQUE + len(self.consts))
                self.counters.add(len(self.consts) - 1)
                return len(self.consts) - 1

        return Marking(code)

    def _file(self, name: str, path: str) -> str:
        status = os.stat(path)
        text = f"{name}\0{path}\0{status.st_mtime_ns}\0{status.st_size}"
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        return os.path.join(self._folder, digest[:2], digest[2:])


def _is_instrumented(name: str, *, nested: bool) -> bool:
    return name == "<lambda>" or (not nested and name == "<module>") or not (name[0] == "<" and name[-1] == ">")


def _version(atheris: ModuleType) -> str:
    """Of Python's bytecode, this format and atheris' own sources."""
    digest = hashlib.sha256(FORMAT + importlib.util.MAGIC_NUMBER + sys.version.encode())
    folder = os.path.dirname(atheris.__file__ or "")
    for name in SOURCES:
        with open(os.path.join(folder, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:20]


def _read(path: str) -> tuple[list[bytes], CodeType] | None:
    """What was kept; None where nothing was, or it is damaged."""
    try:
        with open(path, "rb") as file:
            data = file.read()
            if time.time() - os.fstat(file.fileno()).st_mtime > FRESH_SECONDS:
                with contextlib.suppress(OSError):
                    os.utime(path)
    except OSError:
        return None
    body = memoryview(data)[len(FORMAT) + 16 :]
    if not data.startswith(FORMAT) or hashlib.sha256(body).digest()[:16] != data[len(FORMAT) : len(FORMAT) + 16]:
        return None
    try:
        words, code = marshal.loads(body)
    except (ValueError, EOFError, TypeError):
        return None
    return (words, code) if isinstance(code, CodeType) else None


def _write(path: str, kept: tuple[list[bytes], CodeType]) -> None:
    """Whole or not at all; a cache that cannot be written is no error."""
    body = marshal.dumps(kept)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(descriptor, "wb") as file:
            file.write(FORMAT + hashlib.sha256(body).digest()[:16] + body)
        os.replace(temporary, path)


MOST_BYTES = 512 << 20
"""Several times what torch takes."""

MOST_DAYS = 30.0
EVERY_DAYS = 1.0
"""A look at the cache; a file's time is that of its last use, to a day (see `instrument`)."""

DAY = 86_400.0
PRUNED = "pruned"
"""Its time is that of the last look."""

VERSION = re.compile(r"[0-9a-f]{20}")
PART = re.compile(r"[0-9a-f]{2}|proved")
"""Nothing else is touched: the folder may be one that a user has named."""


def prune(cache: Path, *, most_bytes: int = MOST_BYTES, most_days: float = MOST_DAYS) -> int:
    """Remove what is old or too much; how many files. Does nothing within a day of the last time."""
    now = time.time()
    if not _due(cache / PRUNED, now):
        return 0
    kept: list[tuple[float, int, Path]] = []
    removed = 0
    for path, status in _files(cache):
        if now - status.st_mtime > most_days * DAY:
            removed += _remove(path)
        else:
            kept.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total <= most_bytes:
            break
        removed += _remove(path)
        total -= size
    _remove_empty(cache)
    return removed


def _due(mark: Path, now: float) -> bool:
    """Whether it is time; the mark is set at once, so that a second process has nothing to do."""
    try:
        last = mark.stat().st_mtime if mark.exists() else 0.0
        if not mark.parent.is_dir() or 0 <= now - last < EVERY_DAYS * DAY:
            return False
        mark.touch()
    except OSError:
        return False
    return True


def _files(cache: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Code of all versions, what a killed process has left half written, and the marks of versions that were proved."""
    for version in _folders(cache):
        for part in _inside(version):
            if PART.fullmatch(part.name):
                for path in _inside(part) if part.is_dir() else (part,):
                    with contextlib.suppress(OSError):
                        yield path, path.stat(follow_symlinks=False)


def _folders(cache: Path) -> list[Path]:
    return [path for path in _inside(cache) if VERSION.fullmatch(path.name) and path.is_dir()]


def _inside(folder: Path) -> list[Path]:
    """Nothing where another process has just removed it."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # another process was faster, or it is not ours to remove
        return False
    return True


def _remove_empty(cache: Path) -> None:
    """Folders that nothing is left in; one that is being written to stays, since it is not empty."""
    for version in _folders(cache):
        for folder in (*(part for part in _inside(version) if part.is_dir()), version):
            with contextlib.suppress(OSError):
                folder.rmdir()
