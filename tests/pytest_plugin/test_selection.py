"""What people do with pytest besides running all of it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from pytest_plugin.lamp import BROKEN, MENDED

from mlfuzz.findings.record import read_record

pytest_plugins = "pytester"

TEST_FILE = "import mlfuzz.testing\n\ntest_lamp = mlfuzz.testing.regressions('lamp')\n"


def names(result):
    return [line for line in result.stdout.lines if "::" in line]


def test_each_regression_is_an_item_named_for_its_file_and_oracle(lamp, run):
    paths = [lamp.keep(number) for number in range(3)]
    result = run("corpus", "--collect-only", "-q")
    assert names(result) == sorted(f"corpus/regressions/lamp/{path.name}::label" for path in paths)
    one = names(result)[1]
    run(one).assert_outcomes(xfailed=1)
    run(one.partition("::")[0]).assert_outcomes(xfailed=1)


def test_collecting_loads_no_target(lamp, run):
    lamp.keep()
    (lamp.folder / "subject.py").write_text("raise SystemExit('was imported')")
    result = run("corpus", "--collect-only", "-q")
    assert result.ret == 0


def test_a_test_file_gives_the_same_outcomes(lamp, run, pytester):
    lamp.keep(0)
    lamp.keep(1, triage="fixed")
    lamp.keep(2, triage="ignored", note="not ours")
    pytester.makepyfile(test_lamp=TEST_FILE)
    result = run("test_lamp.py", "-v")
    result.assert_outcomes(xfailed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["test_lamp.py::test_lamp[[]*-brightness] XFAIL*"])
    result.stdout.fnmatch_lines(["expected 'dark' (as for dark/0001.png, 0)  got 'bright' (0.863*"])
    lamp.limit(MENDED)
    run("test_lamp.py").assert_outcomes(xpassed=1, passed=1, skipped=1)


def test_without_the_plugin_a_test_file_still_runs_and_files_are_left_alone(lamp, run, pytester):
    lamp.keep(triage="fixed")
    pytester.makepyfile(test_lamp=TEST_FILE)
    run("-p", "no:mlfuzz").assert_outcomes(failed=1)
    lamp.limit(MENDED)
    run("-p", "no:mlfuzz").assert_outcomes(passed=1)
    assert run("-p", "no:mlfuzz", "corpus").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_name_selects(lamp, run):
    paths = [lamp.keep(number) for number in range(3)]
    run("corpus", "-k", paths[1].stem[:8]).assert_outcomes(xfailed=1, deselected=2)
    run("corpus", "-m", "mlfuzz(target='lamp')").assert_outcomes(xfailed=3)
    run("corpus", "-m", "mlfuzz(kind='exception')").assert_outcomes(deselected=3)
    run("corpus", "-m", "not mlfuzz").assert_outcomes(deselected=3)


def test_the_last_failures_are_run_again(lamp, pytester):
    lamp.limit("0.6")
    lamp.keep(triage="fixed")
    failing = lamp.keep(1, triage="fixed", level=200)
    pytester.runpytest_inprocess("corpus").assert_outcomes(passed=1, failed=1)
    again = pytester.runpytest_inprocess("corpus", "--lf", "-v")
    again.assert_outcomes(failed=1)
    assert failing.stem in again.stdout.str()


def test_it_stops_at_the_first_failure(lamp, run):
    for number in range(3):
        lamp.keep(number, triage="fixed")
    run("corpus", "-x").assert_outcomes(failed=1)


@pytest.mark.slow
def test_two_workers_do_it_too(lamp, run):
    for number in range(4):
        lamp.keep(number, triage="fixed" if number % 2 else "open")
    run("corpus", "-n", "2").assert_outcomes(xfailed=2, failed=2)
    run("corpus", "-n", "2", "--dist", "loadgroup").assert_outcomes(xfailed=2, failed=2)


def test_inputs_of_one_target_run_in_batches_ahead(lamp, run):
    for number in range(70):
        lamp.keep(number)
    run().assert_outcomes(xfailed=70)
    first, *sizes = lamp.calls()  # a target's first run is repeated, to see whether it writes into its input
    assert first == 64
    assert sizes == [64, 1, 6, 1]  # the inputs, and the one seed that they share


def test_only_what_was_selected_is_run(lamp, run):
    paths = [lamp.keep(number) for number in range(20)]
    run("corpus", "-k", paths[3].stem)
    assert max(lamp.calls()) == 1


def test_a_failure_is_told_only_after_it_failed_alone(lamp, run):
    lamp.keep(0, triage="fixed")
    lamp.keep(1, triage="fixed")
    run().assert_outcomes(failed=2)
    assert lamp.calls().count(1) >= 6


@pytest.mark.slow
def test_a_sample_is_the_same_each_time_and_grows_by_whole_findings(lamp, run):
    paths = [lamp.keep(number) for number in range(12)]
    first = run("corpus", "--mlfuzz-max", "5", "-v")
    first.assert_outcomes(xfailed=5, deselected=7)
    chosen = {path.stem for path in paths if path.stem in first.stdout.str()}
    assert chosen == set(sorted(path.stem for path in paths)[:5])
    more = run("corpus", "--mlfuzz-max", "8", "-v").stdout.str()
    assert all(stem in more for stem in chosen)
    assert run("corpus", "--mlfuzz-max", "0").ret == pytest.ExitCode.USAGE_ERROR


def test_junit_carries_what_is_known_of_a_finding(lamp, run):
    finding = read_record(lamp.keep(triage="fixed"))
    run("corpus", "--junitxml", "out.xml")
    (case,) = ElementTree.parse(lamp.folder / "out.xml").iter("testcase")
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert properties == {
        "mlfuzz_id": finding.id, "mlfuzz_target": "lamp", "mlfuzz_oracle": "label", "mlfuzz_fault": finding.fault,
        "mlfuzz_triage": "fixed", "mlfuzz_margin": "1.0",
    }  # fmt: skip
    assert case.find("failure").text.startswith("expected 'dark'")


def test_a_target_that_has_moved_is_found_by_its_name_in_the_configuration(lamp, run):
    lamp.keep(load="gone.module:lamp", triage="fixed")
    lamp.keep(1, load="", triage="fixed")
    run().assert_outcomes(failed=2)
    (lamp.folder / "mlfuzz.toml").write_text('[targets.lamp]\nuse = "subject:lamp"\n')
    lamp.limit(MENDED)
    run().assert_outcomes(passed=2)


def test_a_wrong_configuration_is_one_error_and_nothing_runs(lamp, run):
    lamp.keep()
    (lamp.folder / "mlfuzz.toml").write_text("[regression]\nstrikt = true\n")
    result = run()
    result.assert_outcomes(errors=1)
    assert "did you mean 'strict'" in result.stdout.str()
    assert "items.py" not in result.stdout.str()


@pytest.mark.slow
def test_fuzzing_after_the_regressions_fails_on_what_is_new(lamp, run, pytester):
    seeds = lamp.folder / "corpus" / "seeds" / "image" / "lamp" / "dark"
    seeds.mkdir(parents=True)
    path = lamp.keep()
    for number in range(4):
        (seeds / f"{number}.png").write_bytes(path.with_name(f"{path.stem}.seed.png").read_bytes()[:])
    (lamp.folder / "mlfuzz.toml").write_text(
        '[targets.lamp]\nuse = "subject:lamp"\nseeds = "corpus/seeds/image/lamp"\n'
    )
    lamp.limit(BROKEN)
    result = run("corpus", "--mlfuzz-time", "6s", "-v")
    result.assert_outcomes(xfailed=1, failed=1)
    result.stdout.fnmatch_lines(["*fuzz[[]lamp]*FAILED*", "*new fault*", "keep     mlfuzz findings promote *"])
    assert run("corpus", "--mlfuzz-time", "soon").ret == pytest.ExitCode.USAGE_ERROR
