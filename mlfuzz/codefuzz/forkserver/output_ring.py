"""The end of what a target printed: a bounded ring, however much it prints."""

from __future__ import annotations

import os
from collections import deque

CAPACITY = 256 << 10


class OutputRing:
    """Keeps the last CAPACITY bytes. dropped: bytes that are gone."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self.dropped = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size - len(self._pieces[0]) >= self._capacity:
            gone = len(self._pieces.popleft())
            self._size -= gone
            self.dropped += gone

    def clear(self) -> None:
        self._pieces.clear()
        self._size = self.dropped = 0

    @property
    def data(self) -> bytes:
        return b"".join(self._pieces)[-self._capacity :]

    def text(self, most: int = 4000) -> str:
        """The last `most` characters, with a word on what is missing before them."""
        data = self.data
        missing = self.dropped + max(0, len(data) - most)
        text = data[-most:].decode("utf-8", "backslashreplace")
        return f"[{missing} bytes before this are not kept]\n{text}" if missing else text


def drain(descriptor: int, *, most: int = 1 << 20) -> bytes:
    """What a non-blocking descriptor holds now, up to about `most` bytes."""
    parts, size = [], 0
    while size < most:
        try:
            part = os.read(descriptor, 1 << 16)
        except (BlockingIOError, InterruptedError):
            break
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)
