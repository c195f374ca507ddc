"""What an engine does for a harness. atheris stands behind it today; another can take its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import msgspec

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.declaration import Declaration


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The environment a harness runs in. name: "plain", "address" or "undefined"; path: goes in front of sys.path.

    preload: libraries for LD_PRELOAD of the Python process alone. variables: more of its environment.
    """

    name: str = "plain"
    path: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    variables: dict[str, str] = {}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Of one session. project: the directory that seeds and dictionary are given from. cache: of instrumented
    code, "" for the user's cache folder, "none" for none.

    sandbox: "strict", "workspace" or "off" in place of what the harness declares; "": as it declares. allow: beside
    what it declares (docs/sandbox.md). seed: of libFuzzer's generator.
    start_seconds: that importing the harness may go on without importing another module; 0: as it declares.
    instrument: whether inputs shall give coverage; without it a session cannot fuzz, needs no fuzzer, and runs the code
    as its users do. python: of another environment; "" for this one. It need not have what mlfuzz needs.
    """

    project: str = "."
    cache: str = ""
    lane: Lane = Lane()
    sandbox: str = ""
    allow: tuple[str, ...] = ()
    seed: int = 1
    start_seconds: float = 0.0
    instrument: bool = True
    python: str = ""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What importing the harness showed. blind, lazy: native modules without coverage, modules imported too late.

    instrumented: modules that give coverage, whether the declaration names them or the harness itself instruments them.
    sandbox: its layers; unheld: what of it does not hold on this machine, in words.
    """

    seconds: float
    cached: bool
    blind: tuple[str, ...] = ()
    lazy: tuple[str, ...] = ()
    uninstrumented: tuple[str, ...] = ()
    instrumented: tuple[str, ...] = ()
    constants: tuple[bytes, ...] = ()
    sandbox: tuple[str, ...] = ()
    unheld: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class FuzzProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Of a running session: executions, edges and features so far, files in the corpus, seconds spent fuzzing.

    measured: whether the engine has counted edges yet; it may still be reading a large corpus. words: that it has found
    useful, once it has ended of itself. unseen: packages that the harness calls without coverage, where all edges are
    its own file's; known at the end.
    """

    executions: int
    edges: int
    features: int
    corpus: int
    fuzzing: float
    seconds: float
    restarts: int
    failures: int
    measured: bool = True
    words: tuple[bytes, ...] = ()
    unseen: tuple[str, ...] = ()


class Screened(msgspec.Struct, frozen=True, kw_only=True):
    """Seeds sorted: usable; failing, with their outcomes; refused by the loader, with the reason. barred: of the usable
    ones those that want what the sandbox refuses, with what that was.

    edges: that they reach together. warnings: what looks wrong with the harness itself, in whole sentences.
    """

    usable: tuple[str, ...]
    failing: tuple[tuple[str, Outcome], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    barred: tuple[tuple[str, Outcome], ...] = ()
    edges: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


OnFailure = Callable[[bytes, Outcome], None]
"""Called once for each new bucket, as soon as it is known, before the worker goes on; also, with what was refused, for
a failure that comes of the sandbox."""

OnAgain = Callable[[bytes, Outcome], None]
"""Called now and then for a bucket that is known: by another way, or with how often it was seen since (`times`)."""

OnProgress = Callable[[FuzzProgress], None]


class Session(Protocol):
    """One harness, imported once. A context manager; ends its processes with it."""

    declaration: Declaration
    prepared: Prepared

    @property
    def project(self) -> str:
        """The folder that its paths start at, absolute."""

    def screen(self, files: Sequence[Path]) -> Screened:
        """Run each seed alone."""

    def fuzz(
        self, corpus: Path, *, seconds: float, runs: int = 0, on_failure: OnFailure, on_progress: OnProgress,
        known: Sequence[str] = (), words: Sequence[bytes] = (), stop: Callable[[], bool] = lambda: False,
        on_again: OnAgain = lambda payload, outcome: None,
    ) -> FuzzProgress:  # fmt: skip
        """Fuzz until a limit is reached; survives whatever an input does. known: buckets that are not told again.

        words: what earlier calls have found useful.
        """

    def reproduce(self, payload: bytes, *, times: int = 3, kind: str = "") -> list[Outcome]:
        """Run one input alone, each time in a fresh fork, with time and memory measured.

        kind: what was seen before; a "leak" shows only when the input runs many times, and is looked for then alone.
        """

    def consumed(self, payload: bytes) -> list[tuple[str, str]]:
        """What a FuzzedDataProvider made of an input: (call, value) in order; [] where it used none or does not come to
        its end, and in an instrumented session."""

    def minimise(self, payload: bytes, bucket: str, *, seconds: float) -> bytes:
        """A smaller input with the same bucket; the same where none is found."""

    def merge(self, files: Sequence[Path]) -> list[Path]:
        """The few of these files that reach what all reach: a set cover, the smallest files first."""

    def features(self, files: Sequence[Path]) -> Mapping[Path, frozenset[int]]:
        """The edges that each file reaches."""

    def coverage(self, files: Sequence[Path], html: Path) -> Mapping[str, float]:
        """Lines and branches of the instrumented packages that these files reach: share per file, and the pages."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Engine(Protocol):
    """Starts sessions. name: as recorded with findings."""

    name: str

    def available(self) -> str:
        """ "" where it can fuzz here, else what is missing and the remedy. Replay works without it."""

    def prepare(
        self, declaration: Declaration, options: Options, *, stop: Callable[[], bool] = lambda: False
    ) -> Session:
        """Import the harness in a process of its own. Raises TargetLoadError with the child's own words.

        stop: whether it is not wanted any more; the import is then given up, with the same error.
        """
