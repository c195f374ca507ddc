"""Two ways from bytes to a model input: training and serving, two decoders, two versions, two tokenizers."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from mlfuzz.errors import BadInputError
from mlfuzz.skew.difference import difference
from mlfuzz.skew.failures import OtherShape, Skew

Way = Callable[[bytes], Any]
Answer = Callable[[Any], object]


def of_file(function: Callable[..., Any]) -> Way:
    """A function of an open file, as one of bytes."""
    return lambda data: function(io.BytesIO(data))


def of_text(function: Callable[..., Any]) -> Way:
    """A function of a text, as one of bytes. What is no UTF-8 is refused: a BadInputError."""

    def way(data: bytes) -> Any:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInputError("not UTF-8", str(error)) from error
        return function(text)

    return way


def agree(
    data: bytes,
    first: Way,
    second: Way,
    *,
    tolerance: float = 0.0,
    span: float = 1.0,
    refusals: bool = False,
    refuses: tuple[type[BaseException], ...] = (ValueError, OSError, EOFError),
    answer: Answer | None = None,
) -> None:
    """Both ways give the same for these bytes. Raises Skew or OtherShape with what differs.

    tolerance: a share of `span`, what the numbers range over. refuses: exceptions that say "no input". refusals: a file
    that one way alone refuses is a difference too; else what one refuses is refused: BadInputError.
    answer: what the model says to such an input.
    """
    due, why = _tried(first, data, refuses)
    got, other = _tried(second, data, refuses)
    if why is not None and other is not None:
        raise BadInputError("refused by both", f"{_words(why)}; {_words(other)}")
    error = why or other
    if error is not None:
        refused = "the first" if why is not None else "the second"
        if not refusals:
            raise BadInputError(f"refused by {refused}", _words(error))
        raise Skew(f"{refused} way alone refuses it: {_words(error)}") from error
    found = difference(due, got, tolerance=tolerance, span=span)
    if found is None:
        return
    changes = ""
    if answer is not None and (before := answer(due)) != (after := answer(got)):
        changes = f"; the answer changes from {before} to {after}"
    raise (Skew if found.fits else OtherShape)(f"the second way: {found.words}{changes}")


def _tried(way: Way, data: bytes, refuses: tuple[type[BaseException], ...]) -> tuple[Any, BaseException | None]:
    try:
        return way(data), None
    except BadInputError as error:
        return None, error
    except refuses as error:
        return None, error


def _words(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
