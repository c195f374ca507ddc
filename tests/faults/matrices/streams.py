"""Every verb before streams that show little, are closed, full, or read late, in part or never."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faults.guest import (
    LIMIT_SECONDS,
    NEVER,
    VERBS,
    Ended,
    Surroundings,
    arguments,
    command,
    environment,
    make,
    on_terminal,
    run,
    unreadable,
)

PROMISE = "What a stream cannot show or take ends no command and no campaign, and its exit code stays true."

C_LOCALE = {
    "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None,
}  # fmt: skip

ENCODINGS: dict[str, dict[str, str | None]] = {
    "C locale": C_LOCALE,
    **{
        name: {"PYTHONIOENCODING": name}
        for name in ("ascii:strict", "latin-1", "cp1252", "cp437", "utf-16", "shift-jis")
    },
    "surrogates": {"PYTHONIOENCODING": "utf-8:surrogateescape"},
}
TERMINALS: dict[str, dict[str, str | None]] = {
    "dumb": {"TERM": "dumb"},
    "no TERM": {"TERM": None},
    "one column": {"TERM": "xterm", "COLUMNS": "1"},
    "no columns": {"TERM": "xterm", "COLUMNS": "0"},
    "wide": {"TERM": "xterm", "COLUMNS": "10000", "LINES": "2"},
    "no number": {"TERM": "xterm", "COLUMNS": "many"},
    "no colour": {"TERM": "xterm", "NO_COLOR": "1"},
    "ascii": {"TERM": "xterm", **C_LOCALE},
    "forced": {"TERM": "xterm", "FORCE_COLOR": "1", "PYTHONIOENCODING": "cp437"},
}
CLOSED = {"stdout closed": (1,), "stderr closed": (2,), "stdin closed": (0,), "all closed": (0, 1, 2)}

LATE_SECONDS = 3.0
"""So long a reader sleeps before it reads."""

UNREAD_SECONDS = 60.0
"""A command that nobody reads waits so long for a reader, then for one Ctrl-C to end it."""


def cases() -> list[str]:
    forms = [f"{verb}{form}" for verb in VERBS for form in ("", " --json") if (verb, form) != ("help", " --json")]
    kinds = [
        *ENCODINGS, *(f"terminal, {name}" for name in TERMINALS), *CLOSED, "head", "head of both", "full stdout",
        "full stderr", "not blocking", "read late", "never read",
    ]  # fmt: skip
    return [f"{kind}: {form}" for kind in kinds for form in forms]


def broken(case: str, folder: Path) -> str:
    kind, _, form = case.partition(": ")
    verb, json = form.removesuffix(" --json"), form.endswith(" --json")
    words = [*arguments(verb, make(folder)), *(["--json"] if json else [])]
    ended, allowed = _run(kind, folder, words), VERBS[verb][1]
    if kind.startswith("full stdout"):
        allowed |= {3}
    if kind.startswith("head"):
        allowed |= {130, 0}
    if kind == "never read":
        allowed |= {130}
    if ended.traceback:
        return ended.traceback
    if ended.code not in allowed:
        return f"exit {ended.code}: {(ended.err or ended.out)[-500:]}"
    whole = json and not kind.startswith(("terminal", "head", "full stdout", "never", "utf-16", *CLOSED))
    return unreadable(ended.out) if whole else ""


def _run(kind: str, folder: Path, words: list[str]) -> Ended:
    if kind in ENCODINGS:
        return run(folder, words, Surroundings(ENCODINGS[kind]))
    if kind.startswith("terminal, "):
        return on_terminal(folder, words, Surroundings(TERMINALS[kind.removeprefix("terminal, ")]))
    if kind in CLOSED:
        return run(folder, words, Surroundings(before=lambda: [os.close(number) for number in CLOSED[kind]]))
    if kind.startswith("full"):
        with open("/dev/full", "wb") as full:
            return run(folder, words, Surroundings(), **{kind.removeprefix("full "): full})
    return _read(kind, folder, words)


def _read(kind: str, folder: Path, words: list[str]) -> Ended:
    """Through a pipe of one page, which somebody reads in their own way."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, kind != "not blocking")
    said: list[bytes] = []
    thread = threading.Thread(target=_READERS[kind], args=(reader, said), daemon=True)
    both = {"stderr": writer} if kind == "head of both" else {}
    thread.start()
    try:
        if kind == "never read":
            return _never(folder, words, writer)
        ended = run(folder, words, Surroundings(), stdout=writer, **both)
    finally:
        os.close(writer)
    thread.join(LIMIT_SECONDS)
    return Ended(ended.code, b"".join(said).decode("utf-8", "replace"), ended.err)


def _never(folder: Path, words: list[str], writer: int) -> Ended:
    """Nobody reads; Ctrl-C ends what waits for that, however often it must be pressed."""
    with (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            command(words, Surroundings()), cwd=folder, env=environment({}, folder), stdout=writer, stderr=err,
            stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_hears_interrupts,
        )  # fmt: skip
        try:
            code = process.wait(UNREAD_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(UNREAD_SECONDS)
            process.send_signal(signal.SIGINT)
            code = _killed(process)
        except BaseException:
            process.kill()
            raise
    return Ended(code, "", (folder / "err").read_text(errors="replace"))


def _hears_interrupts() -> None:
    """A shell has what it starts behind its back ignore them, and so would this."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _killed(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(UNREAD_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return NEVER


def _all(reader: int, said: list[bytes]) -> None:
    while part := os.read(reader, 1 << 16):
        said.append(part)
    os.close(reader)


def _late(reader: int, said: list[bytes]) -> None:
    time.sleep(LATE_SECONDS)
    _all(reader, said)


def _head(reader: int, said: list[bytes]) -> None:
    said.append(os.read(reader, 1))
    os.close(reader)


_READERS: dict[str, Callable[[int, list[bytes]], None]] = {
    "head": _head,
    "head of both": _head,
    "not blocking": _late,
    "read late": _late,
    "never read": lambda reader, said: None,
}
