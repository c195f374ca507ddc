"""Configuration: where values come from, what is refused, and what a campaign keeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlfuzz.config import Config, FuzzConfig, Selection, TargetConfig, facts_of, find, freeze, resolve, thaw
from mlfuzz.config.frozen import dump
from mlfuzz.config.resolve import variables
from mlfuzz.config.schema import leaves_of, meaning
from mlfuzz.errors import EXIT_USAGE, ConfigError

PROJECT = """
[tool.mlfuzz]
state-dir = "runs"
seed = 7

[tool.mlfuzz.targets.my_digits]
use = "zoo:digits"
seeds = "seeds"
oracles = ["label", { name = "bound", max-change = 0.5 }]
mutators = ["image.*"]
limits = { rotation = 15 }

[tool.mlfuzz.fuzz]
time = "2m"
max-findings = "1k"
coverage = { name = "novelty", radius = 0.3 }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "deep" / "below").mkdir(parents=True)
    return tmp_path


def test_the_project_file_is_found_from_below(project):
    found = resolve(project / "deep" / "below", environment={})
    assert found.root == project
    assert found.state_dir == project / "runs"
    assert found.config.fuzz.time == 120.0
    assert found.config.fuzz.max_findings == 1000
    assert found.config.targets["my_digits"] == TargetConfig(
        use="zoo:digits",
        seeds="seeds",
        oracles=({"name": "label"}, {"name": "bound", "max_change": 0.5}),
        mutators=Selection(include=("image.*",)),
        limits={"rotation": 15},
    )


def test_a_project_of_its_own_file_has_the_same_keys(tmp_path):
    (tmp_path / "mlfuzz.toml").write_text("[fuzz]\ntime = '1h30m'\nmax_findings = 3\n")
    found = resolve(tmp_path, environment={})
    assert (found.config.fuzz.time, found.config.fuzz.max_findings) == (5400.0, 3)


def test_a_folder_without_a_file_has_the_defaults(tmp_path):
    found = resolve(tmp_path, environment={})
    assert found.config == Config()
    assert found.root == tmp_path
    assert set(found.origins.values()) == {"default"}


def test_a_pyproject_without_our_table_is_passed_over(project):
    (project / "deep" / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool]\n")
    assert find(project / "deep").path == project / "pyproject.toml"  # type: ignore[union-attr]


def test_two_files_in_one_folder_are_refused(project):
    (project / "mlfuzz.toml").write_text("seed = 1\n")
    with pytest.raises(ConfigError, match="keep one"):
        find(project)


def test_a_flag_beats_the_environment_the_frozen_file_the_project_and_the_default(project):
    frozen = freeze(Config(fuzz=FuzzConfig(time=180.0, cap=5, device="cuda", workers=4)))
    variables = {"MLFUZZ_FUZZ_TIME": "4m", "MLFUZZ_FUZZ_WORKERS": "3"}
    found = resolve(project, flags={"fuzz": {"time": "5m"}}, environment=variables, frozen=frozen)
    assert (found.config.fuzz.time, found.origins["fuzz.time"]) == (300.0, "--time")
    assert (found.config.fuzz.workers, found.origins["fuzz.workers"]) == (3, "MLFUZZ_FUZZ_WORKERS")
    assert (found.config.fuzz.cap, found.origins["fuzz.cap"]) == (5, "campaign.toml")
    assert resolve(project, environment={}).origins["fuzz.time"] == "pyproject.toml"
    assert resolve(project, environment={}).origins["fuzz.cap"] == "default"


def test_a_value_the_campaign_was_not_started_with_is_a_conflict_unless_it_is_about_spending(project):
    frozen = freeze(Config(fuzz=FuzzConfig(scheduler={"name": "uniform"})))
    flags = {"fuzz": {"time": "9m", "scheduler": "recency"}}
    found = resolve(project, flags=flags, environment={}, frozen=frozen)
    asked = {conflict.key: (conflict.origin, conflict.deliberate) for conflict in found.conflicts}
    assert asked == {
        "seed": ("pyproject.toml", False),
        "fuzz.coverage": ("pyproject.toml", False),
        "fuzz.scheduler": ("--scheduler", True),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.mlfuzz.fuzz]\nmax-finding = 3", r"pyproject\.toml: unknown key 'fuzz\.max-finding'.*'max-findings'"),
        ("[tool.mlfuzz]\nfuzzz = {}", "unknown key 'fuzzz'.*'fuzz'"),
        ("[tool.mlfuzz.targets.my_x]\nused = 'a:b'", r"unknown key 'targets\.my_x\.used'.*'use'"),
        ("[tool.mlfuzz.fuzz]\ntime = 'soon'", r"fuzz\.time: 'soon' is no duration"),
        ("[tool.mlfuzz.fuzz]\ntime = -1", r"fuzz\.time: .*> 0"),
        ("[tool.mlfuzz.fuzz]\nworkers = 1.5", r"fuzz\.workers: Expected `int`"),
        ("[tool.mlfuzz.fuzz]\nworkers = 0", r"fuzz\.workers: .*>= 1"),
        ("[tool.mlfuzz.fuzz]\nfail-on = 'all'", r"fuzz\.fail-on: Invalid enum value 'all'"),
        ("[tool.mlfuzz.fuzz]\ncoverage = { radius = 1 }", r"fuzz\.coverage: .*needs its name"),
        ("[tool.mlfuzz]\nfuzz = 3", "fuzz is a table"),
        ("[tool.mlfuzz.targets]\nx = 'a:b'", r"targets\.x is a table"),
        ("[tool.mlfuzz\n", r"pyproject\.toml: .*line"),
    ],
)
def test_what_is_not_understood_is_refused_with_file_key_and_advice(tmp_path, text, says):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError, match=says) as refused:
        resolve(tmp_path, environment={})
    assert refused.value.exit_code == EXIT_USAGE


