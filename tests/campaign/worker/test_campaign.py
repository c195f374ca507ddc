"""Campaigns on live objects: seeds of several sizes, float grids, black boxes, budgets, allowances."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from torch import Tensor, nn

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import CampaignBusyError, ConfigError, SeedError, TargetError
from mlfuzz.examples import digits


def pooled(channels: int, outputs: int) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(8, outputs)).eval()


def write(folder: Path, sizes: list[tuple[int, int]], mode: str = "RGB") -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, (width, height) in enumerate(sizes):
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Picture.fromarray(coarse).convert(mode).resize((width, height)).save(folder / f"{number}.png")
    return folder


@pytest.mark.slow
def test_seeds_of_several_sizes_are_fuzzed_in_batches_of_one_size(tmp_path: Path) -> None:
    seen: set[tuple[int, ...]] = set()

    def note(images: Tensor) -> Tensor:
        seen.add(tuple(images.shape[2:]))
        return images

    seeds = write(tmp_path / "seeds", [(16, 12), (20, 20), (16, 12), (9, 30)])
    target = mlfuzz.ModuleTarget("any", mlfuzz.Image(size=None, channels=3), pooled(3, 4), preprocess=note)
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32) as campaign:
        result = campaign.run(Budget(inputs=600, seconds=30))
        shapes = {np.shape(campaign.pool.gather(np.asarray([row])).data)[2:] for row in range(len(campaign.corpus))}
    assert seen == {(12, 16), (20, 20), (30, 9)}
    assert shapes == seen
    assert result.stats.inputs >= 600
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32) as again:
        assert again.run(Budget(inputs=200, seconds=30)).stats.inputs >= result.stats.inputs + 200


def test_the_float_grid_stores_what_ran(tmp_path: Path) -> None:
    modality = mlfuzz.Image(size=(8, 8), grid="float32", range=(-1.0, 1.0))
    seeds = write(tmp_path / "seeds", [(8, 8)] * 3, mode="L")
    target = mlfuzz.ModuleTarget("floats", modality, pooled(1, 3))
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32, limits={"linf": 0.2}) as campaign:
        campaign.run(Budget(inputs=800, seconds=30))
        corpus, pool = campaign.corpus, campaign.pool
        rows = pool.gather(np.arange(len(corpus)))
        roots = pool.gather(corpus.seeds)
    assert float((rows.data - roots.data).abs().max()) <= 0.2 + 1e-6  # type: ignore[attr-defined]
    assert len(corpus) > 3


@pytest.mark.slow
def test_a_regression_is_judged_by_its_tolerance(tmp_path: Path) -> None:
    seeds = write(tmp_path / "seeds", [(8, 8)] * 4, mode="L")
    target = mlfuzz.ModuleTarget("angle", mlfuzz.Image(size=(8, 8)), pooled(1, 1))
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32) as campaign:
        result = campaign.run(Budget(inputs=600, seconds=30))
    assert [oracle["name"] for oracle in result.stats.setup["oracles"]] == ["nonfinite", "tolerance"]
    assert result.stats.nearest is not None


@pytest.mark.slow
def test_a_black_box_is_covered_by_its_outputs(tmp_path: Path) -> None:
    def darkest(images: Tensor) -> Tensor:
        means = images.flatten(1).mean(1)
        return torch.stack([means, 1 - means], 1)

    seeds = write(tmp_path / "seeds", [(8, 8)] * 4, mode="L")
    target = mlfuzz.CallableTarget("box", mlfuzz.Image(size=(8, 8)), darkest, labels=("light", "dark"))
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32) as campaign:
        result = campaign.run(Budget(inputs=1_000, seconds=30))
    assert result.stats.entries > 4
    assert result.findings


@pytest.mark.parametrize("scheduler", ["random", "uniform", "recency", "margin", "mixed"])
@pytest.mark.parametrize("coverage", ["novelty", "nc"])
def test_every_scheduler_runs_with_either_kind_of_criterion(scheduler: str, coverage: str, tmp_path: Path) -> None:
    seeds = write(tmp_path / "seeds", [(8, 8)] * 3, mode="L")
    target = mlfuzz.ModuleTarget("t", mlfuzz.Image(size=(8, 8)), pooled(1, 3))
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32, scheduler=scheduler, coverage=coverage) as one:
        stats = one.run(Budget(inputs=200, seconds=30)).stats
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32, scheduler=scheduler, coverage=coverage) as two:
        again = two.run(Budget(inputs=200, seconds=30)).stats
    assert (stats.inputs, again.inputs) == (200, 400)
    assert again.entries >= stats.entries


@pytest.mark.slow
def test_a_campaign_stops_at_its_findings_and_at_its_disk(tmp_path: Path) -> None:
    seeds = write(tmp_path / "seeds", [(8, 8)] * 4, mode="L")

    def flips(images: Tensor) -> Tensor:
        means = images.flatten(1).mean(1) - images.flatten(1).mean(1).round(decimals=1)
        return torch.stack([means, -means], 1)

    target = mlfuzz.CallableTarget("flips", mlfuzz.Image(size=(8, 8)), flips, labels=("a", "b"))
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32) as campaign:
        assert "findings" in campaign.run(Budget(findings=2, seconds=30)).reason
    with Campaign.open(tmp_path / "d", target, seeds=seeds, batch=32, max_disk=1 << 20) as campaign:
        assert "1 MiB of disk" in campaign.run(Budget(seconds=30)).reason


def test_a_model_of_fewer_outputs_than_labels_is_named_as_such(tmp_path: Path) -> None:
    write(tmp_path / "seeds", [(8, 8)], "L").rename(tmp_path / "4")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "4").rename(tmp_path / "seeds" / "4")
    target = mlfuzz.ModuleTarget("t", mlfuzz.Image(size=(8, 8)), pooled(1, 3), labels="01234")
    with pytest.raises(TargetError, match="outputs 3 an input, but the target names 5 labels"):
        Campaign.open(tmp_path / "c", target, seeds=tmp_path / "seeds")


def test_what_is_asked_wrongly_is_answered_at_once(tmp_path: Path) -> None:
    target = mlfuzz.ModuleTarget("t", mlfuzz.Image(size=(8, 8)), pooled(1, 3))
    with pytest.raises(ConfigError, match="scheduler"):
        Campaign.open(tmp_path / "c", target, schedular="random")
    with pytest.raises(SeedError, match="no seeds"):
        Campaign.open(tmp_path / "c", target)
    seeds = write(tmp_path / "seeds", [(8, 8)] * 3, mode="L")
    with Campaign.open(tmp_path / "d", target, seeds=seeds, batch=8), pytest.raises(CampaignBusyError):
        Campaign.open(tmp_path / "d", target, seeds=seeds, batch=8)


@pytest.mark.slow
def test_a_target_that_raises_often_is_judged_in_smaller_batches(tmp_path: Path) -> None:
    def brittle(images: Tensor) -> Tensor:
        odd = (images[:, 0, 0, 0] * 255).round() % 16 == 3
        if bool(odd.any()):
            raise ValueError("an odd corner")
        means = images.flatten(1).mean(1)
        return torch.stack([means, 1 - means], 1)

    seeds = write(tmp_path / "seeds", [(8, 8)] * 6, mode="L")
    target = mlfuzz.CallableTarget("brittle", mlfuzz.Image(size=(8, 8)), brittle, labels=("light", "dark"))
    with Campaign.open(tmp_path / "c", target, seeds=seeds, batch=512) as campaign:
        result = campaign.run(Budget(inputs=6_000, seconds=30))
        sizes = [len(campaign.loop.launch().picked) for _ in range(2)]
    assert {one.kind for one in result.findings} >= {"exception"}
    assert max(sizes) < 512


def test_a_campaign_computes_on_its_own_threads_and_gives_them_back(tmp_path: Path) -> None:
    seen: set[int] = set()

    def note(images: Tensor) -> Tensor:
        seen.add(torch.get_num_threads())
        return images

    seeds = write(tmp_path / "seeds", [(8, 8)] * 3, mode="L")
    target = mlfuzz.ModuleTarget("threads", mlfuzz.Image(size=(8, 8)), pooled(1, 3), preprocess=note)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for threads in (None, 2):
            seen.clear()
            given = {} if threads is None else {"threads": threads}
            with Campaign.open(tmp_path / str(threads), target, seeds=seeds, batch=16, **given) as campaign:  # type: ignore[arg-type]
                assert torch.get_num_threads() == 3
                campaign.run(Budget(inputs=64), triage_here=False)
            assert seen == {threads or 1}
            assert torch.get_num_threads() == 3
        with pytest.raises(ConfigError):
            Campaign.open(tmp_path / "none", target, seeds=tmp_path / "nothing")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_no_threads_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    target = mlfuzz.ModuleTarget("none", mlfuzz.Image(size=(8, 8)), pooled(1, 3))
    with pytest.raises(ConfigError, match="threads must be 1 or more, not 0"):
        Campaign.open(tmp_path / "c", target, seeds=write(tmp_path / "seeds", [(8, 8)] * 3), threads=0)
    assert not (tmp_path / "c").exists()


def test_without_a_time_triage_is_bounded_by_what_fuzzing_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr(Campaign, "_triage", lambda _, until: given.append(until - time.monotonic()))
    target = mlfuzz.ModuleTarget("bounded", mlfuzz.Image(size=(8, 8)), pooled(1, 3))
    with Campaign.open(tmp_path / "c", target, seeds=write(tmp_path / "seeds", [(8, 8)] * 3), batch=16) as campaign:
        campaign.run(Budget(inputs=64))
        monkeypatch.setattr("mlfuzz.campaign.worker.campaign.LEAST_TRIAGE_SECONDS", 0.001)
        began = time.monotonic()
        campaign.run(Budget(inputs=64))
        took = time.monotonic() - began
    assert 5.0 < given[0] <= 10.0
    assert 0.0 < given[1] <= took / 4


def test_what_a_run_leaves_is_shown_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlfuzz.campaign.worker.campaign.LEAST_TRIAGE_SECONDS", 0.1)
    with Campaign.open(tmp_path / "c", digits.fragile(), batch=64) as campaign:
        result = campaign.run(Budget(inputs=256))
    verdicts = [finding.verdict for finding in result.findings]
    each = ", ".join(f"{verdicts.count(name)} {name}" for name in ("candidate", "confirmed", "flaky"))
    assert result.findings
    assert repr(result) == f"<Result: 256 inputs, {len(result.faults)} faults; findings: {each}; {result.reason}>"
