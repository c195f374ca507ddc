from __future__ import annotations

import pytest
from pytest_plugin.lamp import MENDED

from mlfuzz.regressions.gate import Measured, TargetGate

pytest_plugins = "pytester"


def settings(lamp, mode, rate):
    (lamp.folder / "mlfuzz.toml").write_text(f'[regression]\nmode = "{mode}"\nmax-failure-rate = {rate}\n')


def test_the_gate_is_one_more_test_with_the_rate_its_interval_and_the_maximum(lamp, run):
    settings(lamp, "both", 0.1)
    lamp.keep(0)
    for number in range(1, 4):
        lamp.keep(number, triage="fixed", level=90)
    result = run()
    result.assert_outcomes(xfailed=1, passed=3, failed=1)
    result.stdout.fnmatch_lines(["lamp: 1 of 4 fail = 25 % (95 % interval 4.6 to 69.9 %), at most 10 % may"])
    settings(lamp, "both", 0.25)
    run().assert_outcomes(xfailed=1, passed=4)


def test_where_only_the_rate_counts_no_model_finding_fails_by_itself(lamp, run):
    settings(lamp, "rate", 1.0)
    lamp.keep(0, triage="fixed")
    lamp.keep_exception()
    run().assert_outcomes(xfailed=1, passed=1, failed=1)
    lamp.limit(MENDED)
    run().assert_outcomes(passed=2, xpassed=1)


def test_without_a_rate_there_is_no_gate(lamp, run):
    lamp.keep()
    run().assert_outcomes(xfailed=1)


@pytest.mark.parametrize(
    ("failed", "rows", "sampled", "holds"),
    [(0, 0, False, True), (2, 100, False, True), (3, 100, False, False), (3, 100, True, True), (9, 100, True, False)],
)
def test_all_regressions_decide_by_their_share_and_a_sample_by_what_it_proves(failed, rows, sampled, holds):
    assert Measured(TargetGate("lamp", (), allowed=0.02), failed, rows, sampled).holds is holds
