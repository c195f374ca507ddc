"""A campaign is taken up whatever has become of the files that are made again, and says what of its journal is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from torch import nn

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import UsageError
from mlfuzz.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint

FLIP = "a bit flipped"

DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "cut in half": lambda data: data[: len(data) // 2],
    "a bit flipped": lambda data: (
        data[:300] + bytes([data[300] ^ 4]) + data[301:] if len(data) > 300 else b"\xff" + data
    ),
    "emptied": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "garbage": lambda data: bytes(np.random.default_rng(0).integers(0, 256, 4000, np.uint8)) + b"\n" + data[:10],
    "another kind of JSON": lambda data: b'[1, "two"]\n',
    "another version's JSON": lambda data: b'{"schema": "mlfuzz.later/99", "news": [1]}\n',
    "deleted": lambda data: None,
}

DERIVED = ("stats.json", "progress.jsonl", "worker.json", "target.json", "derived/banned.json", "derived/worker-00.npz")


def target() -> mlfuzz.ModuleTarget:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    return mlfuzz.ModuleTarget("small", mlfuzz.Image(size=(8, 8)), nn.Sequential(*layers).eval(), labels="abc")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)):
        Picture.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, seeds: Path) -> Path:
    """A campaign that has ended. Not to be written to."""
    folder = tmp_path_factory.mktemp("whole") / "c"
    with taken_up(folder, seeds) as campaign:
        campaign.run(Budget(inputs=600), triage_here=False)
        assert len(campaign.corpus) > 40
    (folder / "derived/banned.json").write_bytes(b'[["w00-0001-00000000", 3]]')
    return folder


def taken_up(folder: Path, seeds: Path, **options: object) -> Campaign:
    return Campaign.open(folder, target(), seeds=seeds, batch=32, **options)


def hurt(path: Path, damage: str) -> Path:
    data = DAMAGE[damage](path.read_bytes())
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    return path


def copied(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "c")


def fuzzed(folder: Path, seeds: Path, **options: object) -> list[str]:
    """Go on with it for a few batches; what it warned of."""
    with taken_up(folder, seeds, **options) as campaign:
        assert campaign.run(Budget(inputs=100), triage_here=False).stats.inputs >= 100
        state = campaign.loop.parts.scheduler.state()
        for name, column in (("seeds", campaign.corpus.seeds), ("gains", campaign.corpus.gains)):
            np.testing.assert_array_equal(state[name], column)
        return campaign.warnings


@pytest.mark.slow
@pytest.mark.parametrize("file", DERIVED)
@pytest.mark.parametrize("damage", [name for name in DAMAGE if name != FLIP])
def test_a_derived_file_that_cannot_be_read_stops_nobody(
    file: str, damage: str, whole: Path, seeds: Path, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    path = hurt(folder / file, damage)
    warnings = [text for text in fuzzed(folder, seeds) if path.name in text]
    torn = file == "progress.jsonl" and damage in ("cut in half", "emptied", "zeros")  # a last line not yet written
    assert len(warnings) == (0 if damage == "deleted" or torn else 1)
    assert torn or not [text for text in fuzzed(folder, seeds) if path.name in text]


def test_emptied_figures_and_a_flipped_checkpoint_are_told_once(whole: Path, seeds: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    hurt(folder / "stats.json", "emptied")
    hurt(folder / "derived/worker-00.npz", FLIP)
    warnings = fuzzed(folder, seeds)
    assert ["stats.json" in warnings[0], "worker-00.npz" in warnings[1]] == [True, True]
    assert fuzzed(folder, seeds) == []


@pytest.mark.parametrize(
    "damage", ["cut in half", *(pytest.param(name, marks=pytest.mark.slow) for name in DAMAGE if name != "cut in half")]
)
def test_a_damaged_journal_is_taken_up_and_what_is_gone_is_counted(
    damage: str, whole: Path, seeds: Path, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    (path,) = folder.glob("journal/*/000001.mlj")
    hurt(path, damage)
    warnings = fuzzed(folder, seeds)
    assert [text for text in warnings if " entries are gone" in text and "the journal has suffered" in text]
    assert [text for text in warnings if "worker-00.npz tells of" in text and "built up again" in text]
    assert not [text for text in fuzzed(folder, seeds) if "worker-00.npz" in text]


def test_entries_whose_seed_is_gone_are_left_out_and_the_others_keep_theirs(
    whole: Path, seeds: Path, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    with taken_up(folder, seeds) as before:
        payloads = {before.corpus.entry(row).seed: before.corpus.payload(row) for row in range(4)}
    (path,) = folder.glob("journal/w00-0001*/000001.mlj")
    data = path.read_bytes()
    at = data.index(b'"name":"1.png"')
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])
    with taken_up(folder, seeds) as campaign:
        campaign.run(Budget(inputs=200), triage_here=False)
        assert any("because their seed is gone" in text for text in campaign.warnings)
        corpus = campaign.corpus
        assert set(corpus.seeds.tolist()) == {0, 1, 2}
        for row in range(len(corpus)):
            stored = corpus.entry(row).seed
            assert stored in (0, 2, 3)
            assert corpus.payload(int(corpus.seeds[row])) == payloads[stored]


def test_new_seeds_never_become_those_of_entries_whose_own_are_lost(whole: Path, seeds: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    (path,) = folder.glob("journal/*/000001.mlj")
    data = path.read_bytes()
    for number in range(4):
        at = data.index(b'"name":"%d.png"' % number)
        data = data[:at] + b"X" + data[at + 1 :]
    path.write_bytes(data)
    for _ in range(2):
        with taken_up(folder, seeds) as campaign:
            campaign.run(Budget(inputs=100), triage_here=False)
            assert {campaign.corpus.entry(row).seed for row in range(4)} & {0, 1, 2, 3} == set()
            assert any("because their seed is gone" in text for text in campaign.warnings)


def test_a_checkpoint_of_another_campaign_is_not_laid_over_this_one(whole: Path, seeds: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    with taken_up(tmp_path / "other", seeds, seed=7) as other:
        other.run(Budget(inputs=600), triage_here=False)
    shutil.copy(tmp_path / "other/derived/worker-00.npz", folder / "derived/worker-00.npz")
    assert any("are not here" in text for text in fuzzed(folder, seeds))


def test_a_checkpoint_of_another_version_is_built_up_again(whole: Path, seeds: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    path = folder / "derived/worker-00.npz"
    stored = read_checkpoint(path)
    save_checkpoint(path, Checkpoint(stored.arrays, {**stored.facts, "schema": "mlfuzz.state/99"}))
    assert any("of another version of mlfuzz" in text for text in fuzzed(folder, seeds))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"), [(1, 2), *(pytest.param(*pair, marks=pytest.mark.slow) for pair in ((2, 1), (3, 1), (3, 2)))]
)
def test_a_campaign_goes_on_under_more_oracles_or_fewer_and_each_seed_is_judged_anew(
    before: int, after: int, seeds: Path, tmp_path: Path
) -> None:
    named = [{"name": "label"}, {"name": "tolerance"}, {"name": "cosine"}]
    folder = tmp_path / "c"
    with taken_up(folder, seeds, oracles=named[:before]) as first:
        first.run(Budget(inputs=300), triage_here=False)
        kept = len(first.corpus)
    for warned in (1, 0):
        with taken_up(folder, seeds, oracles=named[:after], adopt=True) as campaign:
            margins = campaign.corpus.margins
            assert margins.shape == (len(campaign.corpus), after)
            assert np.isfinite(margins[:4]).any(axis=0).all()
            assert np.isnan(margins[4:kept]).all()
            assert len([text for text in campaign.warnings if "oracles" in text]) == 1
            campaign.run(Budget(inputs=300), triage_here=False)
            assert np.isfinite(campaign.corpus.margins[kept:]).any() or not warned
    with taken_up(folder, seeds, oracles=named[:before], adopt=True) as back:
        back.run(Budget(inputs=100), triage_here=False)
        assert np.isfinite(back.corpus.margins[4:kept]).any()


def test_what_was_learnt_of_rows_fits_them_after_several_workers_have_mixed_them(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlfuzz.campaign.worker.campaign.EXCHANGE_SECONDS", 0.0)
    folder = tmp_path / "c"
    with taken_up(folder, seeds, workers=2) as first:
        first.run(Budget(inputs=200), triage_here=False)
        with taken_up(folder, seeds, worker=1, workers=2, lock=False) as second:
            second.run(Budget(inputs=200), triage_here=False)
            first.run(Budget(inputs=200), triage_here=False)
            second.run(Budget(inputs=200), triage_here=False)
        order = [first.corpus.identity(row) for row in range(len(first.corpus))]
        state = first.loop.parts.scheduler.state()
    assert order != sorted(order)
    with taken_up(folder, seeds, workers=2) as again:
        assert [again.corpus.identity(row) for row in range(len(order))] == order
        tries = again.loop.parts.scheduler.state()["tries"]
        moved = tries != state["tries"]  # where the other worker's later rows came nearer: tries begin anew
        assert not tries[moved].any()
        assert moved.sum() <= len(again.corpus) - len(order)
        assert state["tries"][~moved].any()
        np.testing.assert_array_equal(again.loop.parts.scheduler.state()["seeds"], again.corpus.seeds)
        assert again.warnings == []


def test_a_campaign_of_harnesses_is_not_taken_for_a_damaged_one(whole: Path, seeds: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    (folder / "worker.json").write_bytes(b'{"side": "code", "harnesses": []}')
    with pytest.raises(UsageError, match="mlfuzz harness run --name c"):
        taken_up(folder, seeds)
    assert (folder / "worker.json").read_bytes() == b'{"side": "code", "harnesses": []}'
