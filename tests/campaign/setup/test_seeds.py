"""The seeds of a campaign: which are used, what is known of them, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import mlfuzz
from mlfuzz.campaign.isolation.flight_recorder import Recorder
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.campaign.setup.seeds import Seeds, by_shape, found_seeds, stored_seeds
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import SeedError, TargetError
from mlfuzz.modality import raw
from mlfuzz.oracles.base import ORACLES
from mlfuzz.schedulers.uniform import Random
from mlfuzz.storage.workdir import Workdir
from mlfuzz.testing.puzzles import puzzle_seeds, raise_when_flat, sound

IMAGE = mlfuzz.Image(size=(4, 4))


class Brightness(torch.nn.Module):
    """Class 1 where it is bright; NaN where it is white, an exception where it is black."""

    def forward(self, pictures: Tensor) -> Tensor:
        level = pictures.flatten(1).mean(1)
        if bool((level == 0).any()):
            raise ValueError("all black")
        level = torch.where(level == 1, torch.nan, level)
        return torch.stack([1 - level, level], 1)


def lamp(**options) -> mlfuzz.ModuleTarget:
    return mlfuzz.ModuleTarget("lamp", IMAGE, Brightness(), labels=("dark", "bright"), **options)


def write(folder: Path, levels: dict[str, int]) -> Path:
    for name, level in levels.items():
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE.encode(np.full((1, 4, 4), level, np.uint8)))
    return folder


LEVELS = {"bright/a": 220, "bright/b": 255, "bright/c": 30, "dark/d": 0, "dark/e": 40, "dark/f": 60}


class Campaign:
    """A directory, as a worker has it open."""

    def __init__(self, root: Path, target, seeds: Path) -> None:
        self.workdir = Workdir.create(root)
        self.life = self.workdir.new_life(0)
        self.target, self.spec = target, WorkerSpec(target="", seeds=str(seeds))
        self.corpus = Corpus.open(self.workdir, self.life, calibration="0" * 16)
        self.corpus.root()
        self.recorder = Recorder(self.workdir.flight(self.life))

    def seeds(self) -> Seeds:
        return Seeds.prepared(self.target, self.spec, self.workdir, self.corpus, self.recorder)

    def admit(self, seeds: Seeds) -> Random:
        scheduler = Random()
        pool = InputCache(self.target.modality, self.target.device, lambda row: raw.loads(self.corpus.payload(row)))
        features = np.zeros((len(seeds), 2), np.float32)
        seeds.admit(self.corpus, pool, scheduler, [ORACLES.get("label")()], features, width=3)
        self.corpus.sync()
        return scheduler

    def close(self) -> None:
        self.corpus.close()
        self.recorder.close()


@pytest.fixture
def campaign(tmp_path):
    made = Campaign(tmp_path / "c", lamp(), write(tmp_path / "seeds", LEVELS))
    yield made
    made.close()


def test_a_seed_that_fails_by_itself_is_left_out_and_said(campaign):
    seeds = campaign.seeds()
    assert seeds.names == ("bright/a.png", "dark/e.png", "dark/f.png")
    assert list(seeds.numbers) == [0, 4, 5], "numbers are those of all that were looked at"
    assert seeds.stats.failing == [
        ["bright/b.png", "finite numbers", "NaN or infinity"],
        ["bright/c.png", "bright", "dark"],
        ["dark/d.png", "an answer", "an exception"],
    ]
    assert (seeds.stats.usable, seeds.stats.labelled) == (3, 6)


def test_names_labels_files_and_answers_stand_in_one_order(campaign):
    seeds = campaign.seeds()
    assert seeds.label_names == ("bright", "dark", "dark")
    assert seeds.labels.tolist() == [1, 0, 0]
    assert [int(IMAGE.decode(data, suffix=".png")[0, 0, 0]) for data in seeds.files] == [220, 40, 60]
    levels = seeds.of(np.asarray([2, 0, 2])).main[:, 1]
    assert (levels * 255).round().tolist() == [60, 220, 60]


def test_seeds_become_the_first_entries_in_their_order(campaign):
    seeds = campaign.seeds()
    scheduler = campaign.admit(seeds)
    corpus = campaign.corpus
    assert [corpus.entry(row).name for row in range(3)] == list(seeds.names)
    assert [corpus.entry(row).loads for row in range(3)] == [[0.0] * 3] * 3
    assert corpus.seeds.tolist() == [0, 1, 2]
    assert scheduler.pick(4, np.random.default_rng(0)).tolist() == [0, 1, 2, 0]


def test_what_a_seed_is_by_itself_short_of_failing_is_its_own_margin(campaign):
    seeds = campaign.seeds()
    campaign.admit(seeds)
    margins = campaign.corpus.margins[:, 0]
    assert (margins < 0).all()
    assert margins.tolist() == seeds.margins([ORACLES.get("label")()])[:, 0].tolist()
    assert margins[2] > margins[1] > margins[0], "60, 40 and 220 come so near to half of 255"


def test_a_campaign_goes_on_with_the_seeds_that_it_began_with(campaign, tmp_path):
    first = campaign.seeds()
    campaign.admit(first)
    write(tmp_path / "seeds", {"dark/another": 10, "bright/a": 255})
    again = campaign.seeds()
    assert (again.names, again.label_names, again.files) == (first.names, first.label_names, first.files)
    assert torch.equal(again.reference.main, first.reference.main)
    assert list(again.numbers) == [0, 1, 2]


def test_stored_seeds_stand_by_number_whatever_their_rows(campaign):
    campaign.admit(campaign.seeds())
    campaign.corpus.arrange([campaign.corpus.identity(row) for row in (2, 0, 1)])
    assert [seed.name for seed in stored_seeds(campaign.target, campaign.corpus)] == [
        "bright/a.png",
        "dark/e.png",
        "dark/f.png",
    ]


def test_a_stored_seed_that_is_no_longer_answered_is_named(campaign, monkeypatch):
    campaign.admit(campaign.seeds())
    monkeypatch.setattr(campaign.target, "model", raise_when_flat().model)
    with pytest.raises((SeedError, TargetError), match=r"seed.*mlfuzz check"):
        campaign.seeds()


def test_seeds_that_all_raise_are_told_with_what_was_raised(tmp_path):
    made = Campaign(tmp_path / "c", lamp(), write(tmp_path / "seeds", {"dark/d": 0, "dark/g": 0}))
    with pytest.raises(TargetError, match=r"raises on every seed; the first: dark/\w\.png: ValueError: all black"):
        made.seeds()
    made.close()


def test_labels_that_do_not_fit_the_outputs_are_the_targets_fault(tmp_path):
    target = mlfuzz.ModuleTarget("lamp", IMAGE, Brightness(), labels=("a", "b", "dark"))
    made = Campaign(tmp_path / "c", target, write(tmp_path / "seeds", {"dark/e": 40}))
    with pytest.raises(TargetError, match="outputs 2 an input, but the target names 3 labels"):
        made.seeds()
    made.close()


def test_a_target_without_seeds_is_told_the_option(tmp_path):
    with pytest.raises(SeedError, match="--seeds DIR"):
        found_seeds(lamp(), WorkerSpec(target=""))


def test_what_lasts_holds_neither_payloads_nor_activations(tmp_path):
    puzzle_seeds(tmp_path / "seeds", count=3)
    campaign = Campaign(tmp_path / "c", sound(), tmp_path / "seeds")
    seeds = campaign.seeds()
    campaign.close()
    answers = seeds.reference.main.clone()
    assert seeds.answers[0].activations.shape[1] > 0
    seeds.release()
    assert (seeds.seeds, seeds.answers) == ((), ())
    assert seeds.reference.activations.untyped_storage().nbytes() == 0
    assert torch.equal(seeds.of(np.arange(3)).main, answers)
    assert (len(seeds), len(seeds.forms)) == (3, 3)


def test_seeds_that_were_not_run_have_names_labels_and_files(tmp_path):
    puzzle_seeds(tmp_path, count=2)
    seeds = Seeds(sound(), found_seeds(sound(), WorkerSpec(target="", seeds=str(tmp_path))).seeds)
    assert seeds.names == ("puzzle-0.png", "puzzle-1.png")
    assert seeds.labels.tolist() == [-1, -1]
    assert all(seeds.files)


def test_seeds_of_other_shapes_are_not_among_those_alike(campaign):
    seeds = campaign.seeds()
    wide = replace(seeds.seeds[1], payload=np.zeros((1, 5, 4), np.uint8))
    numbers, rows = Seeds(campaign.target, [seeds.seeds[0], wide, seeds.seeds[2]]).alike()
    assert (numbers, len(rows)) == ([0, 2], 2)


def test_payloads_are_grouped_by_shape_and_texts_together():
    square, wide = np.zeros((1, 2, 2)), np.zeros((1, 2, 3))
    assert by_shape([square, "a", wide, "b", square]) == [[0, 4], [1, 3], [2]]
