from __future__ import annotations

import msgspec

from mlfuzz.progress import Progress, Stats
from mlfuzz.stats_writer import RECENT_RECORDS, Rates, StatsWriter
from mlfuzz.storage.derived import earlier_stats, stored_progress, stored_stats
from mlfuzz.storage.workdir import Workdir

RECORD = Progress(
    life="w", seconds=8.0, inputs=100, batches=4, inputs_per_s=9.0, entries=7, seeds=3, candidates=1, failing=2,
    p_new=0.1, since_new_s=1.0,
)  # fmt: skip


def test_what_is_written_is_what_the_next_life_goes_on_with(tmp_path):
    workdir = Workdir.create(tmp_path / "c")
    writer = StatsWriter(workdir)
    writer.append(RECORD)
    writer.save(Stats(campaign="c", started="", seconds=9.0, inputs=120, entries=8))
    assert stored_progress(workdir) == [RECORD]
    assert stored_stats(workdir) == earlier_stats(workdir)
    assert earlier_stats(workdir).inputs == 120


def test_a_killed_life_got_as_far_as_its_last_record_of_either_side(tmp_path):
    workdir = Workdir.create(tmp_path / "c")
    writer = StatsWriter(workdir)
    writer.save(Stats(campaign="c", started="", seconds=2.0, inputs=100, batches=1, entries=9))
    writer.append(RECORD)
    writer.append(msgspec.structs.replace(RECORD, seconds=9.0))
    before = earlier_stats(workdir)
    assert (before.seconds, before.inputs, before.batches, before.failing, before.entries) == (9.0, 100, 4, 2, 9)


def test_rates_are_of_the_last_records():
    rates = Rates(0.0)
    assert (rates.inputs_per_s, rates.p_new) == (0.0, 0.0)
    rates.add(2.0, 10, 5)
    assert (rates.inputs_per_s, rates.p_new) == (5.0, 0.5)
    for second in range(RECENT_RECORDS):
        rates.add(3.0 + second, 10 + 100 * second, 5)
    assert (rates.inputs_per_s, rates.p_new) == (100.0, 0.0)
