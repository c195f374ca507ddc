"""The file that later runs of `scripts/bench loop` are held against: a line of what it was made with, then one a model
and one an operator, each JSON.

ratio: of the bare pass, higher is faster. counts: of calls, lower is faster.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch


class BaselineError(Exception):
    """What is wrong with the file, and what to type."""


@dataclass(frozen=True, slots=True)
class Line:
    """name: "mlp", "image.rotate". batch: rows, for an operator too."""

    name: str
    batch: int
    ratio: float
    counts: Mapping[str, float]

    @property
    def is_operator(self) -> bool:
        return "." in self.name


@dataclass(frozen=True, slots=True)
class Made:
    """What figures hang on beside the code: counts on torch and python, ratios on all."""

    torch: str
    python: str
    threads: int
    cpu: str


@dataclass(frozen=True, slots=True)
class Baseline:
    made: Made
    lines: tuple[Line, ...]

    def of(self, name: str) -> Line | None:
        return next((line for line in self.lines if line.name == name), None)


def here() -> Made:
    """Of this process."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Made(
        torch.__version__, python, torch.get_num_threads(), f"{_cpu()} {torch.backends.cpu.get_cpu_capability()}"
    )


def read(path: Path) -> Baseline:
    """Raises BaselineError where it is not there, damaged, or made with another torch, Python or number of threads."""
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise BaselineError(f"{path} is not there; make it: {command(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"{path} cannot be read ({error}); make it anew: {command(path)}") from error
    parsed = []
    for number, text in enumerate(texts, 1):
        try:
            parsed.append((_line if number > 1 else _made)(json.loads(text)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise BaselineError(
                f"{path}, line {number}, is damaged ({why}); take it from the repository (git checkout -- {path}), or "
                f"make it anew: {command(path)}"
            ) from error
    if len(parsed) < 2:
        raise BaselineError(f"{path} holds nothing to compare with; make it: {command(path)}")
    made, *lines = parsed
    _require_same(path, made)
    return Baseline(made, tuple(lines))


def write(path: Path, lines: Sequence[Line]) -> None:
    """These lines in place of those of the same names; what else stands in the file stays.

    Raises BaselineError where that was made otherwise: one file holds figures of one machine.
    """
    kept: tuple[Line, ...] = ()
    if path.exists():
        before = read(path)
        if before.made != here():
            raise BaselineError(f"{path} was made on {before.made.cpu}, this is {here().cpu}: write all of it")
        new = {line.name for line in lines}
        kept = tuple(line for line in before.lines if line.name not in new)
    replace(path, sorted([*kept, *lines], key=lambda line: (line.is_operator, line.name)))


def replace(path: Path, lines: Sequence[Line]) -> None:
    """The file anew, with these lines alone."""
    texts = [json.dumps(asdict(here())), *(json.dumps(asdict(line)) for line in lines)]
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text("\n".join(texts) + "\n", encoding="utf-8")
    beside.replace(path)


def command(path: Path, *, models: str = "") -> str:
    """The line to type for a file."""
    return f"scripts/bench loop --write {path}" + (f" --models {models}" if models else "")


def _require_same(path: Path, made: Made) -> None:
    now = here()
    if made.threads != now.threads:
        raise BaselineError(
            f"{path} was made with {made.threads} threads, this runs with {now.threads}; compare with "
            f"--threads {made.threads}, or make it anew: {command(path)} --threads {now.threads}"
        )
    for what in ("torch", "python"):
        before, is_now = getattr(made, what), getattr(now, what)
        if before != is_now:
            raise BaselineError(
                f"{path} was made with {what} {before}, this is {what} {is_now}, which calls otherwise; make it anew "
                f"from the code that it was made of: {command(path)}"
            )


def _made(raw: dict[str, Any]) -> Made:
    return Made(str(raw["torch"]), str(raw["python"]), int(raw["threads"]), str(raw["cpu"]))


def _line(raw: dict[str, Any]) -> Line:
    counts = {str(name): float(value) for name, value in raw["counts"].items()}
    line = Line(str(raw["name"]), int(raw["batch"]), float(raw["ratio"]), counts)
    if not (line.ratio > 0 and line.batch > 0 and counts):
        raise ValueError("a ratio, a batch and counts above 0 are needed")
    return line


def _cpu() -> str:
    if os.path.exists("/proc/cpuinfo"):
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
        facts = {key.strip(): value.strip() for key, _, value in (text.partition(":") for text in first.splitlines())}
        if "model name" in facts:  # a virtual machine's name is that of many
            return "/".join(facts.get(key, "") for key in ("model name", "cpu family", "model", "stepping"))
    return platform.processor() or platform.machine()
