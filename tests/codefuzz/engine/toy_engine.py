"""A second engine, in pure Python and in this process: it shows that another can take atheris' place."""

from __future__ import annotations

import importlib.util
import random
import sys
import time

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.engine import FuzzProgress, Prepared, Screened
from mlfuzz.errors import TargetLoadError


class ToySession:
    def __init__(self, declaration, module):
        self.declaration, self._module = declaration, module
        self.prepared = Prepared(seconds=0.001, cached=False)
        self._run = getattr(module, declaration.entry)

    def _outcome(self, payload):
        started = time.perf_counter()
        kind, type_, line = "ok", "", 0
        try:
            self._run(payload)
        except Exception as error:  # noqa: BLE001  # what the harness raises is data
            type_ = type(error).__name__
            documented = type_ in {allowed.type for allowed in self.declaration.documented}
            kind, line = "refused" if documented else "exception", error.__traceback__.tb_next.tb_lineno
        key = f"{kind}:{type_}:{line}" if kind == "exception" else ""
        return Outcome(kind=kind, type=type_, group=key, bucket=key, seconds=time.perf_counter() - started)

    def screen(self, files):
        outcomes = [(str(path), self._outcome(path.read_bytes())) for path in files]
        return Screened(
            usable=tuple(name for name, one in outcomes if not one.failed),
            failing=tuple((name, one) for name, one in outcomes if one.failed),
        )

    def fuzz(
        self, corpus, *, seconds, runs=0, on_failure, on_progress, known=(), words=(), stop=lambda: False, on_again=None
    ):
        rng, buckets, count = random.Random(1), set(known), 0
        inputs = [path.read_bytes() for path in sorted(corpus.iterdir())]
        started = time.monotonic()
        while not stop() and time.monotonic() < started + seconds and not (runs and count >= runs):
            payload = bytearray(rng.choice(inputs) or b"\0")
            payload[rng.randrange(len(payload))] = rng.randrange(256)
            count += 1
            outcome = self._outcome(bytes(payload))
            if outcome.failed and outcome.bucket not in buckets:
                buckets.add(outcome.bucket)
                on_failure(bytes(payload), outcome)
        took = time.monotonic() - started
        return FuzzProgress(
            executions=count, edges=0, features=0, corpus=len(inputs), fuzzing=took, seconds=took, restarts=0,
            failures=len(buckets),
        )  # fmt: skip

    def reproduce(self, payload, *, times=3, kind=""):
        return [self._outcome(payload) for _ in range(times)]

    def minimise(self, payload, bucket, *, seconds):
        for length in range(len(payload)):
            if self._outcome(payload[:length]).bucket == bucket:
                return payload[:length]
        return payload

    def features(self, files):
        return {path: self._lines(path.read_bytes()) for path in files}

    def merge(self, files):
        reached, kept = set(), []
        for path in sorted(files, key=lambda path: path.stat().st_size):
            if not self._lines(path.read_bytes()) <= reached:
                reached |= self._lines(path.read_bytes())
                kept.append(path)
        return kept

    def _lines(self, payload):
        lines = set()

        def trace(frame, event, argument):
            if frame.f_code.co_filename == self.declaration.path:
                lines.add(frame.f_lineno)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            self._outcome(payload)
        finally:
            sys.settrace(before)
        return frozenset(lines)

    def coverage(self, files, html):
        return {}

    def close(self): ...


class ToyEngine:
    name = "toy"
    session = ToySession

    def available(self):
        return ""

    def prepare(self, declaration, options, *, stop=lambda: False):
        if stop():
            raise TargetLoadError("not wanted any more")
        spec = importlib.util.spec_from_file_location(declaration.name, declaration.path)
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise TargetLoadError(f"{declaration.path}: {error}") from error
        return self.session(declaration, module)
