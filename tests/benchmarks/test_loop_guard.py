"""A slower operator is noticed, by its calls and by the clock; a baseline that does not fit says what to type."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from loop_parts import baseline, guard, operators
from loop_parts.baseline import Baseline, BaselineError, Line, here

from mlfuzz.mutators.base import MUTATORS

FEW = ("image.brightness", "image.rotate", "image.blur_gauss")
SLOWED = "image.rotate"


class FewOperators(operators.Bench):
    """Of the pictures' operators some, so that it takes a moment."""

    def names(self) -> list[str]:
        return list(FEW)


@pytest.fixture(scope="module")
def bench() -> FewOperators:
    return FewOperators("image")


@pytest.fixture(scope="module")
def before(bench: FewOperators) -> Baseline:
    calls, ratios = bench.calls(), bench.ratios(FEW)
    return Baseline(here(), tuple(Line(name, len(bench.rows), ratios[name], calls[name]) for name in FEW))


@contextmanager
def replaced(name: str, by: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """The operator's function, as a plugin of somebody's could have it."""
    part = MUTATORS.get(name)
    function = part.function
    object.__setattr__(part, "function", by(function))
    try:
        yield
    finally:
        object.__setattr__(part, "function", function)


def threefold(function: Callable[..., Any]) -> Callable[..., Any]:
    def slow(*arguments: Any, **named: Any) -> Any:
        function(*arguments, **named)
        function(*arguments, **named)
        return function(*arguments, **named)

    return slow


def lingering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same calls, and ten times as long: far beyond what other work on the machine does to a clock."""

    def slow(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        result = function(*arguments, **named)
        until = time.thread_time() + 9 * (time.thread_time() - began)
        while time.thread_time() < until:
            pass
        return result

    return slow


@pytest.mark.slow
def test_an_operator_slowed_threefold_is_red_and_without_it_green(bench: FewOperators, before: Baseline) -> None:
    assert list(guard.slower_operators(before, bench)) == []
    with replaced(SLOWED, threefold):
        red = list(guard.slower_operators(before, bench))
    assert any(sentence.startswith(f"{SLOWED}: calls of torch") for sentence in red)
    assert any(sentence.startswith(f"{SLOWED}: Python calls") for sentence in red)
    assert {sentence.partition(":")[0] for sentence in red} == {SLOWED}


@pytest.mark.slow
def test_an_operator_that_only_takes_longer_is_red_by_the_clock(bench: FewOperators, before: Baseline) -> None:
    with replaced(SLOWED, lingering):
        red = [one for one in guard.slower_operators(before, bench) if "ratio" in one]
    assert [sentence.partition(":")[0] for sentence in red] == [SLOWED]


def test_a_ratio_is_red_only_where_it_is_missed_three_times_in_a_row() -> None:
    line = Line("mlp", 8, 0.4, {"vectorised": 1.0})

    def of(values: list[float]) -> list[str]:
        left = iter(values)
        return list(guard.fallen(line, guard.LEAST_RATIO, lambda: next(left)))

    assert of([0.2, 0.29, 0.31]) == []
    assert of([0.31]) == []
    (red,) = of([0.2, 0.29, 0.1])
    assert red == "mlp: ratio 0.2, 0.29, 0.1, was 0.4 (1.4 times slower)"


def test_a_count_that_grows_is_told_with_by_how_much() -> None:
    line = Line("mlp", 8, 0.4, {"vectorised": 200.0, "waits": 0.0})
    assert list(guard.grown(line, {"vectorised": 200.0, "waits": 0.0}, 1.0)) == []
    assert list(guard.grown(line, {"vectorised": 220.0, "waits": 1.0}, 1.0)) == [
        "mlp: calls of torch 220, were 200 (+10.0%)",
        "mlp: waits 1, were 0 (from none)",
    ]


def test_on_another_processor_ratios_are_left_out() -> None:
    made = dataclasses.replace(here(), cpu="another")
    assert not guard.same_cpu(Baseline(made, ()))


def test_a_baseline_is_read_as_it_was_written_and_lines_take_the_place_of_their_like(tmp_path: Path) -> None:
    path = tmp_path / "loop.jsonl"
    first, second = Line("mlp", 8, 0.4, {"waits": 1.0}), Line("image.rotate", 64, 4.0, {"python": 3.0})
    baseline.write(path, [second, first])
    assert baseline.read(path).lines == (first, second)
    other = Line("mlp", 16, 0.5, {"waits": 0.5})
    baseline.write(path, [other])
    assert baseline.read(path).lines == (other, second)


def test_a_model_that_the_baseline_has_no_line_of_is_named(tmp_path: Path) -> None:
    before = Baseline(here(), (Line("mlp", 8, 0.4, {"waits": 1.0}),))
    with pytest.raises(BaselineError, match="no line of lenet, only of mlp"):
        list(guard.slower_models(before, ["lenet"], 1.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"torch": "1.0"}, "made with torch 1.0"),
        ({"python": "2.7"}, "made with python 2.7"),
        ({"threads": 64}, "compare with --threads 64"),
    ],
)
def test_a_baseline_of_other_surroundings_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "loop.jsonl"
    baseline.write(path, [Line("mlp", 8, 0.4, {"waits": 1.0})])
    head, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(head), **change}), *rest]))
    with pytest.raises(BaselineError, match=words) as refused:
        baseline.read(path)
    assert f"scripts/bench loop --write {path}" in str(refused.value)


@pytest.mark.parametrize(
    "damage", ["", "{", '{"name": "mlp"}', '{"name": "mlp", "batch": 8, "ratio": 0, "counts": {}}']
)
def test_a_damaged_baseline_says_where_and_what_to_type(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "loop.jsonl"
    baseline.write(path, [Line("mlp", 8, 0.4, {"waits": 1.0})])
    path.write_text(path.read_text() + damage + "\n")
    with pytest.raises(BaselineError, match=r"line 3, is damaged .*git checkout.*scripts/bench loop --write"):
        baseline.read(path)


def test_a_baseline_that_is_not_there_or_empty_says_how_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "loop.jsonl"
    with pytest.raises(BaselineError, match="is not there; make it: scripts/bench loop --write"):
        baseline.read(path)
    path.write_text("")
    with pytest.raises(BaselineError, match="holds nothing"):
        baseline.read(path)


def test_the_committed_baseline_is_whole() -> None:
    root = Path(__file__).resolve().parents[2]
    texts = (root / "scripts/benchmarks/baselines/loop.jsonl").read_text().splitlines()
    lines = {baseline._line(json.loads(text)).name for text in texts[1:]}
    assert lines >= {*guard.GUARDED, *(name for name in lines if "." in name)}
    assert {name.partition(".")[0] for name in lines if "." in name} == set(operators.KINDS)
