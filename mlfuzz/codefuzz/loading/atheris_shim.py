"""What stands in for atheris where an input is run again: nothing is instrumented, and nothing of atheris is needed.

A harness that imports atheris then imports as it is. The data provider gives what atheris's own gives, byte for byte
(held to it by a test), and can say what it gave.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from types import ModuleType
from typing import Any, TypeVar

from mlfuzz.codefuzz.loading.matching import gen_match

T = TypeVar("T")

ALL_REMAINING = 0xFFFFFFFFFFFFFFFF
_LARGEST = sys.float_info.max
_SPECIAL = (
    0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, sys.float_info.min, -sys.float_info.min, _LARGEST,
    -_LARGEST,
)  # fmt: skip
_SHOWN = 200

_record: list[tuple[str, str]] | None = None


def record() -> list[tuple[str, str]]:
    """Begin to write down what data providers give: (call, value) each, into the list returned."""
    global _record
    _record = []
    return _record


def install() -> ModuleType:
    """Put the stand-in in atheris's place, for all that is imported from now on."""
    module = ModuleType("atheris")
    module.__dict__.update({
        "FuzzedDataProvider": FuzzedDataProvider, "ALL_REMAINING": ALL_REMAINING, "Setup": _setup, "Fuzz": _nothing,
        "Mutate": lambda data, size: data[:size], "instrument_imports": _imports, "instrument_func": _same,
        "instrument_all": _nothing, "enabled_hooks": _Hooks(), "gen_match": gen_match, "patch_code": _same,
        "UpdateCounterArrays": _nothing, "path": lambda: "", "build_mode": lambda: "plain",
        "__version__": "plain", "__path__": [],
    })  # fmt: skip
    sys.modules["atheris"] = module
    return module


class _Hooks(set[str]):
    """Names of hooks, however they are spelt; nothing is hooked."""

    def add(self, hook: str) -> None:
        super().add(hook.lower())

    def __contains__(self, hook: object) -> bool:
        return super().__contains__(str(hook).lower())


def _setup(arguments: list[str], *_: Any, **__: Any) -> list[str]:
    return arguments


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _imports(*_: Any, **__: Any) -> AbstractContextManager[None]:
    return nullcontext()


def _same(function: T, *_: Any, **__: Any) -> T:
    return function


def _traced(call: Callable[..., T]) -> Callable[..., T]:
    @wraps(call)
    def recording(self: FuzzedDataProvider, *arguments: Any, **named: Any) -> T:
        if _record is None or self._inside:
            return call(self, *arguments, **named)
        self._inside = True
        try:
            value = call(self, *arguments, **named)
        finally:
            self._inside = False
        shown = ", ".join([*map(_short, arguments), *(f"{name}={_short(one)}" for name, one in named.items())])
        _record.append((f"{call.__name__}({shown})", _short(value)))
        return value

    return recording


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


