"""Whether the loop has become slower than a baseline says: counts that grew, ratios that fell three times in a row."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from loop_parts.baseline import Baseline, BaselineError, Line, command, here
from loop_parts.campaigns import opened, seeded, subject
from loop_parts.counts import counted
from loop_parts.operators import KINDS, ROUNDS, Bench

LEAST_RATIO, TRIES = 0.75, 3
"""Of a baseline's ratio, and how often in a row it must be missed: two shared cores jitter by a fifth."""

LEAST_OPERATOR = 0.6
"""The same for one operator, whose few calls jitter by two fifths; three times slower is 0.33."""

GROWN_ELSEWHERE = 1.25
"""On another processor a count of the loop may be so many times its baseline's: the last bits of the model's answers
differ there, so that other inputs are new and other operators drawn. Weights changed by a millionth moved counts by up
to a tenth, either way. On the same processor nothing may grow."""

GUARDED = {"mlp": 1024, "lenet": 256, "audio": 32, "bytes": 64}
"""Models that are compared unless others are named, and their batches."""

SHORT = ("mlp", "bytes")
"""Those of the short form, which continuous integration runs. Operators of every kind are compared there as well."""

AGAIN = 4
"""So many times the rounds, where an operator seems slower: what else runs has an end."""

ELSE_BATCH = 32
WARM_SECONDS = 1.0


def ratio(name: str, batch: int, seconds: float) -> float:
    """Of the loop to the bare pass of the same rows, which it is interleaved with: the median over its batches."""
    target, write, _ = subject(name)
    with seeded(write) as base, opened(base, target, batch) as campaign:
        loop, found = campaign.loop, []
        began = time.monotonic()
        while time.monotonic() - began < WARM_SECONDS:
            loop.step()
        began = time.monotonic()
        while time.monotonic() - began < seconds or not found:
            started = time.process_time()
            executed = loop.launch()
            loop.finish(executed)
            between = time.process_time()
            target.forward(executed.mutated.rows)
            found.append((time.process_time() - between) / max(between - started, 1e-9))
    return round(statistics.median(found), 4)


def measured(models: Sequence[str], kinds: Sequence[str], seconds: float) -> Iterator[Line]:
    """The lines of a baseline. Of a ratio the least of `TRIES` counts: whoever is compared with it has no luck then."""
    for name in models:
        batch = GUARDED.get(name, ELSE_BATCH)
        yield Line(name, batch, min(ratio(name, batch, seconds) for _ in range(TRIES)), counted(name, batch))
    for kind in kinds:
        bench = Bench(kind)
        calls = bench.calls()
        tries = [bench.ratios(bench.names()) for _ in range(TRIES)]
        for name in bench.names():
            yield Line(name, len(bench.rows), min(one[name] for one in tries), calls[name])


def slower_models(before: Baseline, models: Sequence[str], seconds: float) -> Iterator[str]:
    """A sentence of each thing that is worse. Raises BaselineError where the file has no line of a model."""
    lines = [before.of(name) for name in models]
    if missing := [name for name, line in zip(models, lines, strict=True) if line is None]:
        known = ", ".join(line.name for line in before.lines if not line.is_operator)
        raise BaselineError(f"the baseline has no line of {', '.join(missing)}, only of {known}")
    for line in lines:
        assert line is not None
        yield from grown(line, counted(line.name, line.batch), 1.0 if same_cpu(before) else GROWN_ELSEWHERE)
        if same_cpu(before):
            yield from fallen(line, LEAST_RATIO, lambda line=line: ratio(line.name, line.batch, seconds))  # type: ignore[misc]


def slower_operators(before: Baseline, bench: Bench, *, rounds: int = ROUNDS) -> Iterator[str]:
    """The same of the default operators of a kind; those that the file does not know are new, and pass."""
    lines = [line for name in bench.names() if (line := before.of(name)) is not None]
    calls = bench.calls()
    first = bench.ratios([line.name for line in lines], rounds=rounds) if same_cpu(before) else {}
    for line in lines:
        yield from grown(line, calls[line.name], 1.0)
        if first:
            again = _then(first[line.name], lambda name=line.name: bench.ratios([name], rounds=AGAIN * rounds)[name])  # type: ignore[misc]
            yield from fallen(line, LEAST_OPERATOR, again)


def unknown(before: Baseline, bench: Bench) -> list[str]:
    """Operators that the file has no line of."""
    return [name for name in bench.names() if before.of(name) is None]


def same_cpu(before: Baseline) -> bool:
    """Whether ratios can be compared at all."""
    return before.made.cpu == here().cpu


def grown(before: Line, now: Mapping[str, float], most: float) -> Iterator[str]:
    """Counts above `most` times what they were."""
    for what, value in before.counts.items():
        if now[what] > most * value:
            by = f"{now[what] / value - 1:+.1%}" if value else "from none"
            yield f"{before.name}: {_words(what)} {now[what]:g}, were {value:g} ({by})"


def fallen(before: Line, least: float, measure: Callable[[], float]) -> Iterator[str]:
    """A ratio below `least` of what it was, as often in a row as it is measured."""
    found: list[float] = []
    while len(found) < TRIES:
        found.append(measure())
        if found[-1] >= least * before.ratio:
            return
    times, shown = before.ratio / max(found), ", ".join(f"{one:g}" for one in found)
    yield f"{before.name}: ratio {shown}, was {before.ratio:g} ({times:.1f} times slower)"


def remedy(path: Path) -> str:
    """What to type where that is meant."""
    return f"if that is meant, write the baseline anew: {command(path)}"


def kinds_of(models: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Kinds of operators to look at: all, unless models were asked for by name."""
    return [] if asked and models else list(KINDS)


def _words(count: str) -> str:
    per = {"python_a_row": "Python calls a row", "python": "Python calls", "vectorised": "calls of torch"}
    return per.get(count, count)


def _then(first: float, measure: Callable[[], float]) -> Callable[[], float]:
    """The value that is there already, then those that are measured."""
    left = [first]
    return lambda: left.pop() if left else measure()
