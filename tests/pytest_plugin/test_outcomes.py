"""Every row of the outcome table."""

from __future__ import annotations

import pytest
from pytest_plugin.lamp import BROKEN, MENDED

from mlfuzz.findings.record import read_record

pytest_plugins = "pytester"


@pytest.mark.parametrize(
    ("triage", "limit", "outcomes"),
    [
        ("open", BROKEN, {"xfailed": 1}),
        ("open", MENDED, {"xpassed": 1}),
        ("fixed", BROKEN, {"failed": 1}),
        ("fixed", MENDED, {"passed": 1}),
        ("quarantined", BROKEN, {"skipped": 1}),
        ("quarantined", MENDED, {"skipped": 1}),
        ("ignored", BROKEN, {"skipped": 1}),
        ("ignored", MENDED, {"skipped": 1}),
    ],
)
def test_triage_decides_what_a_failure_means(lamp, run, triage, limit, outcomes):
    lamp.keep(triage=triage, note="the old scanner")
    lamp.limit(limit)
    result = run("corpus", "-ra")
    result.assert_outcomes(**outcomes)
    assert result.ret == int("failed" in outcomes)
    if "skipped" in outcomes:
        result.stdout.fnmatch_lines([f"SKIPPED*{triage}: the old scanner"])


@pytest.mark.parametrize(
    ("triage", "limit", "outcomes"),
    [
        ("open", BROKEN, {"failed": 1}),
        ("open", MENDED, {"xpassed": 1}),
        ("fixed", BROKEN, {"failed": 1}),
        ("fixed", MENDED, {"passed": 1}),
        ("quarantined", BROKEN, {"skipped": 1}),
    ],
)
def test_an_exception_is_strict(lamp, run, triage, limit, outcomes):
    lamp.keep_exception(triage=triage)
    lamp.limit(limit)
    run().assert_outcomes(**outcomes)


def test_an_open_exception_may_be_allowed(lamp, run):
    (lamp.folder / "mlfuzz.toml").write_text("[regression]\nallow-open-crashes = true\n")
    lamp.keep_exception()
    run().assert_outcomes(xfailed=1)


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "outcomes"), [(BROKEN, {"failed": 1}), (MENDED, {"passed": 1})])
def test_an_exit_takes_down_another_process_and_is_strict(lamp, run, limit, outcomes):
    lamp.keep_exit(triage="fixed")
    lamp.limit(limit)
    run().assert_outcomes(**outcomes)


def test_strictness_by_option_and_by_configuration(lamp, run):
    lamp.keep()
    run("corpus", "--mlfuzz-strict").assert_outcomes(failed=1)
    (lamp.folder / "mlfuzz.toml").write_text("[regression]\nstrict = true\n")
    run().assert_outcomes(failed=1)


def test_known_findings_that_hold_are_counted_with_what_to_do(lamp, run):
    lamp.keep(0)
    lamp.keep(1)
    lamp.limit(MENDED)
    run().stdout.fnmatch_lines(["2 known findings hold now: mlfuzz triage --mark-fixed"])


def test_a_failure_says_what_was_expected_and_got_and_how_to_see_it_again(lamp, run):
    path = lamp.keep(triage="fixed", note="retrained")
    result = run()
    finding = read_record(path)
    result.stdout.fnmatch_lines(
        [
            f"*lamp {finding.id[:10]}  label*",
            "expected 'dark' (as for dark/0001.png, 0)  got 'bright' (0.863, margin 0.863 score)",
            "change   brightness 0.34 of full scale",
            f"file     corpus/regressions/lamp/{finding.id}.png",
            f"replay   mlfuzz replay {finding.id[:10]}",
            "fault    label|dark->bright|image.brightness",
            "note     marked as fixed: retrained; it fails again",
        ]
    )
    assert "guard.py" not in result.stdout.str()


def test_hostile_texts_are_told_without_being_obeyed(lamp, run):
    lamp.keep(triage="fixed", sentence="\x1b[31mred\u202e", note="one\ntwo", expected="da\u200brk")
    text = run().stdout.str()
    assert "\\x1b[31mred\\u202e" in text
    assert "\u202e" not in text
    assert "one\\ntwo" in text
    assert "'da\\u200brk'" in text


def test_a_violation_within_the_numeric_margin_of_another_build_is_no_failure(lamp, run):
    elsewhere = {"torch": "1.0", "cpu": "AVX512", "platform": "Linux 1 riscv64"}
    lamp.limit("0.45")
    lamp.keep(triage="fixed", floor=5e-2, environment=elsewhere)
    lamp.keep(1, triage="fixed", floor=1e-4, environment=elsewhere)
    lamp.keep(2, triage="fixed", floor=5e-2)
    result = run("corpus", "-ra")
    result.assert_outcomes(xfailed=1, failed=2)
    result.stdout.fnmatch_lines(["XFAIL*numeric margin*"])


def test_marking_fixed_changes_only_what_holds_and_refuses_xdist(lamp, run):
    lamp.limit("0.6")
    fixed, failing = lamp.keep(), lamp.keep(level=180)
    result = run("corpus", "--mlfuzz-update=fix")
    result.assert_outcomes(passed=1, xfailed=1)
    result.stdout.fnmatch_lines(["1 known finding marked as fixed"])
    assert (read_record(fixed).triage, read_record(failing).triage) == ("fixed", "open")
    refused = run("corpus", "--mlfuzz-update=fix", "-n", "2")
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*-n 0*"])
