"""What is said when a campaign is over, alike for both sides."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from findings.samples import sample

from mlfuzz.campaign.confirm.embedding import sketch
from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.terminal.closing import (
    NextCommands,
    close,
    head_line,
    left_out,
    next_steps,
    tell_weaknesses,
    time_in_words,
)
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.events import CampaignResult
from mlfuzz.findings.weakness import SHIFT
from mlfuzz.mutation import Mutation
from mlfuzz.progress import SeedStats, Stats
from mlfuzz.report.summary import group
from mlfuzz.stop_reason import Stop, StopReason

COMMANDS = NextCommands(
    "mine", "mlfuzz fuzz mine --name mine --dir 'my runs'", ("see why", "mlfuzz check mine"), " --dir 'my runs'"
)


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def context(tmp_path, out):
    return Context(tmp_path, Terminal(out=out, err=out, colour="never"))


def result(*findings, code=0, stop=StopReason.TIME, inputs=9, known=(), **more):
    stats = Stats(campaign="mine", started="", inputs=inputs, **more)
    return CampaignResult(code, Stop(stop), stats, (), findings, frozenset(known))


def steps(context, result):
    return dict(
        next_steps(
            context, COMMANDS, result, group([one for one in result.findings if one.verdict == "confirmed"]), None
        )
    )


def test_what_the_time_went_into_is_said_in_one_line():
    shares = {"asked": 6.0, "fuzzing": 4.1, "start": 1.2, "deaths": 3.0, "wrap_up": 0.8}
    words = "6.0 s asked; 4.1 s fuzzing, 1.2 s start, 3.0 s 2 deaths, 0.8 s wrap-up"
    assert time_in_words(shares, 2) == words
    assert time_in_words({}, 0) == ""


def test_a_death_that_nobody_has_looked_into_and_a_target_that_answers_otherwise_each_time_are_not_nothing_found():
    left = dataclasses.replace(result(), unexplained=("SIGSEGV",))
    assert head_line(left, []) == "nothing confirmed yet, 1 death not yet looked into (SIGSEGV)"
    assert head_line(result(unstable="it answers otherwise each time"), []) == "nothing that can be relied on"


def test_each_end_has_its_next_step(context):
    assert steps(context, result()) == {"longer": f"{COMMANDS.again} --time 1h"}
    assert steps(context, result(code=130, stop=StopReason.INTERRUPTED)) == {"resume": COMMANDS.again}
    assert steps(context, result(code=3, inputs=0)) == {"see why": "mlfuzz check mine"}
    best = flip(0, "mist").id[:10]
    assert steps(context, result(flip(0, "mist"), code=1)) == {
        "list": "mlfuzz findings list --name mine --dir 'my runs'",
        "look": f"mlfuzz findings show {best} --dir 'my runs'",
        "replay": f"mlfuzz replay {best} --dir 'my runs'",
        "keep": f"mlfuzz findings promote {best} --dir 'my runs'",
        "resume": COMMANDS.again,
    }


def test_failures_that_wait_for_their_confirmation_are_not_nothing(context):
    assert head_line(result(), ()) == "nothing found"
    assert head_line(result(inputs=0), ()) == "nothing ran"
    waiting = result(*(candidate(number) for number in range(198)))
    assert head_line(waiting, ()) == "nothing confirmed yet, 198 candidates not yet confirmed"
    assert steps(context, waiting)["confirm"] == "mlfuzz findings confirm --name mine --dir 'my runs'"


def test_what_was_known_already_is_said_and_what_is_new_suggested(context):
    flips = [flip(number, "mist") for number in range(3)]
    faults = group(flips)
    for known, text, kept in ((2, "2 known already", faults[2]), (3, "all known already", None)):
        ended = result(*flips, known=[one.best.id for one in faults[:known]])
        assert head_line(ended, faults).endswith(f"failed again alone, {text}")
        keep = kept and f"mlfuzz findings promote {kept.best.id[:10]} --dir 'my runs'"
        assert dict(next_steps(context, COMMANDS, ended, faults, None)).get("keep") == keep
    waiting = result(candidate(1), known=[candidate(1).id])
    assert head_line(waiting, ()).endswith("1 candidate not yet confirmed, known already")


def test_seeds_that_were_not_fuzzed_are_told():
    assert left_out(SeedStats(usable=1, skipped={"empty file": 2}, failing=[["3/07.png", "3", "8"]])) == [
        "seeds left out: 2 x empty file; mlfuzz check says what to do",
        "1 seed not fuzzed, wrong as given: 3/07.png (expected 3, got 8)",
    ]
    assert left_out(SeedStats(usable=100, labelled=100)) == []


def test_a_harness_tells_its_edges_and_what_was_refused_and_a_model_its_warnings(context, out):
    row = {"name": "toy", "refused": {"network": ["connect"]}, "barred": 3}
    close(context, COMMANDS, result(code=1, harnesses=[row], coverage={"edges": 12.0}, timing={"fuzz": 3.0}), None)
    assert "9 inputs, 3/s, 12 edges" in out.getvalue()
    assert "sandbox  toy: " in out.getvalue()
    assert "3 failures of that were set aside" in out.getvalue()
    close(context, COMMANDS, result(warnings=["careful"], seconds=9.0), None)
    assert "9 inputs, 1/s)" in out.getvalue()
    assert "warning: careful" in out.getvalue()


def test_many_faults_are_told_a_line_a_weakness():
    out = io.StringIO()
    context = Context(Path(), Terminal(out=out, err=io.StringIO()))
    faults = group([flip(number, operator) for number in range(4) for operator in ("mist", "fog")])
    tell_weaknesses(context, faults)
    lines = out.getvalue().splitlines()
    assert lines == ["  in 1 weakness, the worst first:", "  weak     fog, mist: 8 faults, gets 8 (8)"]


def flip(number, operator):
    evidence = {SHIFT: sketch(np.asarray([1.0, 0.1 * number]))}
    name = f"image.{operator}"
    return sample(
        number + 100 * (operator == "fog"), verdict="confirmed", expected=str(number), observed="8", evidence=evidence,
        fault=f"label|{number}->8|{name}", chain=(Mutation(name),),
    )[0]  # fmt: skip


def candidate(number):
    return sample(number, verdict="candidate")[0]
