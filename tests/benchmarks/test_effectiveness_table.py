"""The table says what the records say, and who won."""

from __future__ import annotations

from typing import Any

import pytest
from effectiveness_parts.table import brief, chief, table
from tasks.task import Task


def task(name: str, figure: str) -> Task:
    def build(repeat: int, cache: object) -> Any:
        raise NotImplementedError

    return Task(name, build, evaluations=100, short=10, chief=figure, goal="")


def record(preset: str, repeat: int, **figures: Any) -> dict[str, Any]:
    return {
        "task": "nan", "preset": preset, "guidance": "abcd1234", "repeat": repeat, "budget": "evaluations",
        "allowed": 100, "first": None, "roots": 10, "roots_broken": 0, "failures": 0, "kept": None, "faults_kept": 0,
        "margin_median": None, "cpu_s": 1.0, **figures,
    }  # fmt: skip


def test_a_run_that_found_nothing_is_worse_than_any_that_did() -> None:
    figures = task("nan", "evaluations")
    assert (
        chief(figures, record("a", 0))
        < chief(figures, record("a", 0, first=90))
        < chief(figures, record("a", 0, first=3))
    )
    assert chief(task("x", "roots"), record("a", 0, roots_broken=4)) == 4
    assert chief(task("x", "faults"), record("a", 0, faults_kept=6)) == 6


@pytest.fixture
def shown() -> list[str]:
    records = [record("random", at, first=50 + at, failures=at) for at in range(3)]
    records += [record("mixed", at, first=10 + at, kept=0.5) for at in range(3)]
    return table(records, {"nan": task("nan", "evaluations")}).splitlines()


def test_a_row_has_median_and_quartiles_and_how_often(shown: list[str]) -> None:
    assert "**51 [50, 52] (3/3)**" in shown[2]
    assert "50 %" in shown[3]


def test_better_than_random_is_above_a_half_whichever_way_the_figure_runs(shown: list[str]) -> None:
    assert "1.00 (0.1)" in shown[3]  # fewer evaluations in all nine pairs


def test_the_baseline_is_not_compared_with_itself(shown: list[str]) -> None:
    assert "(0.1)" not in shown[2]


def test_rows_that_did_not_run_are_left_out() -> None:
    records = [record("random", 0), {**record("gone", 0), "skipped": "unknown preset"}]
    assert "gone" not in table(records, {"nan": task("nan", "evaluations")})


def test_equal_time_has_lines_of_its_own() -> None:
    records = [record("random", 0), {**record("random", 0), "budget": "seconds", "allowed": 5.0}]
    assert "nan, 5 s" in table(records, {"nan": task("nan", "evaluations")})


def test_the_brief_table_sets_the_default_against_random() -> None:
    records = [record("random", at, first=None) for at in range(3)] + [record("mixed", at, first=5) for at in range(3)]
    line = brief(records, {"nan": task("nan", "evaluations")}).splitlines()[2]
    assert "| - (0/3) |" in line
    assert "| 5 (3/3) |" in line
    assert "| 1.00 (" in line


def test_the_brief_table_has_a_line_for_equal_time_too() -> None:
    runs = [record("random", 0, first=9), record("mixed", 0, first=5)]
    runs += [{**run, "budget": "seconds", "allowed": 2.0, "first": 70} for run in runs]
    lines = brief(runs, {"nan": task("nan", "evaluations")}).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| nan, 100", "| nan, 2 s"]
    assert "70 (1/1)" in lines[3]


def unjudged(preset: str, repeat: int, pairs: int, **figures: Any) -> dict[str, Any]:
    return record(preset, repeat, judge=None, faults_kept=None, pairs=pairs, **figures)


def test_that_nobody_judges_is_said_and_likeness_called_so() -> None:
    rows = table([unjudged("random", at, 4, likeness=0.5 + at / 10) for at in range(3)], {"nan": task("nan", "pairs")})
    assert "| no judge (likeness 0.60) |  | **4** |" in rows
    assert "| no judge |" in table([unjudged("random", 0, 4)], {"nan": task("nan", "pairs")})


def test_a_judge_who_sees_no_failure_is_not_nobody() -> None:
    shown = table([record("random", 0, judge=["a", "b"], pairs=0)], {"nan": task("nan", "faults")})
    assert "no judge" not in shown


def test_pairs_are_what_presets_are_compared_by_where_nobody_judges() -> None:
    runs = [unjudged("random", at, at) for at in range(3)] + [unjudged("mixed", at, 9) for at in range(3)]
    assert "| 1.00 (" in brief(runs, {"nan": task("nan", "pairs")})


def test_equal_passes_have_lines_of_their_own() -> None:
    assert "| nan, 40 passes |" in table(
        [{**record("random", 0), "budget": "passes", "allowed": 40.0}], {"nan": task("nan", "roots")}
    )
