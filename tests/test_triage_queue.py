"""Time for verdicts: ways of failing are confirmed early, and made simpler all the same."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
from findings.samples import sample

from mlfuzz.events import Confirmed, Warned
from mlfuzz.interrupts import Interrupts
from mlfuzz.mutation import Mutation
from mlfuzz.triage_queue import (
    HURRY_SECONDS,
    SHRINK_SECONDS,
    WRAP_UP_SECONDS,
    TriageQueue,
    Waiting,
    WrapUp,
    wrap_up_seconds,
)

COST = {"confirm": 0.1, "shrink": 1.0}


def candidate(number, key, **changes):
    return sample(number, key=key, verdict="candidate", **changes)[0]


def worked(queue, seconds, verdict="confirmed"):
    """(job, key) of what is done within so much time."""
    log = []
    while seconds > 0 and (task := queue.next(None)) is not None:
        seconds -= COST[task.job]
        after = msgspec.structs.replace(task.finding, verdict=verdict, shrunk=task.job == "shrink")
        queue.done(task, after, COST[task.job])
        log.append((task.job, task.finding.key))
    return log


def full(keys, each, **changes):
    queue = TriageQueue(0.2)
    for key in range(keys):
        for number in range(each):
            queue.add(candidate(100 * key + number, str(key), **changes))
    return queue


def test_everything_is_confirmed_and_shrunk_in_the_end_and_once():
    queue = full(5, 3)
    log = worked(queue, 1e9)
    for wanted in ("confirm", "shrink"):
        assert sorted(key for job, key in log if job == wanted) == sorted("01234" * 3)
    assert (len(queue), queue.to_confirm, queue.next(None)) == (0, 0, None)


def test_every_way_of_failing_is_confirmed_before_any_is_a_second_time():
    confirmed = [key for job, key in worked(full(20, 4), 1e9) if job == "confirm"]
    assert len(set(confirmed[:20])) == 20


def test_neither_confirming_nor_shrinking_starves_where_time_is_short():
    jobs = [job for job, _ in worked(full(500, 1), 20.0)]
    assert jobs.count("confirm") >= 80
    assert jobs.count("shrink") >= 8


def test_what_is_flaky_or_has_no_chain_or_takes_its_process_along_is_not_shrunk():
    assert {job for job, _ in worked(full(4, 1), 1e9, "flaky")} == {"confirm"}
    assert {job for job, _ in worked(full(4, 1, chain=()), 1e9)} == {"confirm"}
    assert {job for job, _ in worked(full(4, 1, kind="hang"), 1e9)} == {"confirm"}


def test_bytes_are_shrunk_without_a_chain_and_what_hangs_comes_last():
    queue = TriageQueue(0.2)
    queue.add(candidate(1, "a", side="code", chain=(), kind="hang"))
    queue.add(candidate(2, "b", side="code", chain=(), kind="exception"))
    assert [key for job, key in worked(queue, 1e9) if job == "shrink"] == ["b", "a"]


def test_a_job_that_took_the_loading_of_the_target_does_not_hold_up_the_others():
    queue = full(50, 1)
    task = queue.next(None)
    queue.done(task, msgspec.structs.replace(task.finding, verdict="confirmed"), 60.0)
    assert [job for job, _ in worked(queue, 8.0)].count("confirm") > 10


def test_what_an_earlier_life_confirmed_is_shrunk_in_this_one_but_for_what_cannot_be():
    queue = TriageQueue(0.2)
    for number, changes in enumerate(({}, {"shrunk": True}, {"evidence": {"shrink": "it does not fail"}})):
        queue.add(sample(number, **{"key": str(number), "verdict": "confirmed", "shrunk": False, **changes})[0])
    assert worked(queue, 1e9) == [("shrink", "0")]


def test_no_more_than_the_share_of_the_time_is_taken_and_then_all_that_is_left():
    queue = full(50, 1)
    task = queue.next(0.0)
    queue.done(task, task.finding, SHRINK_SECONDS + 1.0)
    assert queue.next(4.0) is None
    assert queue.next(6.0) is not None
    assert queue.next(None) is not None


def test_only_what_can_be_run_now_is_handed_out_and_the_last_ones_may_take_all_the_time():
    queue = TriageQueue(0.2)
    for number, target in enumerate(("one", "other")):
        queue.add(candidate(number, "k", target=target))
    assert queue.next(None, targets=["nobody"]) is None
    first = queue.next(None, targets=["other"])
    assert first.finding.target == "other"
    queue.done(first, msgspec.structs.replace(first.finding, verdict="confirmed", shrunk=False), 0.1)
    assert queue.next(None, targets=["other"], left=9.0).seconds == SHRINK_SECONDS  # one still waits elsewhere
    queue.next(None)
    queue.done(first, msgspec.structs.replace(first.finding, verdict="confirmed", shrunk=False), 0.1)
    assert queue.next(None, left=9.0).seconds == 9.0


def test_each_end_of_a_task_is_told():
    events = []
    queue = TriageQueue(0.2, events.append)
    queue.add(candidate(1, "a"))
    task = queue.next(None)
    queue.done(task, msgspec.structs.replace(task.finding, verdict="confirmed", shrunk=False), 0.1)
    task = queue.next(None)
    queue.failed(task, "it died", 0.1)
    assert [type(event) for event in events] == [Confirmed, Warned]
    assert events[1].text == f"finding {task.finding.id[:10]} could not be run again (shrink): it died"


def test_the_time_after_the_time_is_a_tenth_of_what_was_asked_for_or_a_fifth_of_what_it_took():
    assert wrap_up_seconds(1.0, 1.0) == WRAP_UP_SECONDS
    assert wrap_up_seconds(100.0, 3.0) == 10.0
    assert wrap_up_seconds(None, 100.0) == 20.0


def test_the_time_after_the_time_is_short_for_who_asked_for_the_end(tmp_path):
    stop = tmp_path / "stop"
    assert 99.0 < WrapUp(100.0, Interrupts(stop)).left <= 100.0
    stop.touch()
    assert 0.0 < WrapUp(100.0, Interrupts(stop)).left <= HURRY_SECONDS


def ranked(number, key, operator="image.rotate", margin=1.0, **changes):
    return sample(number, key=key, first_chain=(Mutation(operator),), margin=margin, **changes)[0]


def order(waiting):
    taken = []
    while (finding := waiting.take()) is not None:
        taken.append(finding)
    return taken


def test_each_key_comes_once_before_any_comes_twice_the_best_margin_first():
    findings = [
        ranked(1, "a", margin=1.0), ranked(2, "a", margin=3.0), ranked(3, "a", margin=2.0),
        ranked(4, "b", margin=0.5), ranked(5, "c", margin=0.1),
    ]  # fmt: skip
    assert [(one.key, one.margin) for one in order(Waiting(findings))] == [
        ("a", 3.0), ("b", 0.5), ("c", 0.1), ("a", 2.0), ("a", 1.0),
    ]  # fmt: skip


def test_under_equal_keys_an_operator_not_yet_seen_comes_first():
    findings = [ranked(1, "a", "image.blur", 9.0), ranked(2, "a", "image.blur", 8.0), ranked(3, "a", "image.fog", 0.1)]
    assert [one.first_chain[0].name for one in order(Waiting(findings))] == ["image.blur", "image.fog", "image.blur"]


def test_what_was_confirmed_before_takes_its_keys_turn_and_does_not_wait():
    waiting = Waiting([ranked(1, "a", verdict="confirmed"), ranked(2, "a", margin=5.0), ranked(3, "b")])
    assert len(waiting) == 2
    assert [one.key for one in order(waiting)] == ["b", "a"]


def test_nothing_waits_twice():
    waiting = Waiting([ranked(1, "a"), ranked(1, "a")])
    assert len(order(waiting)) == 1
    assert (waiting.take(), len(waiting)) == (None, 0)


def test_many_come_in_the_order_that_looking_at_all_of_them_each_time_would_give():
    rng = np.random.default_rng(2)
    findings = [
        ranked(number, f"k{rng.integers(9)}", f"image.o{rng.integers(5)}", float(rng.integers(4)))
        for number in range(120)
    ]
    waiting, left, keys, operators = Waiting(findings), list(findings), Counter(), Counter()
    while left:
        best = min(left, key=lambda one: (
            keys[one.key], operators[one.first_chain[0].name], -one.margin, len(one.first_chain), one.id
        ))  # fmt: skip
        assert waiting.fresh == (keys[best.key] == 0)
        assert waiting.take() == best
        left.remove(best)
        keys[best.key] += 1
        operators[best.first_chain[0].name] += 1
    assert not waiting.fresh
