"""An engine without atheris: it tries a given list of inputs, a few a turn. For tests of what stands around one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.engine import FuzzProgress, Prepared, Screened


class ScriptedEngine:
    """inputs: by harness name. missing: what `available` says. edges: reached by each turn; measured: known by then."""

    name = "scripted 1"

    def __init__(
        self, inputs: dict[str, Sequence[bytes]], *, missing: str = "", edges: int = 10, measured: bool = True,
        warnings: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.inputs, self.missing, self.edges, self.measured = inputs, missing, edges, measured
        self.warnings = tuple(warnings)
        self.turns: list[str] = []
        self.given: list[tuple[bytes, ...]] = []
        self.words: tuple[bytes, ...] = ()
        self.on_turn: Callable[[], None] = lambda: None

    def available(self) -> str:
        return self.missing

    def prepare(self, declaration, options, *, stop=lambda: False):
        if not options.instrument:
            return AtherisEngine().prepare(declaration, options)
        return ScriptedSession(self, declaration, options)


class ScriptedSession:
    def __init__(self, engine, declaration, options) -> None:
        self.engine, self.declaration = engine, declaration
        alone = msgspec.structs.replace(options, instrument=False, sandbox="none")
        self._run = AtherisEngine().prepare(declaration, alone)
        self.prepared = Prepared(seconds=self._run.prepared.seconds, cached=False, sandbox=("rlimits",))
        self._left = list(engine.inputs.get(declaration.name, ()))
        self._executions = self._failures = 0
        self._began = 0.0

    def screen(self, files):
        usable, failing = [], []
        for path in files:
            (outcome,) = self._run.reproduce(path.read_bytes(), times=1)
            (failing.append((str(path), outcome)) if outcome.failed else usable.append(str(path)))
        return Screened(usable=tuple(usable), failing=tuple(failing), warnings=self.engine.warnings)

    def fuzz(
        self, corpus, *, seconds, runs=0, on_failure, on_progress, known=(), words=(), stop=lambda: False,
        on_again=lambda payload, outcome: None,
    ):  # fmt: skip
        seen = set(known)
        self.engine.given.append(tuple(words))
        self.engine.turns.append(self.declaration.name)
        self.engine.on_turn()
        self._executions = self._failures = 0
        self._began = time.monotonic()
        for _ in range(min(3, len(self._left))):
            payload = self._left.pop(0)
            (outcome,) = self._run.reproduce(payload, times=1)
            self._failures += outcome.failed
            if outcome.failed:
                (on_again if outcome.bucket in seen else on_failure)(payload, outcome)
                seen.add(outcome.bucket)
        self._executions += 1000
        on_progress(self._progress(corpus))
        if not self._left:
            until = time.monotonic() + min(seconds, 0.05)
            while time.monotonic() < until and not stop():
                time.sleep(0.005)
        return self._progress(corpus)

    def _progress(self, corpus):
        spent = time.monotonic() - self._began
        return FuzzProgress(
            executions=self._executions, edges=self.engine.edges, features=2 * self.engine.edges,
            corpus=len(list(corpus.iterdir())), fuzzing=spent, seconds=spent, restarts=0, failures=self._failures,
            measured=self.engine.measured, words=self.engine.words,
        )  # fmt: skip

    def reproduce(self, payload, *, times=3, kind=""):
        return self._run.reproduce(payload, times=times)

    def minimise(self, payload, bucket, *, seconds):
        for size in range(1, len(payload)):
            (outcome,) = self._run.reproduce(payload[:size], times=1)
            if outcome.bucket == bucket:
                return payload[:size]
        return payload

    def merge(self, files):
        """Those of different sizes, the smallest first."""
        sizes = {path.stat().st_size: path for path in sorted(files, reverse=True)}
        return [sizes[size] for size in sorted(sizes)]

    def features(self, files):
        return {path: frozenset({path.stat().st_size}) for path in files}

    def coverage(self, files, html):
        html.mkdir(parents=True, exist_ok=True)
        (html / "index.html").write_text("<p>covered</p>")
        return {"toyparser.py": 0.75}

    def close(self):
        self._run.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