def test_a_misspelt_variable_is_refused_and_a_foreign_one_is_not(tmp_path):
    with pytest.raises(ConfigError, match=r"MLFUZZ_FUZZ_TIMES.*MLFUZZ_FUZZ_TIME"):
        resolve(tmp_path, environment={"MLFUZZ_FUZZ_TIMES": "1m"})
    assert resolve(tmp_path, environment={"MLFUZZ_TORCH_INDEX": "x"}).config == Config()


def test_the_environment_speaks_in_strings(tmp_path):
    environment = {
        "MLFUZZ_FUZZ_BATCH": "64",
        "MLFUZZ_PLUGINS": "one, two",
        "MLFUZZ_REGRESSION_STRICT": "true",
        "MLFUZZ_FUZZ_COVERAGE": "neuron",
        "MLFUZZ_FUZZ_TIME": "none",
    }
    config = resolve(tmp_path, environment=environment).config
    assert config.fuzz.batch == 64
    assert config.plugins == ("one", "two")
    assert config.regression.strict is True
    assert config.fuzz.coverage == {"name": "neuron"}
    assert config.fuzz.time is None


def test_a_part_has_its_arguments_on_one_line_too(tmp_path):
    environment = {"MLFUZZ_FUZZ_COVERAGE": "novelty:radius=0.3,features=logits,use-it=true"}
    config = resolve(tmp_path, environment=environment).config
    assert config.fuzz.coverage == {"name": "novelty", "radius": 0.3, "features": "logits", "use_it": True}
    with pytest.raises(ConfigError, match=r"radius.*no argument"):
        resolve(tmp_path, environment={"MLFUZZ_FUZZ_COVERAGE": "novelty:radius"})


def test_a_file_named_on_the_command_line_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        resolve(tmp_path, file=tmp_path / "none.toml", environment={})


def test_what_is_frozen_thaws_to_the_same(project):
    config = resolve(project, environment={}).config
    lifted = Config(fuzz=FuzzConfig(time=None, batch=12), targets={'a "b"\n.c': TargetConfig(use="x:y")})
    for one in (config, lifted, Config()):
        text = freeze(one, facts={"mlfuzz": "0.1.0", "digest": "ab"})
        assert thaw(text) == one
        assert facts_of(text) == {"mlfuzz": "0.1.0", "digest": "ab"}


def test_a_frozen_file_that_was_damaged_says_so():
    with pytest.raises(ConfigError, match=r"campaign\.toml"):
        thaw("seed = [")


@pytest.mark.parametrize("value", ["", 'é\u202e\x00\x7f"\\\n', -1, 0.1, 1e300, True, [1, "a"], {"a b": [{"c": 1.5}]}])
def test_values_survive_toml(value: Any):
    import tomllib

    assert tomllib.loads(dump({"key": value})) == {"key": value}


def test_every_setting_says_what_it_means():
    config = Config(targets={"x": TargetConfig()})
    assert [path for path in leaves_of(config) if not meaning(path)] == []


def test_every_variable_sets_one_leaf():
    assert variables()["MLFUZZ_FUZZ_MAX_FINDINGS"] == ("fuzz", "max_findings")
    assert not any("TARGETS" in name for name in variables())


@pytest.mark.parametrize("key", ["fail-on", "device", "coverage", "time", "workers"])
def test_a_value_that_is_no_utf8_is_refused_with_the_place_it_came_from(tmp_path, key):
    value = os.fsdecode(b"a\xff")
    with pytest.raises(ConfigError, match=rf"command line: fuzz\.{key}"):
        resolve(tmp_path, flags={"fuzz": {key: value}}, environment={})
    name = f"MLFUZZ_FUZZ_{key.upper().replace('-', '_')}"
    if name in variables():
        with pytest.raises(ConfigError, match=name):
            resolve(tmp_path, environment={name: value})
