"""Messages between the processes of the code side: a JSON object and raw bytes, length first.

JSON and not pickle or marshal: the sender may be a process whose memory an input has damaged.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

HEAD = struct.Struct(">II")
WHOSE = struct.Struct(">Q")
"""Before each message to a spare: the number of its process."""

LARGEST = 256 << 20
"""Bytes of one part; more is taken for damage."""

DAMAGED = "a message of the worker is damaged"


class DamagedMessage(ValueError):
    """What a worker has sent is no message: code under test has written to a descriptor that is not its own."""


Frame = tuple[dict[str, Any], bytes]


def send(connection: socket.socket, message: dict[str, Any], payload: bytes = b"") -> None:
    """Raises OSError where the other side is gone."""
    body = json.dumps(message).encode()  # ASCII: half a surrogate pair passes
    connection.sendall(HEAD.pack(len(body), len(payload)) + body + payload)


def receive(connection: socket.socket) -> Frame:
    """The next message. Raises EOFError where the other side is gone."""
    sizes = HEAD.unpack(_exactly(connection, HEAD.size))
    return json.loads(_exactly(connection, sizes[0])), _exactly(connection, sizes[1])


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _table(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DamagedMessage(DAMAGED) from error
    if not isinstance(message, dict):
        raise DamagedMessage(DAMAGED)
    return message


class MessageBuffer:
    """Messages out of the pieces that a non-blocking socket gives."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> list[Frame]:
        """The messages that are complete now. Raises DamagedMessage for what cannot be one."""
        self._rest += piece
        frames: list[Frame] = []
        while len(self._rest) >= HEAD.size:
            body, payload = HEAD.unpack_from(self._rest)
            if body > LARGEST or payload > LARGEST:
                raise DamagedMessage(DAMAGED)
            end = HEAD.size + body + payload
            if len(self._rest) < end:
                break
            message = _table(bytes(self._rest[HEAD.size : HEAD.size + body]))
            frames.append((message, bytes(self._rest[HEAD.size + body : end])))
            del self._rest[:end]
        return frames

    def clear(self) -> None:
        """Forget half a message: its sender is dead."""
        self._rest.clear()
