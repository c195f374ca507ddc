"""Inputs and answers as they go to a program or a service: JSON, and files of the modality inside it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mlfuzz.batch import to_payload
from mlfuzz.errors import AnswerError
from mlfuzz.modality.base import Modality

Encode = Callable[[Any], Any]
"""One natural input, a text or an array -> what JSON can hold."""

SHOWN_CHARS = 200
"""Of an answer that cannot be read, in a message."""


def inputs_of(natural: Sequence[Any]) -> list[Any]:
    """B natural inputs one by one: texts, or arrays cut to their lengths."""
    items = list(natural[0])
    if len(natural) > 1:
        return [item[..., : int(length)] for item, length in zip(items, natural[1], strict=True)]
    return items


def file_of(item: Any, modality: Modality) -> bytes:
    """A natural input as the bytes of a file: PNG, WAV, UTF-8."""
    if isinstance(item, str):
        return modality.encode(item)
    low, high = getattr(modality, "range", (modality.low, modality.high))
    data = torch.from_numpy(np.ascontiguousarray(item))
    if (low, high) != (modality.low, modality.high):
        data = (data - low) / (high - low)
    return modality.encode(to_payload(data, modality))


def record_of(item: Any, modality: Modality) -> dict[str, str]:
    """{"text": "..."}, {"image": "<base64 of a PNG>"}, {"audio": "<base64 of a WAV>"}."""
    said = item if isinstance(item, str) else base64.b64encode(file_of(item, modality)).decode()
    return {modality.name: said}


def answers_of(values: Sequence[Any]) -> Any:
    """One JSON value an input -> a batch of answers: texts, numbers, or a mapping of them by name."""
    if values and all(isinstance(value, Mapping) for value in values):
        names = list(values[0])
        for value in values:
            if list(value) != names:
                raise AnswerError(f"one answer has the parts {names}, another {list(value)}; give the same ones always")
        return {name: answers_of([value[name] for value in values]) for name in names}
    if values and all(isinstance(value, bool | int | float) for value in values):
        return np.asarray(values, np.int64 if all(isinstance(value, bool | int) for value in values) else np.float32)
    return [_array(value) for value in values]


def shown(text: str) -> str:
    """The beginning of a text, for a message."""
    return repr(text[:SHOWN_CHARS]) + ("..." if len(text) > SHOWN_CHARS else "")


def _array(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    try:
        return np.asarray([np.nan if one is None else one for one in value], np.float32)
    except (TypeError, ValueError):
        return value
