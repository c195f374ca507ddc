"""A real service on this machine: what tests of anything that speaks HTTP ask."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came in. body: JSON where it is some, else the bytes."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Served:
    """A running service. url: where it is. seen: every request so far."""

    url: str
    seen: list[Request] = field(default_factory=list)


Answer = Any
"""JSON for 200; (status, JSON), (status, JSON, headers); None: the connection is closed without a word."""


@contextmanager
def served(answer: Callable[[Request], Answer], *, path: str = "/predict") -> Iterator[Served]:
    """A service on a free port that answers each POST with `answer(request)`, in a thread each."""
    state = Served("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                body = json.loads(data)
            except ValueError:
                body = data
            request = Request(self.path, dict(self.headers), body)
            state.seen.append(request)
            given = answer(request)
            if given is None:
                self.close_connection = True
                return
            status, reply, headers = (*given, {})[:3] if isinstance(given, tuple) else (200, given, {})
            text = json.dumps(reply).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
