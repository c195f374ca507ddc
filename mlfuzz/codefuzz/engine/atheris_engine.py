"""The engine that runs harnesses under atheris; what it can do without atheris, it does."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import msgspec

import mlfuzz
from mlfuzz.codefuzz import formats
from mlfuzz.codefuzz.corpus.cmin import cover
from mlfuzz.codefuzz.corpus.corpus_directory import LARGEST, read
from mlfuzz.codefuzz.corpus.dictionary import combined, parse, written
from mlfuzz.codefuzz.engine import line_coverage
from mlfuzz.codefuzz.engine.coverage_blindness import first_words, unseen
from mlfuzz.codefuzz.engine.fuzz_session import FuzzRequest, FuzzSession
from mlfuzz.codefuzz.engine.libfuzzer_options import unheeded
from mlfuzz.codefuzz.engine.seed_screening import SmokeRun, peek, samples, screen
from mlfuzz.codefuzz.engine.session_memory import SessionMemory
from mlfuzz.codefuzz.executor.batch_run import BatchRunner
from mlfuzz.codefuzz.executor.isolated_run import PATIENCE, TIMED, IsolatedRunner
from mlfuzz.codefuzz.executor.leak import leaks
from mlfuzz.codefuzz.executor.minimise import minimise
from mlfuzz.codefuzz.failure.bucketing import FrameOwners
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.forkserver.client import ForkServerClient
from mlfuzz.codefuzz.forkserver.scratch import make_writable
from mlfuzz.codefuzz.formats import FORMATS
from mlfuzz.codefuzz.harness.declaration import Declaration
from mlfuzz.codefuzz.harness.engine import FuzzProgress, OnAgain, OnFailure, OnProgress, Options, Prepared, Screened
from mlfuzz.codefuzz.loading.import_hook import within
from mlfuzz.codefuzz.loading.instrumentation_cache import prune
from mlfuzz.codefuzz.native.toolchain import mutator_library
from mlfuzz.codefuzz.runtime.permissions import FORMER, Permissions, problem, renamed
from mlfuzz.errors import BadInputError, ConfigError, TargetError, TargetLoadError, UnknownNameError
from mlfuzz.storage.durable import write_atomic
from mlfuzz.targets.find import import_roots

AS_DECLARED = "auto"
"""What an option says that once was the default, beside the harness's own "off"."""

HARMFUL = frozenset({"crash", "overflow", "killed", "os-exit", "sanitizer", "hang", "memory"})
"""Kinds of input that would end a worker that runs many."""

UNCOVERED = "the session was opened without coverage"
"""Why such a session cannot fuzz."""

UNCOUNTED, DOUBTED = 1, 64
"""libFuzzer may count so many edges that are nobody's. Where it has counted no more than the harness's own file has,
so many files of the corpus are looked at for others."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class AtherisEngine:
    """libFuzzer through atheris, in forks of a process that has imported the harness once."""

    name = "atheris"

    def available(self) -> str:
        """ "" where it can fuzz here, else what is missing and the remedy. Replay works without it."""
        if not hasattr(os, "fork"):
            return f"the code side forks its workers, which {platform.system()} cannot; use Linux or macOS"
        if importlib.util.find_spec("atheris") is None:
            machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
            return (
                f"atheris is not installed ({machine}); its wheels are for Linux on x86-64: "
                "`pip install atheris` there, or replay findings here, which needs none"
            )
        return ""

    def prepare(
        self, declaration: Declaration, options: Options, *, stop: Callable[[], bool] = lambda: False
    ) -> AtherisSession:
        """Import the harness in a process of its own. Raises TargetLoadError with the child's own words."""
        if not hasattr(os, "fork"):
            raise TargetLoadError(self.available())
        missing = self.available() if options.instrument else UNCOVERED
        return AtherisSession(declaration, options, missing=missing, stop=stop)


