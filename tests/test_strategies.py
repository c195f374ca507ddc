"""Strategies draw what campaigns could make, and shrink it to what a person would write."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.database import InMemoryExampleDatabase, MultiplexedDatabase

from mlfuzz import strategies
from mlfuzz.batch import from_payloads
from mlfuzz.errors import SeedError, UnknownNameError, UsageError
from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.findings.regression import write_regression
from mlfuzz.modality.image import Image
from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import MUTATORS, replay
from mlfuzz.strategies import RegressionDatabase

QUICK = settings(
    max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six digits-like pictures under two labels."""
    folder = tmp_path_factory.mktemp("seeds")
    rng = np.random.default_rng(0)
    for number in range(6):
        path = folder / str(number % 2) / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(Image(size=(12, 12)).encode(rng.integers(40, 160, (1, 12, 12)).astype(np.uint8)))
    return folder


@pytest.fixture
def kept(tmp_path, folder):
    """A folder with two regressions, and their payloads."""
    modality, payloads = Image(size=(12, 12)), []
    for level in (77, 88):
        pixels = np.full((1, 12, 12), level, np.uint8)
        files = {"input.png": modality.encode(pixels), "seed.png": modality.encode(pixels // 2)}
        refs = [FileRef(name, hashlib.sha256(data).hexdigest()) for name, data in files.items()]
        finding = Finding(
            id=identify(files["input.png"], "digits", "label"), side="model", kind="label", target="digits",
            modality={"name": "image", **modality.describe()}, oracle={"name": "label"}, input=refs[0], seed=refs[1],
            label="1", chain=(Mutation("image.brightness", {"amount": 0.1}),), sentence="brighter",
        )  # fmt: skip
        write_regression(tmp_path / "corpus" / "regressions" / "digits", finding, files)
        payloads.append(pixels)
    return tmp_path / "corpus" / "regressions" / "digits", payloads


def test_a_mutant_is_its_seed_with_its_chain_applied(folder):
    modality = Image(size=(12, 12))

    @QUICK
    @given(strategies.images(folder, size=(12, 12)))
    def law(mutant):
        rows = from_payloads([mutant.seed], modality, strategies.CPU)
        np.testing.assert_array_equal(replay(rows, [mutant.chain]).payload(0), mutant.payload)
        assert mutant.payload.shape == (1, 12, 12)
        assert mutant.label in ("0", "1")
        assert mutant.name.startswith(f"{mutant.label}/")
        assert all(MUTATORS.get(each.name).effect == "invariant" for each in mutant.chain)

    law()


def test_what_fails_shrinks_to_the_first_seed_one_step_and_a_mild_round_value(folder):
    brighter = strategies.images(folder, ["image.brightness", "image.blur_gauss"], size=(12, 12))
    least = find(
        brighter,
        lambda mutant: mutant.payload.mean() > mutant.seed.mean() + 12,
        settings=settings(QUICK, max_examples=300),
    )
    assert least.name == "0/0.png"
    (step,) = least.chain
    (amount,) = step.params.values()
    space = MUTATORS.get("image.brightness").space["amount"]
    assert amount == pytest.approx(np.ceil(100 * 12.5 / 255 / space.high) / 100 * space.high, abs=0.02)


@pytest.mark.slow
def test_what_fails_unchanged_shrinks_to_the_seed_itself(folder):
    least = find(strategies.images(folder, size=(12, 12)), lambda mutant: True, settings=QUICK)
    assert (least.chain, least.change) == ((), "unchanged seed")
    np.testing.assert_array_equal(least.payload, least.seed)


@pytest.mark.slow
def test_failures_are_told_by_seed_and_change_not_by_pixels(folder):
    least = find(strategies.images(folder, ["image.rotate"], size=(12, 12)), lambda one: one.chain, settings=QUICK)
    assert repr(least) == "Mutant(label='0', name='0/0.png', change='rotate 0 degrees')"


def test_sounds_and_texts_are_drawn_alike():
    wave = (np.sin(np.linspace(0, 60, 16_000)) * 9_000).astype(np.int16)[None]

    @settings(QUICK, max_examples=10)
    @given(
        strategies.audio([wave], ["audio.gain"]),
        strategies.texts(["The quick brown fox jumps over the lazy dog."], ["text.*"]),
    )
    def law(sound, text):
        assert sound.payload.dtype == np.int16
        assert isinstance(text.payload, str)

    law()


def test_regressions_are_explicit_examples(kept):
    folder, payloads = kept
    seen = []

    @strategies.examples(folder, "mutant")
    @settings(QUICK, phases=[Phase.explicit])
    @given(mutant=strategies.images(payloads, size=(12, 12)))
    def law(mutant):
        seen.append(int(mutant.payload[0, 0, 0]))

    law()
    assert sorted(seen) == [77, 88]


def test_a_database_of_regressions_runs_them_first(kept, monkeypatch):
    folder, payloads = kept
    monkeypatch.chdir(folder.parents[2])
    seen = []

    @settings(
        QUICK,
        derandomize=False,
        phases=[Phase.reuse],
        database=MultiplexedDatabase(InMemoryExampleDatabase(), RegressionDatabase("digits")),
    )
    @given(strategies.images([payloads[0] * 0], size=(12, 12), findings="digits"))
    def law(mutant):
        seen.append((int(mutant.payload[0, 0, 0]), mutant.change))

    law()
    assert {(77, "brighter"), (88, "brighter")} <= set(seen)


def test_what_cannot_be_drawn_from_is_said_at_once(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"image\.rotate"):
        strategies.images(folder, ["image.rotat"], size=(12, 12))
    with pytest.raises(SeedError):
        strategies.images([], size=(12, 12))
    with pytest.raises(UsageError, match="promote"):
        strategies.images(folder, size=(12, 12), findings="digits")
