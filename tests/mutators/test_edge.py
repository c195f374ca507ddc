"""Inputs with nothing in them: reached by default, and judged by what holds without the seed's label."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.batch import from_payloads
from mlfuzz.campaign.setup.operators import plan_for
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.mutators.base import MUTATORS, defaults, select
from mlfuzz.mutators.limits.limits import EDGE, DistanceLedger, Limits
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.testing.rows import example_rows

MODALITIES = {
    "image": mlfuzz.Image(size=(6, 5), channels=3), "audio": mlfuzz.Audio(sample_rate_hz=8000, seconds=0.01),
    "text": mlfuzz.Text(max_chars=50),
}  # fmt: skip


@pytest.mark.parametrize("name", MODALITIES)
def test_each_modality_has_a_group_of_edge_cases_that_the_default_includes(name):
    group = select(name, [f"kind:{EDGE}"])
    assert [part.name for part in group] == [f"{name}.blank"]
    assert {part.name for part in group} <= {part.name for part in defaults(name)}
    assert {part.effect for part in group} == {"destroying"}


@pytest.mark.parametrize("name", MODALITIES)
def test_nothing_is_left_of_an_input(name):
    part, rows = MUTATORS.get(f"{name}.blank"), example_rows(MODALITIES[name], 8)
    (param,) = part.space.values()
    (column,) = part.space
    for value in param.values:
        seen = part.apply(rows, {column: np.asarray([value] * 8)})
        for payload in (seen.payload(row) for row in range(8)):
            assert len(set(payload.strip("\ufeff\u200b").split())) == 0 if isinstance(payload, str) else (
                len(np.unique(payload[..., 1:])) == 1
            )  # fmt: skip


@pytest.mark.parametrize("name", MODALITIES)
def test_it_is_dealt_a_small_share(name):
    modality = MODALITIES[name]
    target = mlfuzz.CallableTarget("any", modality, lambda x, *_: torch.zeros(len(x), 2), labels=("a", "b"))
    rows = example_rows(modality, 64)
    plan = plan_for(target, WorkerSpec(target="", batch=64, deal={"name": "cost"}), rows, 1e-3, 64)
    rng = np.random.Generator(np.random.Philox(key=0))
    dealt = [(part.name, stop - start) for _ in range(400) for part, start, stop in plan.cut(64, rng)]
    assert 0.004 <= sum(count for name_, count in dealt if name_ == f"{name}.blank") / (400 * 64) <= 0.03


@pytest.mark.parametrize("name", MODALITIES)
def test_the_label_is_known_to_be_gone(name):
    part, rows = MUTATORS.get(f"{name}.blank"), example_rows(MODALITIES[name], 8)
    plan = Plan([part], [1.0], DistanceLedger(Limits(), [part]))
    rng = np.random.Generator(np.random.Philox(key=0))
    made = plan.mutate(rows, np.zeros((8, plan.ledger.width), np.float32), np.ones(8, np.bool_), rng)
    assert not made.invariant.any()
    assert not made.dropped.any()


def test_loads_of_campaigns_from_before_there_were_edge_cases_still_fit():
    before = [part for part in defaults("image") if part.kind != EDGE]
    assert DistanceLedger(Limits(), before).columns == DistanceLedger(Limits(), defaults("image")).columns


def test_an_edge_case_takes_half_of_the_total_and_stands_alone_or_after_little():
    ledger, part = DistanceLedger(Limits(), defaults("image")), MUTATORS.get("image.blank")
    loads = np.zeros((2, ledger.width), np.float32)
    loads[1, ledger.columns.index("total")] = 1.8
    allowed = ledger.allow(part, {"tone": np.asarray(["black"] * 2)}, loads)
    assert allowed.dropped.tolist() == [False, True]
    assert allowed.loads[0, ledger.columns.index("total")] == 1.0


def test_a_blank_text_reaches_the_target_as_it_is():
    rows = from_payloads(["two words"] * 2, MODALITIES["text"], torch.device("cpu"))
    seen = MUTATORS.get("text.blank").apply(rows, {"content": np.asarray(["", " "])})
    assert seen.payloads(np.arange(2)) == ["", " "]
