"""A trimmed input differs in what matters and in nothing else, and fails alone in the finding's way."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import torch
from torch import Tensor

from mlfuzz.campaign.minimize.pipeline import trim_finding
from mlfuzz.campaign.minimize.trim import trim
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.findings.regression import read_regression, write_regression
from mlfuzz.findings.store import FindingStore
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.mutation import Mutation
from mlfuzz.targets.callable import CallableTarget

IMAGE = Image(size=(16, 16))
SEED = np.full((1, 16, 16), 100, np.uint8)
RNG = np.random.default_rng(8)


def corner_decides(images: Tensor) -> Tensor:
    """ "bright" where four pixels of a corner are brighter than a half on average; "odd" where one pixel is black."""
    corner = images[:, 0, 2:4, 2:4].mean((1, 2))
    black = (images[:, 0, 15, 15] == 0).float()
    return torch.stack([torch.full_like(corner, 0.5), corner, 2 * black], 1)


def letters_decide(texts: tuple[str, ...]) -> Tensor:
    return torch.tensor([[0.5, float(text.count("X") >= 2 and "q" in text)] for text in texts])


PICTURES = CallableTarget("t", IMAGE, corner_decides, labels=("dark", "bright", "odd"))
TEXTS = CallableTarget("t", Text(max_chars=64), letters_decide, labels=("plain", "marked"))


def finding(target: CallableTarget, key: str = "label|1") -> Finding:
    reference = FileRef("input.png", hashlib.sha256(b"").hexdigest())
    return Finding(
        id="0" * 16, side="model", kind="label", target="t", input=reference, seed=reference, label=target.labels[0],
        oracle={"name": "label"}, key=key, floor=1e-4, chain=(Mutation("image.flip"),),
    )  # fmt: skip


def noisy() -> np.ndarray:
    made = RNG.integers(60, 160, SEED.shape).astype(np.uint8)
    made[0, 2:4, 2:4] = 240
    return made


def test_only_the_pixels_that_matter_stay_changed_and_by_no_more_than_they_must():
    cut = trim(PICTURES, finding(PICTURES), noisy(), SEED, seconds=20)
    changed = np.argwhere(cut.payload[0] != SEED[0])
    assert all(2 <= y < 4 and 2 <= x < 4 for y, x in changed.tolist())
    assert (cut.changed, cut.of, cut.what) == (len(changed), 256, "pixels")
    assert 1 <= cut.changed <= 2  # two at 240 and two at 100 make 170, above 127.5; three at 100 need 255 and more
    mean = cut.payload[0, 2:4, 2:4].mean()
    assert 127.5 < mean < 132
    assert cut.margin > 0
    assert cut.largest == np.abs(cut.payload.astype(int) - 100).max() / 255


def test_an_input_that_fails_in_another_way_is_never_taken():
    payload = noisy()
    payload[0, 15, 15] = 0
    bright = trim(PICTURES, finding(PICTURES, "label|1"), payload, SEED, seconds=5)
    assert bright.payload[0, 15, 15] == 100
    assert trim(PICTURES, finding(PICTURES, "label|0"), payload, SEED, seconds=5) is None
    cut = trim(PICTURES, finding(PICTURES, "label|2"), payload, SEED, seconds=5)
    assert np.argwhere(cut.payload != SEED).tolist() == [[0, 15, 15]]


def test_of_a_text_the_fewest_characters_stay_changed():
    seed, text = "a quiet letter to nobody", "A qXiet lXtter tX nObodyX!!"
    cut = trim(TEXTS, finding(TEXTS), text, seed, seconds=10)
    assert cut.payload.count("X") == 2
    assert (cut.changed, cut.of, cut.what, cut.largest) == (2, len(seed), "characters", None)


def test_time_that_is_up_leaves_what_was_found_so_far():
    cut = trim(PICTURES, finding(PICTURES), noisy(), SEED, seconds=0.0)
    assert cut.changed > 100
    assert cut.margin > 0


def test_the_trimmed_input_lies_beside_the_finding_and_goes_with_it_into_git(tmp_path):
    payload = noisy()
    files = {"input.png": IMAGE.encode(payload), "seed.png": IMAGE.encode(SEED)}
    described = msgspec.structs.replace(
        finding(PICTURES),
        modality={"name": "image", **IMAGE.describe()},
        input=FileRef("input.png", hashlib.sha256(files["input.png"]).hexdigest()),
        seed=FileRef("seed.png", hashlib.sha256(files["seed.png"]).hexdigest()),
    )
    store = FindingStore(tmp_path / "findings")
    store.save(described, files)
    trimmed = trim_finding(PICTURES, store, described, seconds=20).trimmed
    assert trimmed.sentence.startswith(f"fails with {trimmed.changed} of 256 pixels changed, by at most 0.")
    kept = store.load(described.id)
    assert kept.input == described.input
    assert IMAGE.decode(store.bytes_of(kept, kept.trimmed.file), suffix=".png").shape == (1, 16, 16)
    contents = {ref.file: store.bytes_of(kept, ref) for ref in (kept.input, kept.seed, kept.trimmed.file)}
    flat, held = read_regression(write_regression(tmp_path / "kept", kept, contents))
    assert flat.trimmed.file.file == f"{kept.id}.trimmed.png"
    assert held[flat.trimmed.file.file] == contents[kept.trimmed.file.file]
    again = trim_finding(PICTURES, store, kept, seconds=20)
    assert len(list((tmp_path / "findings" / kept.id).glob("*.trimmed*"))) == 1
    assert again.trimmed.changed == trimmed.changed
