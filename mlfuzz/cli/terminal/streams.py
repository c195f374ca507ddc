"""The command's own three streams, so that no encoding, full disk or reader that stops reading ends what it does.

What a stream cannot show becomes an escape; a descriptor that is closed leads nowhere; what cannot be written is
said at the end. Who reads is waited for, except where something runs meanwhile (`Outlet.hurry`).
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

ESCAPE = "backslashreplace"

KEPT_BYTES = 1 << 20
"""Of what a reader has not read, where nobody waits for it; what comes after that is left out."""

HURRIED_SECONDS = 1.0
PIECE_BYTES = 4096
"""So much a pipe takes whole, once it says that it takes any (PIPE_BUF)."""

PAUSE_SECONDS = 0.01
"""Where a descriptor says that it takes something, and does not."""

_GONE = (errno.EPIPE, errno.ECONNRESET)
_HUNG_UP = (errno.EIO, errno.EBADF, errno.ENXIO)


class Outlet(io.RawIOBase):
    """Writes to a descriptor. vital: BrokenPipeError is raised where its reader has gone; else that is nobody's matter.

    problem: why something was not written, "" where all was.
    """

    def __init__(self, descriptor: int, *, vital: bool) -> None:
        self._descriptor, self._vital = descriptor, vital
        self._own = _unblocked(descriptor)
        self._kept: deque[bytes] = deque()
        self._size = self._left_out = 0
        self._hurried = self._frozen = self._gone = False
        self._lock = threading.RLock()
        self.problem = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any, /) -> int:
        """Takes all of it, always. Raises BrokenPipeError."""
        piece = bytes(data)
        with self._lock:
            if self._hurried and self._size + len(piece) > KEPT_BYTES:
                self._left_out += piece.count(b"\n")
            else:
                self._kept.append(piece)
                self._size += len(piece)
            self._pump(time.monotonic() + (0.0 if self._frozen else HURRIED_SECONDS) if self._hurried else None)
            return len(piece)

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Within, a reader that does not read is not waited for: what it has not read is kept for it, up to a size."""
        self._hurried = True
        try:
            yield
        finally:
            self._hurried = self._frozen = False

    def drain(self) -> None:
        """Wait until all is read. Raises BrokenPipeError."""
        with self._lock:
            if self._left_out:
                self._kept.append(f"({self._left_out} lines were left out while nobody read)\n".encode("ascii"))
                self._left_out = 0
            self._pump(None)

    def close(self) -> None:
        """The descriptor itself stays open."""
        if self._own != self._descriptor:
            with suppress(OSError):
                os.close(self._own)
            self._own = self._descriptor
        super().close()

    def _pump(self, deadline: float | None) -> None:
        """Write what is kept. deadline: monotonic; None: wait for the reader, until Ctrl-C, which gives it up."""
        try:
            while self._kept and not self._gone and self._ready(deadline):
                self._put(self._kept[0])
        except BaseException:
            self._forget()
            raise
        self._frozen = bool(self._kept)
        if self._gone and self._vital:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def _ready(self, deadline: float | None) -> bool:
        wait = select.poll()
        wait.register(self._own, select.POLLOUT)
        return bool(wait.poll(None if deadline is None else max(0.0, 1000 * (deadline - time.monotonic()))))

    def _put(self, piece: bytes) -> None:
        """Write the beginning of the first piece, or give up what is kept."""
        try:
            written = os.write(self._own, piece[:PIECE_BYTES])
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)
            return
        except OSError as error:
            self._gone = error.errno in _GONE
            if not self._gone and error.errno not in _HUNG_UP:  # nobody sits at a terminal that has hung up
                self.problem = error.strerror or str(error)
            self._forget()
            return
        self._size -= written
        self._kept[0] = piece[written:]
        if not self._kept[0]:
            self._kept.popleft()

    def _forget(self) -> None:
        self._kept.clear()
        self._size = 0


@contextmanager
def own_streams() -> Iterator[None]:
    """Within, sys.stdout and sys.stderr are outlets; all is as it was afterwards.

    A stream that is none of the process's own, in a notebook or a test, gets escapes alone.
    """
    before, plugs = (sys.stdin, sys.stdout, sys.stderr), _plug()
    opened: list[tuple[Outlet, io.TextIOWrapper]] = []
    changed: list[tuple[Any, str]] = []
    try:
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            stream = getattr(sys, name)
            if stream is None or _belongs(stream, descriptor):
                outlet = Outlet(descriptor, vital=descriptor == 1)
                wrapped = io.TextIOWrapper(
                    cast(Any, outlet), encoding=getattr(stream, "encoding", None) or "utf-8", errors=ESCAPE, newline="",
                    write_through=True,
                )  # fmt: skip
                opened.append((outlet, wrapped))
                setattr(sys, name, wrapped)
            elif hasattr(stream, "reconfigure") and stream.errors != ESCAPE:
                changed.append((stream, stream.errors))
                stream.reconfigure(errors=ESCAPE)
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        for stream, errors in changed:
            with suppress(ValueError):  # closed meanwhile
                stream.reconfigure(errors=errors)
        for _, wrapped in opened:
            wrapped.close()
        for descriptor in plugs:
            os.close(descriptor)


def drained() -> str:
    """Waits for the reader; why something of stdout was not written, "" where all was. Raises BrokenPipeError."""
    for stream in (sys.stderr, sys.stdout):
        if (outlet := outlet_of(stream)) is not None:
            outlet.drain()
    outlet = outlet_of(sys.stdout)
    return outlet.problem if outlet else ""


def outlet_of(stream: IO[str]) -> Outlet | None:
    """None of a stream that is not the command's own."""
    found = getattr(stream, "buffer", None)
    return found if isinstance(found, Outlet) else None


def showable(text: str, stream: IO[str]) -> str:
    """The text as the stream will show it: what it has no character for is an escape."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, ESCAPE).decode(encoding)


def _belongs(stream: IO[str], descriptor: int) -> bool:
    """Whether a stream is nothing but the process's own."""
    try:
        return type(stream) is io.TextIOWrapper and stream.fileno() == descriptor
    except (OSError, ValueError):
        return False


def _plug() -> list[int]:
    """Lead descriptors nowhere that are closed: the next file to be opened would become the stream."""
    opened = []
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened.append(os.open(os.devnull, os.O_RDWR))
    return opened


def _unblocked(descriptor: int) -> int:
    """Another way to the same pipe or terminal, which never blocks and is shared with nobody; else the descriptor."""
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or os.isatty(descriptor)):
        return descriptor
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:  # no /proc, or a pipe of another user
        return descriptor