class AtherisSession:
    """One harness, imported once. A context manager; ends its processes with it.

    missing: why it cannot fuzz; "" where it can. stop: whether the import is not wanted any more.
    """

    def __init__(
        self, declaration: Declaration, options: Options, *, missing: str = "", stop: Callable[[], bool] = lambda: False
    ) -> None:
        self.declaration, self.options, self._missing = declaration, options, missing
        self._memory = SessionMemory()
        self._bare: AtherisSession | None = None
        if declaration.mutator and declaration.mutator not in FORMATS:
            raise UnknownNameError("mutator of bytes", declaration.mutator, FORMATS)
        if options.instrument:  # else nothing is mutated: a finding replays without what its grammar is read with
            formats.of(declaration.mutator, _grammar(declaration, options))
        if wrong := problem(options.sandbox or declaration.sandbox, (*declaration.allow, *options.allow)):
            raise ConfigError(wrong)
        self.permitted = permitted(declaration, options)
        if not Path(declaration.path).is_file():
            raise TargetLoadError(f"{declaration.path or declaration.name}: no such harness file")
        self._open(stop)

    def _open(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Import the harness in a process of its own."""
        declaration, options = self.declaration, self.options
        make_writable(self.permitted)
        variables = environment(options, declaration.mutator or declaration.grammar)
        specified = specification(declaration, options, atheris=not self._missing)
        self._link = ForkServerClient(specified, variables, python=options.python)
        try:
            limit = options.start_seconds or declaration.import_seconds
            reply = self._link.ready(limit, declaration.path, stop)
            self._own = frozenset(reply["own"])
            territory = FrameOwners(declaration.instrument, declaration.path, reply["path"])
            self._runner = IsolatedRunner(self._link, declaration, territory, confined=options.lane.name == "plain")
            self._runner.watch(reply["sandbox"], self.permitted)
            self._runner.bare = None if self._missing else self._run_bare
            self.prepared = self._prepared(reply)
        except BaseException:
            self._link.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def project(self) -> str:
        """The folder that its paths start at, absolute."""
        return str(Path(self.options.project).resolve())

    def close(self) -> None:
        self._link.close()
        if self._bare is not None:
            self._bare.close()
        if self.options.instrument and (cache := _cache(self.options)):
            prune(Path(cache))

    def fuzz(
        self, corpus: Path, *, seconds: float, runs: int = 0, on_failure: OnFailure, on_progress: OnProgress,
        known: Sequence[str] = (), words: Sequence[bytes] = (), stop: Callable[[], bool] = lambda: False,
        on_again: OnAgain = lambda payload, outcome: None,
    ) -> FuzzProgress:  # fmt: skip
        """Fuzz until a limit is reached; survives whatever an input does. known: buckets that are not told again.

        words: what earlier calls have found useful, beside the harness's own and the constants of the code.

        Raises TargetError where atheris is missing, WorkerLostError where no worker lives long enough to fuzz.
        """
        self._need_atheris()
        request = FuzzRequest(
            corpus=corpus,
            seconds=seconds,
            runs=runs,
            seed=self.options.seed,
            # Without coverage libFuzzer would drop all seeds but the first, and go on from a single byte.
            flags=tuple(self._flags(words)),
            known=tuple(known),
        )
        progress = FuzzSession(
            self._link, self._runner, self._memory, request, on_failure, on_progress, stop, on_again
        ).run()
        return msgspec.structs.replace(progress, unseen=() if stop() else self._unseen(corpus, progress))

    def reproduce(self, payload: bytes, *, times: int = 3, kind: str = "") -> list[Outcome]:
        """Run one input alone, each time in a fresh fork, with time and memory measured.

        kind: what was seen before; a "leak" shows only when the input runs many times, and is looked for then alone.
        """
        if self._link.lost:  # without a sandbox an input may have taken down more than its own process
            self._link.close()
            self._open()
        if kind == "leak" or payload in self._runner.leaky:
            return [leaks(self._runner, payload) or self._runner.evaluate(payload) for _ in range(times)]
        execute = self._runner.bare if kind in TIMED and self._runner.bare else self._runner.evaluate
        return [execute(payload) for _ in range(times)]

    def _run_bare(self, payload: bytes) -> Outcome:
        """What the input does without coverage: that it is slow is said of the code under test."""
        if self._bare is None:
            options = msgspec.structs.replace(self.options, instrument=False)
            try:
                self._bare = AtherisSession(self.declaration, options, missing=UNCOVERED)
            except TargetLoadError:  # then by what there is
                self._runner.bare = None
                return self._runner.execute(payload)
        return self._bare.reproduce(payload, times=1)[0]

    def consumed(self, payload: bytes) -> list[tuple[str, str]]:
        """What a FuzzedDataProvider made of an input: (call, value) in order; [] where it used none or does not come to
        its end, and in an instrumented session."""
        reply = self._runner.ask(payload, {"name": "consumed"}, seconds=PATIENCE * self.declaration.seconds)
        return [(str(call), str(value)) for call, value in reply.get("consumed", ())]

    def screen(self, files: Sequence[Path]) -> Screened:
        """Run each seed once; judge alone those that die, hang, or take too much."""
        instrumented = bool(self.declaration.instrument or self.prepared.instrumented) and not self._missing
        return screen(self._runner, files, blind=self.declaration.blind or not instrumented, own=self._own)

    def minimise(self, payload: bytes, bucket: str, *, seconds: float) -> bytes:
        """A smaller input with the same bucket; the same where none is found."""
        declared = None
        with contextlib.suppress(ConfigError):
            declared = formats.of(self.declaration.mutator, _grammar(self.declaration, self.options))
        hints = partial(formats.simpler, declared=declared)
        return minimise(self._runner, payload, bucket, seconds=seconds, hints=hints)

    def merge(self, files: Sequence[Path]) -> list[Path]:
        """The few of these files that reach what all reach; those that fail or cannot be read are left out."""
        reached = self.features(files)
        return cover(reached, {path: path.stat().st_size for path in reached})

    def features(self, files: Sequence[Path]) -> Mapping[Path, frozenset[int]]:
        """The edges that each file reaches; files that fail or cannot be read are left out."""
        self._need_atheris()
        readable = self._readable(files)
        seen = BatchRunner(self._runner, edges=True).run(list(readable.values()))
        return {path: one.edges for path, one in zip(readable, seen, strict=True) if not one.outcome.failed}

    def coverage(self, files: Sequence[Path], html: Path) -> Mapping[str, float]:
        """Lines and branches of the harness and the packages it names that these files reach: share per file.

        The pages are written to `html`. Files that kill the process, hang or cannot be read are left out. Raises
        TargetError where coverage.py is not installed.
        """
        if why := line_coverage.missing():
            raise TargetError(why)
        readable = self._readable(files)
        seen = BatchRunner(self._runner).run(list(readable.values()))
        harmless = [data for data, one in zip(readable.values(), seen, strict=True) if one.outcome.kind not in HARMFUL]
        spec = specification(self.declaration, self.options, atheris=False, cover=True)
        link = ForkServerClient(spec, environment(self.options, self.declaration.mutator))
        try:
            limit = self.options.start_seconds or self.declaration.import_seconds
            reply = link.ready(limit, self.declaration.path, lambda: False)
            arcs = line_coverage.measured(link, harmless)
        finally:
            link.close()
        return line_coverage.pages(
            arcs, html, title=f"{self.declaration.name}: {len(harmless)} inputs", folders=reply["path"]
        )

    def _readable(self, files: Sequence[Path]) -> dict[Path, bytes]:
        """Contents as libFuzzer would cut them; what cannot be read is left out."""
        readable: dict[Path, bytes] = {}
        for path in files:
            with contextlib.suppress(BadInputError):
                readable[path] = read(path, most=LARGEST)[: self.declaration.length]
        return readable

    def _need_atheris(self) -> None:
        if self._missing:
            raise TargetError(f"{self.declaration.name} cannot be fuzzed here: {self._missing}")

    def _prepared(self, reply: dict[str, Any]) -> Prepared:
        glimpse = self._glimpse(frozenset(reply["modules"])) if self.options.instrument else SmokeRun()
        lazy = tuple(sorted(name for name in glimpse.modules if within(name, self.declaration.instrument)))
        warnings = [*reply["warnings"], *filter(None, [renamed(self.declaration.sandbox)])]
        standard = [name for name in glimpse.modules if name.partition(".")[0] in sys.stdlib_module_names]
        if standard:
            self._link.import_modules(sorted(set(standard) - set(lazy)))
        warnings += self._refused_words()
        warnings += unheeded(reply["arguments"], self.declaration)
        if glimpse.strays:
            warnings.append(
                "the harness starts processes; they are ended with their worker, and nothing they do is seen"
            )
        if glimpse.runs and not (self._missing or self.declaration.blind or glimpse.edges - self._own):
            warnings += first_words(self.declaration, glimpse.called, reply["instrumented"], none=not glimpse.edges)
        return Prepared(
            seconds=reply["seconds"], cached=reply["cached"], blind=tuple(reply["blind"]), lazy=lazy,
            uninstrumented=tuple(reply["uninstrumented"]), instrumented=tuple(reply["instrumented"]),
            sandbox=tuple(reply["sandbox"]), unheld=tuple(reply["unheld"]), warnings=tuple(warnings),
            constants=tuple(bytes.fromhex(word) for word in reply["constants"]),
        )  # fmt: skip

    def _glimpse(self, before: frozenset[str]) -> SmokeRun:
        seeds, length = self.declaration.seeds, self.declaration.length
        first = samples(Path(self.options.project) / seeds, length) if seeds else [b""]
        return peek(self._link, first, before)

    def _unseen(self, corpus: Path, progress: FuzzProgress) -> tuple[str, ...]:
        """Packages called without coverage, where the corpus reaches nothing but the harness's own code."""
        if self.declaration.blind or not progress.measured or progress.edges > len(self._own) + UNCOUNTED:
            return ()
        glimpse = peek(self._link, samples(corpus, self.declaration.length, most=DOUBTED))
        if glimpse.edges - self._own:
            return ()
        return unseen(glimpse.called, self.prepared.instrumented)

    def _refused_words(self) -> list[str]:
        """A word on lines of the user's dictionary that are none, and on a file that cannot be read."""
        if not self.declaration.dictionary:
            return []
        try:
            _, refused = parse(read(Path(self.options.project) / self.declaration.dictionary, most=LARGEST))
        except BadInputError as error:
            return [f"its dictionary cannot be read: {error}"]
        return [f"{self.declaration.dictionary}: {one}; left out" for one in refused[:3]]

    def _flags(self, learnt: Sequence[bytes]) -> list[str]:
        """What harness and lane add to libFuzzer's flags: a sanitizer cannot live with a limit of address space."""
        flags = self._dictionary(learnt)
        if self.options.lane.preload:
            flags.append(f"-malloc_limit_mb={4 * self.declaration.mebibytes}")
        if self.declaration.blind:  # without feedback the seeds are all there is to start from
            flags.append("-keep_seed=1")
        return flags

    def _dictionary(self, learnt: Sequence[bytes]) -> list[str]:
        """libFuzzer's argument for the words it may use: the user's, those learnt earlier, and those of the code."""
        words: list[bytes] = []
        if self.declaration.dictionary:
            path = Path(self.options.project) / self.declaration.dictionary
            with contextlib.suppress(BadInputError):  # told when it was prepared
                words, _ = parse(read(path, most=LARGEST))
        words = combined(words, learnt, self.prepared.constants)
        if not words:
            return []
        file = self._link.scratch / "words.dict"
        write_atomic(file, written(words), sync=False)
        return [f"-dict={file}"]


def specification(declaration: Declaration, options: Options, *, atheris: bool, cover: bool = False) -> dict[str, Any]:
    """What the fork server must know, as plain values."""
    return {
        "path": str(Path(declaration.path).resolve()), "entry": declaration.entry, "name": declaration.name,
        "instrument": list(declaration.instrument), "preload": list(declaration.preload),
        "allowed": [[one.type, one.match] for one in declaration.documented], "mutator": declaration.mutator,
        "grammar": _grammar(declaration, options),
        "seconds": declaration.seconds, "mebibytes": declaration.mebibytes, "length": declaration.length,
        "project": str(Path(options.project).resolve()), "cache": _cache(options),
        "folders": [str(folder) for folder in import_roots(Path(options.project).resolve())],
        "lane_path": list(options.lane.path), "sanitizer": bool(options.lane.preload),
        "sandbox": level_of(declaration, options), "allow": [*declaration.allow, *options.allow],
        "atheris": atheris, "cover": cover,
    }  # fmt: skip


def level_of(declaration: Declaration, options: Options) -> str:
    """The level of the sandbox, as it is called now: what was asked for, else what the harness declares."""
    asked = "" if options.sandbox == AS_DECLARED else options.sandbox
    level = asked or declaration.sandbox
    return FORMER.get(level, level)


def permitted(declaration: Declaration, options: Options) -> Permissions:
    """What this harness may do while it runs an input: the same wherever it is run."""
    return Permissions.of(
        level_of(declaration, options), (*declaration.allow, *options.allow), str(Path(options.project).resolve())
    )


def _grammar(declaration: Declaration, options: Options) -> str:
    """Its path, "" for none."""
    return str((Path(options.project) / declaration.grammar).resolve()) if declaration.grammar else ""


def _cache(options: Options) -> str:
    """Folder of instrumented code: the user's cache unless another is given; "none", or no home, keeps nothing."""
    if options.cache:
        return "" if options.cache == "none" else str(Path(options.cache).resolve())
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return str(Path(home) / "mlfuzz" / "instrumented") if os.path.isabs(home) else ""


def environment(options: Options, mutator: str = "") -> dict[str, str]:
    """The fork server's environment: one thread, this mlfuzz, and the lane's own variables."""
    variables = dict(os.environ)
    for name in THREADS:
        variables[name] = "1"
    variables.pop("PYTHONSTARTUP", None)
    variables.pop("PYTHONFAULTHANDLER", None)
    variables["PYTHONHASHSEED"] = "0"
    paths = [os.path.abspath(path) for path in variables.get("PYTHONPATH", "").split(os.pathsep) if path]
    if paths:
        variables["PYTHONPATH"] = os.pathsep.join(paths)
    if not options.python:  # another Python has packages of its own beside its own mlfuzz, or has none
        own = str(Path(mlfuzz.__file__).resolve().parent.parent)
        variables["PYTHONPATH"] = os.pathsep.join([*paths, own] if own not in paths else paths)
    if options.instrument:
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
    if options.lane.preload:
        libraries = [*options.lane.preload, mutator_library() if mutator and options.instrument else ""]
        variables["LD_PRELOAD"] = ":".join(filter(None, libraries))
    return {**variables, **options.lane.variables}