class FuzzedDataProvider:
    """Typed values out of bytes. Names and results are those of atheris."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._end = bytes(data), 0, len(data)
        self._inside = False

    def remaining_bytes(self) -> int:
        return self._end - self._at

    def buffer(self) -> bytes:
        return self._data[self._at : self._end]

    @_traced
    def ConsumeBytes(self, count: int) -> bytes:  # noqa: N802
        return self._take(count)

    @_traced
    def ConsumeUnicode(self, count: int) -> str:  # noqa: N802
        return self._text(count, surrogates=True)

    @_traced
    def ConsumeUnicodeNoSurrogates(self, count: int) -> str:  # noqa: N802
        return self._text(count, surrogates=False)

    @_traced
    def ConsumeString(self, count: int) -> str:  # noqa: N802
        return self._text(count, surrogates=True)

    @_traced
    def ConsumeInt(self, bytes: int) -> int:  # noqa: N802
        return int.from_bytes(self._take(bytes), "little", signed=True)

    @_traced
    def ConsumeUInt(self, bytes: int) -> int:  # noqa: N802
        return int.from_bytes(self._take(bytes), "little")

    @_traced
    def ConsumeIntInRange(self, min: int, max: int) -> int:  # noqa: N802
        span = max - min
        if span < 0:
            raise RuntimeError("ConsumeIntInRange: min must be <= max")
        size = span.bit_length()
        if size <= 64:
            return min + self._small(size, span)
        return min + self.ConsumeInt(size // 8) % (span + 1)

    @_traced
    def ConsumeIntList(self, count: int, bytes: int) -> list[int]:  # noqa: N802
        return [self.ConsumeInt(bytes) for _ in range(count)]

    @_traced
    def ConsumeIntListInRange(self, count: int, min: int, max: int) -> list[int]:  # noqa: N802
        return [self.ConsumeIntInRange(min, max) for _ in range(count)]

    @_traced
    def ConsumeProbability(self) -> float:  # noqa: N802
        return float(int.from_bytes(self._take(8), "little")) / 18446744073709551615.0

    @_traced
    def ConsumeFloat(self) -> float:  # noqa: N802
        first = self._take(1)
        if not first:
            return 0.0
        if first[0] < len(_SPECIAL):
            self._take(9)
            return _SPECIAL[first[0]]
        return self.ConsumeRegularFloat()

    @_traced
    def ConsumeRegularFloat(self) -> float:  # noqa: N802
        return self.ConsumeFloatInRange(-_LARGEST, _LARGEST)

    @_traced
    def ConsumeFloatInRange(self, min: float, max: float) -> float:  # noqa: N802
        min, max = float(min), float(max)
        if min > max:
            raise RuntimeError("ConsumeFloatInRange: min must be <= max")
        result, span = min, max - min
        if min < 0 < max and min + _LARGEST < max:
            span = max / 2 - min / 2
            if self.ConsumeBool():
                result += span
        return result + span * self.ConsumeProbability()

    @_traced
    def ConsumeFloatList(self, count: int) -> list[float]:  # noqa: N802
        return [self.ConsumeFloat() for _ in range(count)]

    @_traced
    def ConsumeRegularFloatList(self, count: int) -> list[float]:  # noqa: N802
        return [self.ConsumeRegularFloat() for _ in range(count)]

    @_traced
    def ConsumeProbabilityList(self, count: int) -> list[float]:  # noqa: N802
        return [self.ConsumeProbability() for _ in range(count)]

    @_traced
    def ConsumeFloatListInRange(self, count: int, min: float, max: float) -> list[float]:  # noqa: N802
        return [self.ConsumeFloatInRange(min, max) for _ in range(count)]

    @_traced
    def ConsumeBool(self) -> bool:  # noqa: N802
        return bool((self._take(1) or b"\0")[0] & 1)

    @_traced
    def PickValueInList(self, list: Sequence[T]) -> T:  # noqa: N802
        size = next(bits for bits in (8, 16, 32, 64) if len(list) < 1 << bits)
        return list[self._small(size, len(list) - 1)] if list else list[0]

    def _take(self, count: int) -> bytes:
        if count < 0:
            raise TypeError(f"{count} bytes cannot be consumed")
        taken = self._data[self._at : min(self._at + count, self._end)]
        self._at += len(taken)
        return taken

    def _small(self, size: int, span: int) -> int:
        """From the end, so that the front of an input keeps its meaning."""
        result, offset = 0, 0
        while offset < size and span >> offset > 0 and self._at < self._end:
            self._end -= 1
            result = (result << 8 | self._data[self._end]) & ALL_REMAINING
            offset += 8
        return result if span == ALL_REMAINING else result % (span + 1)

    def _text(self, count: int, *, surrogates: bool) -> str:
        """The first byte says whether ASCII, 16-bit or 21-bit characters follow."""
        if count < 0:
            raise TypeError(f"{count} characters cannot be consumed")
        if count == 0 or self._at == self._end:
            return ""
        kind = self._take(1)[0]
        if self._at == self._end:
            return ""
        if kind & 1:
            return "".join(chr(byte & 0x7F) for byte in self._take(count))
        width, code = (2, "H") if kind & 2 else (4, "I")
        raw = self._take(count * width)
        points = struct.unpack(f"<{len(raw) // width}{code}", raw[: len(raw) // width * width])
        return "".join(chr(_point(one, surrogates, wide=width == 4)) for one in points)


def _point(point: int, surrogates: bool, *, wide: bool) -> int:
    if wide:
        point &= 0x1FFFFF
        if point & 0x100000:
            point &= ~0x0F0000
    return point - 0xD800 if not surrogates and 0xD800 <= point < 0xE000 else point
