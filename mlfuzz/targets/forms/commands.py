"""A program of any language that answers on its standard output, a line of JSON for each line that it is given."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlfuzz.errors import AnswerError, TargetLoadError
from mlfuzz.modality.base import Modality
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.forms.files import digest_of
from mlfuzz.targets.forms.wire import Encode, answers_of, inputs_of, record_of, shown
from mlfuzz.targets.source import source_of

SECONDS = 30.0
"""That one answer may take, unless told otherwise; the first one, before which a model is loaded, ten times as long."""

START_FACTOR = 10.0
STDERR_BYTES = 2_000
"""Of the end of what the program wrote to standard error: shown where it dies, hangs or says what nobody can read."""

CHUNK_BYTES = 1 << 16

ONE_LINE = "it gives one line of JSON an input, and all else goes to standard error"


class CommandError(Exception):
    """The program answered {"error": "..."}: what a call of a function would have raised."""


class CommandDied(Exception):
    """The program ended before it had answered."""


class CommandTimeout(Exception):
    """An answer did not come in time; the program was killed."""


def command(
    name: str,
    modality: Modality,
    arguments: Sequence[str | Path],
    *,
    encode: Encode | None = None,
    answer: Callable[[Any], Any] | None = None,
    seconds: float = SECONDS,
    folder: str | Path | None = None,
    files: Sequence[str | Path] = (),
    version: str = "",
    **options: Any,
) -> CallableTarget:
    """A target of a program that is started once and kept; options: as of `CallableTarget`.

    It gets a line of JSON an input: {"text": "..."}, {"image": base64 of a PNG}, {"audio": base64 of a WAV}, or what
    `encode` makes of it; and answers each with one line, in order: a list of scores, a number, a text, an object of
    these by name (`answer` makes another value one of them), or {"error": "..."}. One that dies is started again. What
    it says on standard error is shown where it fails. seconds: that an answer may take. folder: where it runs; None:
    here. files, version: what it answers with beside the files among its arguments; part of the target's identity.
    Raises TargetLoadError where there is no such program.
    """
    program = Program([str(one) for one in arguments], modality, encode, answer, seconds, folder, files, version)
    return CallableTarget(name, modality, program, numpy=True, **options)


class Program:
    """A batched callable over a process; started at its first call, and again in a process that was forked off."""

    def __init__(
        self, arguments: list[str], modality: Modality, encode: Encode | None, answer: Callable[[Any], Any] | None,
        seconds: float, folder: str | Path | None, files: Sequence[str | Path], version: str,
    ) -> None:  # fmt: skip
        if not arguments or shutil.which(arguments[0]) is None:
            first = arguments[0] if arguments else ""
            raise TargetLoadError(f'there is no program {first!r}; write: ["python3", "/path/of/serve.py"]')
        self._arguments, self._folder, self._seconds = arguments, folder, seconds
        self._modality, self._encode, self._answer = modality, encode, answer
        held = [Path(one) for one in arguments if Path(one).is_file()] + [Path(one) for one in files]
        self.identity = "\n".join(
            [*arguments, version, digest_of(held), source_of(encode), source_of(answer), f"{seconds:g}"]
        )
        self.made_of = (encode, answer)
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: Any = None
        self._owner = self._asked_at = 0
        self._ready = False
        atexit.register(self.close)

    def __call__(self, *natural: Any) -> Any:
        items = inputs_of(natural)
        records = [self._encode(item) if self._encode else record_of(item, self._modality) for item in items]
        values = [self._value(line) for line in self._exchange([json.dumps(one) for one in records])]
        return answers_of([self._answer(value) if self._answer else value for value in values])

    def close(self) -> None:
        """End the program, where this process started it."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        try:
            process.kill()
            process.wait()
        finally:
            for stream in (process.stdin, process.stdout, self._errors):
                if stream is not None:
                    stream.close()

    def _value(self, line: bytes) -> Any:
        try:
            value = json.loads(line)
        except ValueError:
            said = self._said()
            self.close()  # its lines and ours may no longer stand side by side
            raise AnswerError(f"the program answered {_quoted(line)}, which is no JSON; {ONE_LINE}{said}") from None
        if isinstance(value, dict) and list(value) == ["error"]:
            raise CommandError(str(value["error"]))
        return value

    def _exchange(self, lines: Sequence[str]) -> list[bytes]:
        """The program's lines for these. Raises CommandDied, CommandTimeout, AnswerError."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked_at = self._errors.seek(0, os.SEEK_END) if self._ready else 0
        pending = memoryview("".join(f"{line}\n" for line in lines).encode())
        answers: list[bytes] = []
        rest = b""
        until = time.monotonic() + self._seconds * (1 if self._ready else START_FACTOR)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if selector.select(0) and (chunk := os.read(process.stdout.fileno(), CHUNK_BYTES)):
                self.close()
                raise AnswerError(f"the program said {_quoted(chunk)} without being asked; {ONE_LINE}")
            selector.register(process.stdin, selectors.EVENT_WRITE)
            while len(answers) < len(lines):
                events = selector.select(max(0.0, until - time.monotonic()))
                if not events and time.monotonic() >= until:
                    self._fail(CommandTimeout, f"no answer within {self._seconds:g} s")
                for key, _ in events:
                    if key.fileobj is process.stdin:
                        pending = self._write(process, pending)
                        if not pending:
                            selector.unregister(process.stdin)
                        continue
                    chunk = os.read(process.stdout.fileno(), CHUNK_BYTES)
                    if not chunk:
                        self._fail(CommandDied, _ending(process))
                    *whole, rest = (rest + chunk).split(b"\n")
                    answers += [line for line in whole if line.strip()]
                    if whole:
                        self._ready = True
                        until = time.monotonic() + self._seconds
        if more := answers[len(lines) :] or ([rest] if rest else []):
            self.close()
            raise AnswerError(f"the program said {_quoted(more[0])} beyond its {len(lines)} answers; {ONE_LINE}")
        return answers

    def _write(self, process: subprocess.Popen[bytes], pending: memoryview) -> memoryview:
        assert process.stdin is not None
        try:
            return pending[os.write(process.stdin.fileno(), pending) :]
        except BlockingIOError:
            return pending
        except BrokenPipeError:
            self._fail(CommandDied, _ending(process))
            raise

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self.close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  kept as long as the program
        try:
            process = subprocess.Popen(
                self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, cwd=self._folder,
                bufsize=0,
            )  # fmt: skip
        except OSError as error:
            raise TargetLoadError(f"{self._arguments[0]} cannot be started: {error}") from error
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        self._process, self._owner, self._ready = process, os.getpid(), False
        return process

    def _fail(self, kind: type[Exception], what: str) -> None:
        said = self._said()
        self.close()
        raise kind(f"{what}{said}")

    def _said(self) -> str:
        """The end of what the program said on standard error since it was asked, or else before."""
        if self._errors is None:
            return ""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(self._asked_at if size > self._asked_at else 0, size - STDERR_BYTES))
        text = self._errors.read().decode(errors="replace").strip()
        self._errors.seek(0, os.SEEK_END)
        return f"; it said: {text}" if text else ""


def _quoted(line: bytes) -> str:
    return shown(line.decode(errors="replace"))


def _ending(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(1.0)
    except subprocess.TimeoutExpired:
        return "the program closed its output"
    if code < 0:
        return f"the program died of {signal.Signals(-code).name}"
    return f"the program ended with exit code {code}"
