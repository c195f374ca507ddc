"""What stands behind the digests in mutation records: inputs that searches found, wherever this process can get them.

A digest names its content, so that looking one up gives the same bytes in any process, or nothing.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable

from mlfuzz.errors import ReplayError

MOST_BYTES = 64 << 20
"""Held in memory; what is older must come from a campaign's blobs again."""

Source = Callable[[str], bytes | None]


class Contents:
    """Files of inputs by the SHA-256 of their bytes: the last ones seen, and those that sources know."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._sources: list[Source] = []

    def put(self, data: bytes) -> str:
        """Hold `data` for this process; its digest."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._held:
            self._held[digest] = data
            self._bytes += len(data)
        self._held.move_to_end(digest)
        while self._bytes > self._most_bytes and len(self._held) > 1:
            _, old = self._held.popitem(last=False)
            self._bytes -= len(old)
        return digest

    def put_all(self, files: Iterable[bytes]) -> None:
        """`put` for several."""
        for data in files:
            self.put(data)

    def get(self, digest: str) -> bytes:
        """Raises ReplayError where nobody has it."""
        if digest in self._held:
            return self._held[digest]
        for source in self._sources:
            data = source(digest)
            if data is not None and hashlib.sha256(data).hexdigest() == digest:
                return data
        raise ReplayError(
            f"the content {digest[:12]} of a replace mutation is not there; a finding's folder holds it as blob-*"
        )

    def attach(self, source: Source) -> None:
        """Ask `source` too: it gives the bytes of a digest, or None."""
        self._sources.append(source)

    def detach(self, source: Source) -> None:
        """Ask it no longer; nothing happens where it was not asked."""
        self._sources = [one for one in self._sources if one != source]


CONTENTS = Contents()
"""This process's. Global, since a record holds a digest and no way to the file; the content decides, not who put it."""
