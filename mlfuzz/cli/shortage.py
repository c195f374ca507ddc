"""Processes or memory that a machine has run out of: no fault of mlfuzz's, and told with what to change."""

from __future__ import annotations

import errno
import resource

_PROCESSES = "no more processes or threads may be started: {limit} are allowed (ulimit -u)"
_MEMORY = "there is no memory left: {limit} may be used (ulimit -v)"

_OF_ERRORS = {
    errno.EAGAIN: (_PROCESSES, resource.RLIMIT_NPROC, "ulimit -u 1024"),
    errno.ENOMEM: (_MEMORY, resource.RLIMIT_AS, "ulimit -v unlimited"),
}


def shortage(error: BaseException) -> str:
    """What is lacking, and the line to type; "" of any other error."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    elif isinstance(error, RuntimeError) and "start new thread" in str(error):
        number = errno.EAGAIN
    if number not in _OF_ERRORS:
        return ""
    text, which, line = _OF_ERRORS[number]
    limit, _ = resource.getrlimit(which)
    allowed = "any number" if limit == resource.RLIM_INFINITY else f"{limit:,}"
    return f"{text.format(limit=allowed)}; mlfuzz doctor shows the limits; to allow more: {line}"
