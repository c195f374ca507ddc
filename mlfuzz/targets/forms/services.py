"""A model behind an address: HTTP with JSON or a file, one input a request or several."""

from __future__ import annotations

import json
import ssl
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import client
from pathlib import Path
from typing import Any

from mlfuzz.config.secret import secret
from mlfuzz.errors import AnswerError, ConfigError, TargetError, TargetLoadError
from mlfuzz.modality.base import Modality
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.forms.files import digest_of
from mlfuzz.targets.forms.wire import Encode, answers_of, file_of, inputs_of, record_of, shown
from mlfuzz.targets.source import source_of

SECONDS = 30.0
"""That one request may take, unless told otherwise."""

RETRIES = 3
FIRST_PAUSE_SECONDS = 0.1
MOST_PAUSE_SECONDS = 2.0
"""Before a request is tried again: a tenth of a second, then twice as long each time, at most so long. A service that
asks for more is not waited for: the watch over the worker would take that for a hang."""

AGAIN = (429, 502, 503, 504)
"""Answers that say nothing of the input: asked again."""

SET_UP = {301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 410, 411, 415}
"""Answers that say that the target is not set up as the service wants it."""


class ServiceError(Exception):
    """The service failed on an input: 5xx, or it closed the connection without an answer."""


class ServiceRefused(Exception):
    """The service refused an input: 4xx. With `raises=[mlfuzz.forms.ServiceRefused]` that is a proper answer."""


class ServiceTimeout(Exception):
    """The service did not answer in time, however often it was asked."""


def http(
    name: str,
    modality: Modality,
    url: str,
    *,
    per_request: int = 1,
    multipart: str = "",
    encode: Encode | None = None,
    request: Callable[[Any], Any] | None = None,
    answer: Callable[[Any], Any] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: str = "",
    auth_header: str = "Authorization",
    seconds: float = SECONDS,
    retries: int = RETRIES,
    rate: float = 0.0,
    at_once: int = 1,
    files: Sequence[str | Path] = (),
    version: str = "",
    **options: Any,
) -> CallableTarget:
    """A target of a service that is POSTed to; options: as of `CallableTarget`.

    It gets JSON, {"text": "..."}, {"image": base64 of a PNG}, {"audio": base64 of a WAV}, or what `encode` makes of an
    input; a list of them where `per_request` is more than one; `request` makes the whole body of either. multipart: the
    name of a form's field instead, in which the file goes. It answers with JSON for the one input, or a list with one
    value each: scores, a number, a text, an object of these by name; `answer` makes the whole reply that.
    auth: the name of a variable of the environment whose value is sent as `auth_header`, behind "Bearer " where that is
    Authorization. seconds: of a request. retries: of one that got no answer, or that the service was too busy for.
    rate: requests a second at most; 0: as fast as it answers. at_once: requests under way. files, version: what the
    service answers with; part of the target's identity, as an address alone does not say what is behind it.
    Raises ConfigError, TargetLoadError.
    """
    service = Service(
        url, modality, per_request=per_request, multipart=multipart, encode=encode, request=request, answer=answer,
        headers=dict(headers or {}), auth=auth, auth_header=auth_header, seconds=seconds, retries=retries, rate=rate,
        at_once=at_once, identity="\n".join([version, digest_of(map(Path, files))]),
    )  # fmt: skip
    return CallableTarget(name, modality, service, numpy=True, **options)


