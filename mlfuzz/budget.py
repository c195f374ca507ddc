"""How much a campaign may spend, and how durations and counts are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlfuzz.discoveries import NewFaults
from mlfuzz.errors import ConfigError
from mlfuzz.stop_reason import Stop, StopReason

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_COUNTS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True, slots=True)
class Budget:
    """What ends a campaign: whichever comes first. None: no limit of that kind.

    seconds: wall time of this run. inputs: executed in this run. findings: candidates saved in this run.
    new_faults: new faults an input, in (0, 1), below which the interval of what is still to be found has to lie.
    """

    seconds: float | None = None
    inputs: int | None = None
    findings: int | None = None
    minutes: float | None = None
    new_faults: float | None = None

    def __post_init__(self) -> None:
        for name in ("seconds", "inputs", "findings", "minutes"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"budget: {name} must be above 0, not {value}")
        if self.new_faults is not None and not 0 < self.new_faults < 1:
            raise ConfigError(f"budget: new_faults must be between 0 and 1, not {self.new_faults}")

    @property
    def total_seconds(self) -> float | None:
        if self.seconds is None and self.minutes is None:
            return None
        return (self.seconds or 0.0) + 60.0 * (self.minutes or 0.0)

    def spent(
        self, *, seconds: float, inputs: int, findings: int, expected: NewFaults | None = None
    ) -> Stop | None:  # fmt: skip
        """Why to stop; None to go on. expected: new faults from now on, where that has just been estimated."""
        if self.total_seconds is not None and seconds >= self.total_seconds:
            return Stop(StopReason.TIME)
        if self.inputs is not None and inputs >= self.inputs:
            return Stop(StopReason.INPUTS, self.inputs)
        if self.findings is not None and findings >= self.findings:
            return Stop(StopReason.FINDINGS, self.findings)
        if self.new_faults is None or expected is None or expected.unknown or expected.high >= self.new_faults:
            return None
        return Stop(StopReason.NEW_FAULTS, round(1 / self.new_faults))


def disk_spent(used_bytes: int, allowed_bytes: int) -> Stop | None:
    """The same of the space that a campaign's directory may take."""
    return Stop(StopReason.DISK, allowed_bytes >> 20) if used_bytes > allowed_bytes else None


def duration(text: str | float) -> float:
    """Seconds of "30s", "10m", "1h30m", "2d", or of a bare number. Raises ConfigError."""
    if isinstance(text, int | float):
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text)
    if parts and re.fullmatch(r"(?:\s*\d+(?:\.\d+)?\s*(?:ms|s|m|h|d))+\s*", text):
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if re.fullmatch(r"\s*\d+(?:\.\d+)?\s*", text):
        return float(text)
    raise ConfigError(f"{text!r} is no duration; write 30s, 10m, 1h30m or 2d")


def count(text: str | int) -> int:
    """10000 of "10k"; k, M and G. Raises ConfigError."""
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKMG]?)\s*", text)
    if not match:
        raise ConfigError(f"{text!r} is no count; write 5000, 10k or 1M")
    return round(float(match[1]) * _COUNTS["k" if match[2] == "K" else match[2]])


def until(text: str | float) -> float:
    """0.0001 of "p-new<1e-4", the condition that ends a campaign; "p-new<0.01%" is the same. Raises ConfigError."""
    if isinstance(text, int | float):
        return float(text)
    match = re.fullmatch(r"\s*p-new\s*<\s*([0-9.]+(?:[eE]-?\d+)?)\s*(%?)\s*", text)
    example = "write p-new<1e-4: less than 1 new fault in 10,000 inputs is to be expected"
    if not match:
        raise ConfigError(f"{text!r} is no condition to end at; {example}")
    try:
        share = float(match[1]) / (100 if match[2] else 1)
    except ValueError:
        raise ConfigError(f"{match[1]!r} in {text!r} is no number; {example}") from None
    if not 0 < share < 1:
        raise ConfigError(f"{text!r}: p-new is above 0 and below 1; {example}")
    return share


def size(text: str | int) -> int:
    """Bytes of "500MB" or "2GB". Raises ConfigError."""
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?B?)\s*", text)
    if not match or (not match[2] and "." in match[1]):
        raise ConfigError(f"{text!r} is no size; write 500MB or 2GB")
    return round(float(match[1]) * _BYTES[match[2] or "B"])


def in_words(seconds: float) -> str:
    """ "4 min 12 s", "850 ms", "2 h 5 min"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
