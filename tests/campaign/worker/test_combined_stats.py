"""Figures of several workers as one."""

from __future__ import annotations

import msgspec

from mlfuzz.campaign.worker.combined_stats import (
    Part,
    combined_progress,
    combined_stats,
    forget_parts,
    of_all,
    read_part,
)
from mlfuzz.progress import Miss, OperatorStats, Progress, SearchStats, Stats
from mlfuzz.storage.derived import earlier_stats
from mlfuzz.storage.workdir import Workdir


def of(**fields: object) -> Stats:
    return msgspec.convert({"campaign": "c", "started": "then", **fields}, Stats)


def progress_of(**fields: object) -> Progress:
    given = {
        "life": "w00-0001-00000000", "seconds": 1.0, "inputs": 0, "batches": 0, "inputs_per_s": 0.0, "entries": 0,
        "seeds": 5, "candidates": 0, "failing": 0, "p_new": 0.0, "since_new_s": 1.0,
    }  # fmt: skip
    return msgspec.convert({**given, **fields}, Progress)


def test_counters_are_added_to_those_of_before_and_time_is_not():
    base = of(inputs=100, failing=3, seconds=10.0, batches=2, ended="time is up")
    parts = [of(inputs=20, failing=1, seconds=5.0, batches=1), of(inputs=30, failing=0, seconds=6.0, batches=4)]
    whole = combined_stats(base, parts, lives=4)
    assert (whole.inputs, whole.failing, whole.batches, whole.lives) == (150, 4, 7, 4)
    assert whole.seconds == 16.0
    assert whole.ended == ""


def test_operators_and_confusions_of_all_are_counted_once_each():
    base = of(
        operators={"image.fog": msgspec.to_builtins(OperatorStats(rows=10, rows_by_severity=[10, 0, 0, 0, 0]))},
        confusion=[["1", "7", 4, "label"]],
    )
    part = of(
        operators={"image.fog": msgspec.to_builtins(OperatorStats(rows=5, rows_by_severity=[1, 4, 0, 0, 0]))},
        confusion=[["1", "7", 1, "label"], ["2", "3", 9, "label"]],
    )
    whole = combined_stats(base, [part, part], lives=1)
    assert whole.operators["image.fog"].rows == 20
    assert whole.operators["image.fog"].rows_by_severity == [12, 8, 0, 0, 0]
    assert whole.confusion == [["2", "3", 18, "label"], ["1", "7", 6, "label"]]


def test_what_operators_and_searches_took_and_found_is_added_up():
    def one(seconds: float, firsts: int) -> Stats:
        searches = {"evaluations": 40, "seconds": seconds, "firsts": firsts, "gains": 1}
        operators = {"image.fog": msgspec.to_builtins(OperatorStats(rows=5, firsts=firsts))}
        return of(operators=operators, spent={"image.fog": seconds}, searches=searches)

    whole = combined_stats(one(1.0, 2), [one(0.5, 1), one(0.25, 3)], lives=1)
    assert whole.operators["image.fog"].firsts == 6
    assert whole.spent == {"image.fog": 1.75}
    assert whole.searches == SearchStats(evaluations=120, seconds=1.75, firsts=6, gains=3)


def test_the_nearest_miss_is_the_nearest_of_all_and_each_warning_is_said_once():
    near, far = (Miss(oracle="label", margin=margin, unit="score", seed="a", sentence="") for margin in (-0.1, -3.0))
    one = msgspec.structs.replace(of(), nearest=far, warnings=["narrow", "slow"])
    other = msgspec.structs.replace(of(), nearest=near, warnings=["slow"])
    whole = combined_stats(of(), [one, other], lives=1)
    assert whole.nearest == near
    assert whole.warnings == ["narrow", "slow"]


def test_a_record_of_now_adds_speeds_and_weighs_what_is_new_by_them():
    whole = combined_progress(of(inputs=7), [
        progress_of(inputs=10, inputs_per_s=300.0, p_new=0.1, entries=50, since_new_s=3.0),
        progress_of(inputs=20, inputs_per_s=100.0, p_new=0.5, entries=60, since_new_s=1.0),
    ], {})  # fmt: skip
    assert (whole.inputs, whole.inputs_per_s, whole.entries, whole.since_new_s) == (37, 400.0, 60, 1.0)
    assert whole.p_new == (300 * 0.1 + 100 * 0.5) / 400


def test_a_record_of_now_names_the_best_operators_of_all_workers():
    one = of(operators={"image.fog": {"rows": 10, "failures": 3}, "image.rain": {"rows": 10, "failures": 2}})
    other = of(operators={"image.rain": {"rows": 990, "failures": 5}})
    whole = combined_progress(
        of(), [progress_of(best=["fog 3/10"]), progress_of(best=["rain 5/990"])], of_all([one, other])
    )
    assert whole.best == ["rain 7/1.0k", "fog 3/10"]


def test_a_part_is_read_as_written_and_forgotten_before_the_next_run(tmp_path):
    workdir = Workdir.create(tmp_path / "c")
    assert read_part(workdir, 1) is None
    part = Part(stats=of(inputs=3), progress=progress_of(inputs=3))
    workdir.part(1).write_bytes(msgspec.json.encode(part))
    assert read_part(workdir, 1) == part
    forget_parts(workdir)
    assert read_part(workdir, 1) is None


def test_a_record_that_got_further_than_the_figures_counts(tmp_path):
    workdir = Workdir.create(tmp_path / "c")
    workdir.stats.write_bytes(msgspec.json.encode(of(inputs=5)))
    workdir.progress.write_bytes(msgspec.json.encode(progress_of(inputs=9, batches=2)) + b"\n")
    assert (earlier_stats(workdir).inputs, earlier_stats(workdir).batches) == (9, 2)