class Service:
    """A batched callable over an address."""

    def __init__(
        self, url: str, modality: Modality, *, per_request: int, multipart: str, encode: Encode | None,
        request: Callable[[Any], Any] | None, answer: Callable[[Any], Any] | None, headers: dict[str, str], auth: str,
        auth_header: str, seconds: float, retries: int, rate: float, at_once: int, identity: str,
    ) -> None:  # fmt: skip
        where = urllib.parse.urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise ConfigError(f"{url!r} is no address of a service; write http://127.0.0.1:8000/predict")
        if where.username or where.password:
            raise ConfigError(
                'no password stands in an address: put it into the environment, and name it: auth="TOKEN"'
            )
        if multipart and per_request > 1:
            raise ConfigError("a form takes one file: leave out per_request, or send JSON instead of multipart")
        self._where, self._modality = where, modality
        self._per_request, self._multipart, self._at_once = max(1, per_request), multipart, max(1, at_once)
        self._encode, self._request, self._answer = encode, request, answer
        self.made_of = (encode, request, answer)
        self._headers, self._auth, self._auth_header = headers, auth, auth_header
        self._seconds, self._retries = seconds, retries
        self._pause, self._next = (1.0 / rate if rate else 0.0), 0.0
        self.identity = "\n".join(
            [
                url,
                identity,
                multipart,
                str(per_request),
                repr(sorted(headers)),
                *map(source_of, (encode, request, answer)),
            ]
        )

    def __call__(self, *natural: Any) -> Any:
        items = inputs_of(natural)
        size = self._per_request
        parts = [items[start : start + size] for start in range(0, len(items), size)]
        if self._at_once > 1 and len(parts) > 1:
            with ThreadPoolExecutor(min(self._at_once, len(parts))) as pool:
                replies = list(pool.map(self._asked, parts))
        else:
            replies = [self._asked(part) for part in parts]
        return answers_of([answer for reply in replies for answer in reply])

    def _asked(self, items: Sequence[Any]) -> list[Any]:
        """The answers to the inputs of one request."""
        body, kind = self._body(items)
        text = self._post(body, kind)
        try:
            reply = json.loads(text)
        except ValueError:
            raise AnswerError(f"the service answered {shown(text)}, which is no JSON") from None
        if self._answer is not None:
            reply = self._answer(reply)
        if self._per_request == 1:
            return [reply]
        if not isinstance(reply, list) or len(reply) != len(items):
            raise AnswerError(
                f"{len(items)} inputs of one request were answered with {shown(text)}; a list of one answer each is "
                "wanted: answer=lambda reply: reply[...] takes it out of what is around it"
            )
        return reply

    def _body(self, items: Sequence[Any]) -> tuple[bytes, str]:
        if self._multipart:
            return _form(self._multipart, file_of(items[0], self._modality), self._modality.suffix)
        records = [self._encode(item) if self._encode else record_of(item, self._modality) for item in items]
        whole = records[0] if self._per_request == 1 else records
        return json.dumps(self._request(whole) if self._request else whole).encode(), "application/json"

    def _post(self, body: bytes, kind: str) -> str:
        """The text of a good answer. Raises ServiceError, ServiceRefused, ServiceTimeout, TargetError."""
        failed: Exception | None = None
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(min(MOST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)))
            self._wait()
            try:
                status, text, wait = self._once(body, kind)
            except TimeoutError:
                failed = ServiceTimeout(f"no answer within {self._seconds:g} s, asked {attempt + 1} times")
            except (ConnectionRefusedError, OSError, client.HTTPException) as error:
                failed = self._unreached(error)
            else:
                if status < 300:
                    return text
                if status not in AGAIN:
                    raise self._refused(status, text)
                failed = self._busy(status, text, wait)
        assert failed is not None
        raise failed

    def _once(self, body: bytes, kind: str) -> tuple[int, str, str]:
        where = self._where
        secure = where.scheme == "https"
        connect: Any = client.HTTPSConnection if secure else client.HTTPConnection
        extra = {"context": ssl.create_default_context()} if secure else {}
        connection = connect(where.hostname, where.port, timeout=self._seconds, **extra)
        path = urllib.parse.urlunsplit(("", "", where.path or "/", where.query, ""))
        try:
            connection.request("POST", path, body, {**self._headers, "Content-Type": kind, **self._authorised()})
            answer = connection.getresponse()
            wait = answer.getheader("Retry-After") or ""
            return int(answer.status), answer.read().decode(errors="replace"), wait
        finally:
            connection.close()

    def _authorised(self) -> dict[str, str]:
        if not self._auth:
            return {}
        value = secret(self._auth)
        return {self._auth_header: f"Bearer {value}" if self._auth_header == "Authorization" else value}

    def _wait(self) -> None:
        """Until the next request may go, where there is a limit of them."""
        if not self._pause:
            return
        now = time.monotonic()
        begin = max(now, self._next)
        self._next = begin + self._pause
        time.sleep(begin - now)

    def _refused(self, status: int, text: str) -> Exception:
        said = f"{status} {client.responses.get(status, '')}: {shown(text)}"
        if status in (401, 403, 407) and not self._auth:
            return TargetError(
                f'the service wants to know who asks ({said}); name the variable that says: auth="TOKEN"'
            )
        if status in SET_UP:
            return TargetError(f"the service at {self._where.geturl()} does not take this request: {said}")
        return ServiceRefused(said) if status < 500 else ServiceError(said)

    def _busy(self, status: int, text: str, wait: str) -> Exception:
        if wait.isdigit() and int(wait) > MOST_PAUSE_SECONDS:
            raise TargetError(
                f"the service asks to be left alone for {wait} s ({status}); say how many requests a second it takes: "
                "rate=..."
            )
        if status == 429:
            return TargetError("the service takes fewer requests a second (429); say how many: rate=...")
        return ServiceError(f"{status} {client.responses.get(status, '')}: {shown(text)}")

    def _unreached(self, error: Exception) -> Exception:
        if isinstance(error, client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
            return ServiceError("the service closed the connection without an answer")
        return TargetLoadError(
            f"no service answers at {self._where.geturl()} ({type(error).__name__}: {error}); start it, and go on by "
            "the same command"
        )


def _form(field: str, data: bytes, suffix: str) -> tuple[bytes, str]:
    """A form with one file: its body and its content type."""
    mark = uuid.uuid5(uuid.NAMESPACE_OID, data.hex()).hex  # of the file: the same request each time
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="{field}"; filename="input{suffix}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + data + f"\r\n--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"
