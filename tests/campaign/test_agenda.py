"""The probe's time: ways of failing are confirmed early, and shrunk all the same."""

from __future__ import annotations

import msgspec
from findings.samples import sample

from mlfuzz.campaign.agenda import Agenda

COST = {"confirm": 0.1, "shrink": 1.0, "settle": 1.1}


def candidate(number, key, **changes):
    return sample(number, key=key, verdict="candidate", **changes)[0]


def worked(agenda, seconds, verdict="confirmed"):
    """(job, key) of what is done within so much time."""
    log = []
    while seconds > 0 and (chosen := agenda.next()) is not None:
        finding, job = chosen
        seconds -= COST[job]
        after = msgspec.structs.replace(finding, verdict=verdict, shrunk=job != "confirm")
        agenda.done(job, after, COST[job])
        log.append((job, finding.key))
    return log


def full(keys, each, **changes):
    agenda = Agenda()
    for key in range(keys):
        for number in range(each):
            agenda.add(candidate(100 * key + number, str(key), **changes))
    return agenda


def test_everything_is_confirmed_and_shrunk_in_the_end_and_once():
    agenda = full(5, 3)
    log = worked(agenda, 1e9)
    assert sorted(key for job, key in log if job in ("confirm", "settle")) == sorted("01234" * 3)
    assert sorted(key for job, key in log if job in ("shrink", "settle")) == sorted("01234" * 3)
    assert (len(agenda), agenda.to_confirm, agenda.next()) == (0, 0, None)


def test_every_way_of_failing_is_confirmed_before_any_is_a_second_time():
    log = worked(full(20, 4), 1e9)
    firsts = [at for at, (job, _) in enumerate(log) if job == "confirm"]
    seconds = [at for at, (job, _) in enumerate(log) if job == "settle"]
    assert len(firsts) == 20
    assert max(firsts) < min(seconds)


def test_neither_confirming_nor_shrinking_starves_where_time_is_short():
    log = worked(full(500, 1), 20.0)
    jobs = [job for job, _ in log]
    assert jobs.count("confirm") >= 80
    assert jobs.count("shrink") >= 8


def test_what_is_flaky_or_has_no_chain_is_not_shrunk():
    assert {job for job, _ in worked(full(4, 1), 1e9, "flaky")} == {"confirm"}
    assert {job for job, _ in worked(full(4, 1, chain=()), 1e9)} == {"confirm"}
    assert {job for job, _ in worked(full(4, 1, kind="hang"), 1e9)} == {"confirm"}


def test_a_job_that_took_the_loading_of_the_target_does_not_hold_up_the_others():
    agenda = full(50, 1)
    finding, job = agenda.next()
    agenda.done(job, msgspec.structs.replace(finding, verdict="confirmed"), 60.0)
    jobs = [job for job, _ in worked(agenda, 8.0)]
    assert jobs.count("confirm") > 10


def test_keys_that_were_confirmed_before_are_settled_in_one_go():
    agenda = Agenda()
    agenda.add(sample(1, key="a", verdict="confirmed")[0])
    agenda.add(candidate(2, "a"))
    assert [job for job, _ in worked(agenda, 1e9)] == ["settle"]
