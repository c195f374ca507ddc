"""Old and new: the same findings on two targets, or two campaigns."""

from __future__ import annotations

import msgspec
import pytest
import specimen
from pictured import kept

from mlfuzz.comparison import Comparison, FailureShare, Gate, Pair, compare_campaigns, compare_models
from mlfuzz.errors import TargetLoadError, UsageError
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore
from mlfuzz.findings.triage import triage_record
from mlfuzz.regressions.runner import Settings
from mlfuzz.robustness import OperatorStrengths, Robustness, SeedRef, dumps
from mlfuzz.testing.puzzles import puzzle_seeds, sound

SOUND, NAN = "mlfuzz.testing.puzzles:sound", "mlfuzz.testing.puzzles:nan_always"
CONTRARY = "pictured:contrary"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    puzzle_seeds(folder / "dull", count=6)
    return folder


@pytest.fixture
def records(tmp_path, seeds):
    """Six findings: the sound target fails on those that expect "other", whatever the picture."""
    target, paths = sound(), []
    for number, seed in enumerate(sorted((seeds / "dull").iterdir())):
        label = "other" if number < 2 else "dull"
        paths.append(write_regression(tmp_path / "kept", *kept(target, seed, number, label=label)))
    return paths


def test_the_same_findings_on_two_targets_are_sorted_by_where_they_fail(records, seeds):
    found = compare_models(records, (SOUND, CONTRARY), Settings(), seeds=seeds)
    assert set(found.fixed) == {path.stem for path in records[:2]}
    assert set(found.broken) == {path.stem for path in records[2:]}
    assert (found.still, found.paired) == ((), True)
    assert (found.failing.before, found.failing.after) == (FailureShare(2, 6), FailureShare(4, 6))
    assert found.accuracy["dull"].change == -1.0
    assert found.accuracy[""].p == pytest.approx(2 / 64)


def test_a_target_compared_with_itself_is_the_same(records, seeds):
    found = compare_models(records, (SOUND, SOUND), Settings(), seeds=seeds)
    assert (found.fixed, found.broken, len(found.still)) == ((), (), 2)
    assert (found.failing.change, found.failing.p) == (0.0, 1.0)
    assert found.accuracy[""].before == found.accuracy["dull"].after == FailureShare(6, 6)


def test_what_cannot_be_compared_is_named_and_the_rest_goes_on(records, seeds):
    triage_record(records[0], "ignored", "not ours")
    records[1].with_suffix(".png").write_bytes(b"edited")
    found = compare_models(records, (SOUND, NAN), Settings(), seeds=seeds)
    problems = dict(found.problems)
    assert "edited" in problems[records[1].stem]
    assert len(problems) == 5  # the other one says NaN to everything
    assert found.failing.before.rows == 0


def test_a_target_that_does_not_load_is_an_error(records):
    with pytest.raises(TargetLoadError):
        compare_models(records, (SOUND, "nowhere:target"), Settings())


def test_two_campaigns_are_compared_by_rate_and_by_faults(tmp_path):
    one, other = specimen.build(tmp_path, name="one"), specimen.build(tmp_path, name="other")
    store = FindingStore(other.findings)
    moved = next(each for each in store.records() if each.verdict == "confirmed")
    record = store.folder(moved.id) / "finding.json"
    record.write_bytes(msgspec.json.encode(msgspec.structs.replace(moved, fault="something|new")))
    found = compare_campaigns(one, other)
    assert found.broken == ("something|new",)
    assert (found.paired, found.failing.p) == (False, pytest.approx(1.0))
    clean = compare_campaigns(one, specimen.build(tmp_path, name="clean", clean=True))
    assert clean.broken == clean.still == ()
    assert len(clean.fixed) > 1


def comparison(before=(10, 100), after=(10, 100), **more):
    return Comparison(("a", "b"), Pair(FailureShare(*before), FailureShare(*after), 1.0), **more)


@pytest.mark.parametrize(
    ("text", "after", "holds"),
    [
        ("fail-rate<=+0.5%", (10, 100), True),
        ("fail-rate<=+0.5%", (11, 100), False),
        ("fail-rate<=-1%", (9, 100), True),
        ("fail-rate<=10%", (10, 100), True),
        ("fail-rate<=0.1", (11, 100), False),
        ("fail-rate >= 5%", (4, 100), False),
        ("newly-broken<=1", (10, 100), False),
        ("still-failing<=0", (10, 100), True),
    ],
)
def test_a_gate_holds_a_value_or_a_change(text, after, holds):
    assert Gate.parse(text).holds(comparison(after=after, broken=("x", "y"))) is holds


def test_a_gate_on_accuracy_looks_at_the_whole_or_at_the_worst_class():
    same, worse = (
        Pair(FailureShare(90, 100), FailureShare(89, 100), 1.0),
        Pair(FailureShare(10, 10), FailureShare(8, 10), 0.5),
    )
    found = comparison(accuracy={"": same, "7": worse})
    assert Gate.parse("accuracy>=-1%").holds(found)
    assert Gate.parse("accuracy>=85%").holds(found)
    assert not Gate.parse("class-accuracy>=-5%").holds(found)


@pytest.mark.parametrize("text", ["fail-rate", "fail-rate<1%", "fail-rate<=x", "<=1%", "fail-rate<=+-1"])
def test_what_is_no_gate_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="newly-broken<=0"):
        Gate.parse(text)


def test_a_metric_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'fail-rate'"):
        Gate.parse("failrate<=1%").holds(comparison())


def test_how_far_seeds_are_from_breaking_is_compared_where_both_campaigns_keep_it(tmp_path):
    one, other = (specimen.build(tmp_path, name=name) for name in ("one", "other"))
    many = [SeedRef(f"{at}.png", f"d{at}") for at in range(12)]

    def keep(workdir, least, **more):
        operators = [OperatorStrengths("image.blur", "blur", [least] * 12)]
        values = {"levels": 4, "evaluations": 1, "oracles": ["label"], **more}
        workdir.robustness.write_bytes(
            dumps(Robustness(target=workdir.name, digest="x", seeds=many, operators=operators, **values))
        )

    assert compare_campaigns(one, other).robustness is None
    assert compare_campaigns(one, other).problems == ()
    keep(one, None)
    assert "--name other" in dict(compare_campaigns(one, other).problems)["robustness"]
    keep(other, 0.25)
    pair = compare_campaigns(one, other).robustness
    assert (pair.names, pair.whole.worse) == (("one", "other"), 12)
    keep(other, 0.25, levels=8)
    assert "levels" in dict(compare_campaigns(one, other).problems)["robustness"]
    other.robustness.write_bytes(b"{")
    assert any("robustness.json" in text for _, text in compare_campaigns(one, other).problems)
