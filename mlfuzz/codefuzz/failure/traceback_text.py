"""A traceback as text, whatever the exception makes of being written."""

from __future__ import annotations

import traceback

from mlfuzz.codefuzz.failure.raised import name_of, trace_of

LONGEST = 20_000


def text_of(error: BaseException) -> str:
    try:
        deep = issubclass(type(error), RecursionError)
        text = _ends(error) if deep else "".join(traceback.format_exception(error))
    except BaseException as other:  # noqa: BLE001 - see raised.message_of
        text = f"{name_of(type(error))} (its traceback could not be written: {name_of(type(other))})\n"
    if len(text) > LONGEST:
        half = LONGEST // 2
        text = f"{text[:half]}\n... {len(text) - LONGEST} characters left out ...\n{text[-half:]}"
    return text


def _ends(error: BaseException, *, ends: int = 20) -> str:
    """Both ends of a deep traceback: a thousand frames take a tenth of a second to write."""
    trace = trace_of(error)
    first, last = traceback.format_tb(trace, ends), traceback.format_tb(trace, -ends)
    tail = traceback.format_exception_only(error)
    return "".join(["Traceback (most recent call last):\n", *first, "  ...\n", *last, *tail])
