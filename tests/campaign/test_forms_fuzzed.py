"""A campaign that compares two forms of a model, and one that looks for sponges: found, confirmed alone, replayed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.campaign.confirm.confirm import confirm
from mlfuzz.campaign.minimize.pipeline import payloads
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.campaign.worker.result import Result
from mlfuzz.errors import ConfigError
from mlfuzz.examples.digits import robust
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.modality.image import Image
from mlfuzz.replay import Case, replay
from mlfuzz.testing.puzzles import LABELS, SIZE, Planted, puzzle_seeds

BRIGHT = 0.68
"""Mean of a picture, above which `Sponge` works on: seeds have about 0.6."""


class Sponge(Planted):
    """Works on bright pictures again and again, and keeps what it made."""

    def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
        kept = []
        for mean in pictures.flatten(1).mean(1).tolist():
            if mean > BRIGHT:
                state = torch.full((100, 100), 0.01)
                for _ in range(80):  # a millisecond and more on any machine: half of one is what latency lets pass
                    state = torch.tanh(state @ state)
                    kept.append(state)
        return scores


def planted(model: nn.Module) -> mlfuzz.ModuleTarget:
    return mlfuzz.ModuleTarget("planted", Image(size=SIZE), model, labels=LABELS)


def fuzzed(folder: Path, target: mlfuzz.ModuleTarget, *, inputs: int, **options: object) -> Result:
    with Campaign.open(folder, target, **options) as campaign:  # type: ignore[arg-type]
        return campaign.run(Budget(inputs=inputs, seconds=60))


@pytest.mark.slow
@pytest.mark.turns(2)
@pytest.mark.parametrize("variant", ["int8", "bf16"])
def test_a_disagreement_is_found_confirmed_alone_and_replayed_in_a_fresh_process(tmp_path: Path, variant: str) -> None:
    result = fuzzed(tmp_path / "c", robust(), inputs=4_000, oracles=[f"differ:{variant}"], batch=128, max_seeds=40)
    confirmed = [one for one in result.findings if one.verdict == "confirmed"]
    assert confirmed
    for one in confirmed:
        assert one.kind == f"differ:{variant}"
        assert one.evidence["variant"] == variant
        assert set(one.evidence["leads"]) == {"main", variant}
        assert one.margin is not None
        assert one.floor is not None
        assert one.margin > one.floor
        assert one.expected != one.observed
    best = confirmed[0]
    path = tmp_path / "c" / "findings" / best.id
    twin = "mlfuzz.examples.digits:robust"
    (again,) = replay([Case(best, path)], directory=tmp_path, target=twin)
    assert (again.state, again.failed) == ("fails", 3)


@pytest.mark.slow
@pytest.mark.turns(2)
def test_a_disagreement_below_the_noise_is_counted_and_never_saved(tmp_path: Path) -> None:
    """A variant that adds a tenth of what a floor asks for: on ties it says otherwise, and that means nothing."""

    class Nudged(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            scores: Tensor = self.inner(x)
            return scores + torch.linspace(0.0, 1e-4, scores.shape[1])

    class Tied(Planted):
        """Two scores differ by less than the nudge, whichever the picture."""

        def plant(self, pictures: Tensor, scores: Tensor) -> Tensor:
            other = scores.clone()
            other[:, 1] = scores[:, 0] - 2e-5 * (1.0 + pictures[:, 0, 0, 0])
            return other

    puzzle_seeds(tmp_path / "seeds")
    model = Tied()
    target = mlfuzz.ModuleTarget(
        "tied", Image(size=SIZE), model, labels=LABELS, variants={"nudged": Nudged(model)}, seeds=tmp_path / "seeds"
    )
    result = fuzzed(tmp_path / "c", target, inputs=1_000, oracles=["differ:nudged"], batch=128)
    assert result.stats.failing > 500
    assert not result.findings


@pytest.mark.slow
@pytest.mark.turns(2)
@pytest.mark.parametrize("oracle", ["latency", "memory", "length:of=operations"])
def test_a_sponge_is_found_and_an_innocent_model_is_not(tmp_path: Path, oracle: str) -> None:
    puzzle_seeds(tmp_path / "seeds")
    options = {"oracles": [oracle], "seeds": tmp_path / "seeds", "batch": 64}
    result = fuzzed(tmp_path / "sponge", planted(Sponge()), inputs=800, **options)
    confirmed = [one for one in result.findings if one.verdict == "confirmed"]
    assert confirmed
    assert all(one.evidence["times"] > 2.0 for one in confirmed)
    innocent = fuzzed(tmp_path / "innocent", planted(Planted()), inputs=800, **options)
    assert not [one for one in innocent.findings if one.verdict == "confirmed"]


@pytest.mark.slow
@pytest.mark.turns(2)
def test_a_slow_input_is_measured_in_turn_with_its_seed_each_time_it_is_confirmed(tmp_path: Path) -> None:
    puzzle_seeds(tmp_path / "seeds")
    with Campaign.open(
        tmp_path / "c", planted(Sponge()), seeds=tmp_path / "seeds", oracles=["latency"], batch=64
    ) as campaign:
        campaign.run(Budget(inputs=800, seconds=60))
        store = campaign.findings
    finding = next(one for one in store.records() if one.verdict == "confirmed")
    payload, seed = payloads(store, finding)
    slow, quick = (confirm(planted(model), finding, payload, seed) for model in (Sponge(), Planted()))
    assert (slow.failed, quick.failed) == (3, 0)
    assert slow.same_value is None, "times never come back exactly"


@pytest.mark.slow
@pytest.mark.turns(2)
def test_the_default_oracles_stand_beside_one_that_is_named(tmp_path: Path) -> None:
    with Campaign.open(
        tmp_path / "c", robust(), oracles=["default", "differ:bf16"], batch=32, max_seeds=10
    ) as campaign:
        assert [oracle.name for oracle in campaign.loop.parts.oracles] == ["nonfinite", "label", "differ:bf16"]
        main, other = campaign.calibration.floor, campaign.calibration.floor.of("bf16")
        assert other.apart > 0 == main.apart
    with Campaign.open(tmp_path / "c", robust(), oracles=["default", "differ:bf16"], batch=32, max_seeds=10) as again:
        assert again.calibration.floor.of("bf16") == other, "measured once, read afterwards"


@pytest.mark.slow
@pytest.mark.turns(2)
def test_one_oracle_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="asked for twice"):
        Campaign.open(tmp_path / "c", robust(), oracles=["differ:bf16", "differ:bf16"], batch=32, max_seeds=10)


def test_a_record_rebuilds_its_variant_wherever_it_is_run(tmp_path: Path) -> None:
    """Of a finding written by hand: the target alone is handed over, without any variant."""
    target = robust()
    assert target.seeds is not None
    picture = sorted(Path(target.seeds).rglob("*.png"))[0]
    payload = target.modality.decode(picture.read_bytes(), suffix=".png")
    finding = Finding(
        id="f", side="model", kind="differ:bf16", target="digits:robust", input=FileRef("input.png", ""),
        modality={"name": "image", **target.modality.describe()}, key="differ:bf16|0", floor=0.0,
        oracle={"name": "differ:bf16", "part": "differ", "of": "bf16", "by": "label"},
    )  # fmt: skip
    result = confirm(target, finding, payload, None)
    assert result.failed == 0
    assert result.margin is not None
    assert result.margin < 0
