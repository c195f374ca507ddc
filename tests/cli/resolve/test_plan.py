"""From what was typed to what is run."""

from __future__ import annotations

import io

import pytest

from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import budget_of, plan
from mlfuzz.cli.resolve.targets import campaign_name, find_target
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.config import TargetConfig
from mlfuzz.errors import ConfigError, UnknownNameError, UsageError
from mlfuzz.storage.journal import Journal

PROJECT = """
[targets.digits]
use = "zoo:digits"
seeds = "data/seeds"
mutators = { include = ["image.*"], exclude = ["image.invert"] }
limits = { rotation = 15 }

[fuzz]
time = "5m"
scheduler = "uniform"
"""


@pytest.fixture
def context(tmp_path):
    (tmp_path / "mlfuzz.toml").write_text(PROJECT)
    (tmp_path / "deep").mkdir()
    out, err = io.StringIO(), io.StringIO()
    return Context(tmp_path / "deep", Terminal(out=out, err=err), seed=3)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("MLFUZZ_")]:
        monkeypatch.delenv(name)


def begin(planned):
    """What a campaign leaves that got as far as its first entry."""
    planned.freeze()
    with Journal(planned.workdir, planned.workdir.new_life()) as journal:
        journal.append(b"{}")


def test_a_configured_target_becomes_a_workers_specification(context, tmp_path):
    planned = plan(context, "digits", {"batch": "64", "max_findings": None})
    spec = planned.request.spec
    assert (spec.target, spec.name, spec.directory) == ("zoo:digits", "digits", str(tmp_path))
    assert spec.seeds == str(tmp_path / "data/seeds")
    assert (spec.mutators, spec.exclude, spec.limits) == (["image.*"], ["image.invert"], {"rotation": 15})
    assert (spec.scheduler, spec.batch, spec.seed) == ({"name": "uniform"}, 64, 3)
    assert planned.request.budget.total_seconds == 300
    assert planned.workdir.root == tmp_path / ".mlfuzz" / "digits"


def test_seeds_on_the_command_line_start_where_the_command_does(context, tmp_path):
    spec = plan(context, "digits", {}, of_target={"seeds": "mine"}).request.spec
    assert spec.seeds == str(tmp_path / "deep" / "mine")


def test_a_limit_on_inputs_lifts_the_default_time_but_not_one_that_was_set(tmp_path, context):
    assert plan(context, "digits", {"inputs": "10k"}).request.budget.total_seconds == 300
    plain = Context(tmp_path.parent, context.terminal)
    budget = plan(plain, "zoo:digits", {"inputs": "10k"}).request.budget
    assert (budget.total_seconds, budget.inputs) == (None, 10_000)


def test_a_condition_lifts_the_default_time_of_a_models_campaign_and_none_of_code(tmp_path, context):
    plain = Context(tmp_path.parent, context.terminal)
    planned = plan(plain, "zoo:digits", {"until": "p-new<1e-3"})
    budget = planned.request.budget
    assert (budget.total_seconds, budget.new_faults) == (None, 1e-3)
    of_code = budget_of(planned.resolved, code=True)
    assert (of_code.total_seconds, of_code.new_faults) == (600, None)


def test_the_default_time_is_no_limit_of_a_campaign_that_goes_on_either(tmp_path, context):
    (folder := tmp_path.with_name(f"{tmp_path.name}-plain")).mkdir()
    plain = Context(folder, context.terminal)
    begin(plan(plain, "zoo:digits", {}))
    assert plan(plain, "zoo:digits", {}).request.budget.total_seconds == 600
    assert plan(plain, "zoo:digits", {"inputs": "1"}).request.budget.total_seconds is None
    assert plan(plain, "zoo:digits", {"inputs": "1", "time": "10m"}).request.budget.total_seconds == 600


def test_what_a_campaign_was_begun_with_holds_when_it_is_resumed(context, tmp_path):
    begin(plan(context, "digits", {"scheduler": "recency", "time": "30s"}))
    with pytest.raises(ConfigError, match=r"begun otherwise .*fuzz\.scheduler.*--adopt"):
        plan(context, "digits", {"scheduler": "margin"})
    again = plan(context, "digits", {"time": "1m"})
    assert again.request.spec.scheduler == {"name": "recency"}
    assert again.request.budget.total_seconds == 60
    adopted = plan(context, "digits", {}, adopt=True)
    assert adopted.request.spec.scheduler == {"name": "uniform"}


def test_a_campaign_is_gone_on_with_by_its_name_alone(context):
    begin(plan(context, "digits:fragile", {"scheduler": "recency"}, name="first"))
    again = plan(context, "", {}, name="first")
    assert (again.typed, again.request.spec.scheduler) == ("digits:fragile", {"name": "recency"})
    with pytest.raises(UsageError, match="which target"):
        plan(context, "", {})


def test_a_slip_that_kept_a_campaign_from_beginning_does_not_bind_the_next_command(context):
    mistyped = plan(context, "digits", {"scheduler": "unifrm"}, of_target={"mutators": {"include": ["image.rotat"]}})
    mistyped.freeze()
    mistyped.workdir.new_life()
    mended = plan(context, "digits", {"scheduler": "margin"}).request.spec
    assert (mended.scheduler, mended.mutators) == ({"name": "margin"}, ["image.*"])


def test_a_project_file_that_changed_since_is_said(context, tmp_path):
    begin(plan(context, "digits", {}))
    (tmp_path / "mlfuzz.toml").write_text(PROJECT.replace("uniform", "recency"))
    assert plan(context, "digits", {}).request.spec.scheduler == {"name": "uniform"}
    text = context.terminal._error.file.getvalue()
    assert "mlfuzz.toml now has fuzz.scheduler" in text
    assert "--adopt" in text


def test_a_target_is_configured_shipped_or_spelt_out():
    targets = {"mine": TargetConfig(use="zoo:mine"), "empty": TargetConfig()}
    assert find_target(targets, "mine")[1].use == "zoo:mine"
    assert find_target(targets, "digits:fragile")[1].use == "mlfuzz.examples.digits:fragile"
    assert find_target(targets, "a.b:c")[1].use == "a.b:c"
    with pytest.raises(UsageError, match="use ="):
        find_target(targets, "empty")
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        find_target(targets, "mien")


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("digits", "digits"),
        ("digits:fragile", "digits-fragile"),
        ("zoo.models.vgg:make", "vgg-make"),
        ("../../etc:x", "etc-x"),
        (":", "campaign"),
    ],
)
def test_a_campaign_is_named_for_its_target_and_stays_in_its_folder(target, name):
    assert campaign_name(target) == name


def test_workers_of_the_file_are_started_unless_a_flag_says_otherwise(context, tmp_path):
    (tmp_path / "mlfuzz.toml").write_text(PROJECT + "workers = 2\n")
    assert plan(context, "digits", {}).request.workers == 2
    assert plan(context, "digits", {"workers": "3"}).request.workers == 3


def test_a_bad_value_names_the_flag_it_came_from(context):
    with pytest.raises(ConfigError, match=r"command line: fuzz\.batch"):
        plan(context, "digits", {"batch": "many"})
