"""`--preset`: what it sets, what goes before it, and that a campaign goes on with the one it was begun with."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mlfuzz.campaign.presets import PRESETS, guidance_hash
from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import plan
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.config.frozen import facts_of
from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.storage.journal import Journal


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "mlfuzz.toml").write_text('[targets.digits]\nuse = "zoo:digits"\nlimits = { steps = 3 }\n')
    return Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))


@pytest.mark.parametrize("preset", PRESETS.names())
def test_a_preset_reaches_the_worker(context: Context, preset: str) -> None:
    spec = plan(context, "digits", {"preset": preset}).request.spec
    assert spec.preset == preset
    for name, value in PRESETS.get(preset).fuzz.items():
        assert getattr(spec, name) == value
    assert spec.limits == {**PRESETS.get(preset).limits, "steps": 3}


def test_a_flag_goes_before_the_preset_and_each_says_where_it_comes_from(context: Context) -> None:
    planned = plan(context, "digits", {"preset": "deephunter", "coverage": "nbc"})
    origins = planned.resolved.origins
    assert planned.request.spec.coverage == {"name": "nbc"}
    assert (origins["fuzz.scheduler"], origins["fuzz.coverage"]) == ("preset", "--coverage")
    assert (origins["fuzz.preset"], origins["fuzz.cap"]) == ("--preset", "default")


def test_the_default_preset_leaves_all_origins_alone(context: Context) -> None:
    assert plan(context, "digits", {}).resolved.origins["fuzz.scheduler"] == "default"


def test_a_wrong_preset_is_answered_with_the_nearest(context: Context) -> None:
    with pytest.raises(UnknownNameError, match="tensorfuzz"):
        plan(context, "digits", {"preset": "tensorfuz"})


def test_a_campaign_goes_on_with_its_preset_and_refuses_another(context: Context) -> None:
    begun = plan(context, "digits", {"preset": "greedy"})
    begun.freeze()
    with Journal(begun.workdir, begun.workdir.new_life()) as journal:
        journal.append(b"{}")
    again = plan(context, "digits", {})
    assert again.request.spec == begun.request.spec
    with pytest.raises(ConfigError, match="preset"):
        plan(context, "digits", {"preset": "walk"})


def test_the_hash_of_the_guidance_is_frozen_beside_the_configuration(context: Context) -> None:
    planned = plan(context, "digits", {"preset": "walk"})
    planned.freeze()
    facts = facts_of(planned.workdir.config.read_text())
    assert facts["guidance"] == guidance_hash(planned.request.spec)


@pytest.mark.parametrize("kind", ["presets", "coverage", "oracles", "schedulers"])
def test_every_part_is_listed_with_its_source(command, kind: str) -> None:  # type: ignore[no-untyped-def]
    ran = command("--json", "list", kind)
    rows = json.loads(ran.out)
    assert ran.code == 0
    assert len(rows) > 5
    assert all(row["source"] and "Raises" not in row["source"] for row in rows)
    assert any("2018" in row["source"] for row in rows) or kind == "schedulers"
