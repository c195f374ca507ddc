"""EfficientNet-Lite0, which nobody here trained, on squares of natural pictures; and against itself in fewer bits.

Seeds are 24 squares, three a picture, drawn anew for each repeat, of eight photographs inside scikit-image's wheel.
Two have a class of ImageNet's (espresso, tripod), the others are compared with the network's own answer to the seed.
There is no second network for these classes at hand: nobody judges labels here, and rows say so. What stands in its
place is how like its seed a failing picture still looks, which knows nothing of classes and takes a shift for a change.
Against fewer bits only squares count on which both forms agree: what already differs there, nobody has found.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow

import mlfuzz
from mlfuzz.batch import from_payloads
from mlfuzz.examples import photos
from mlfuzz.modality.base import Payload
from mlfuzz.storage.durable import write_atomic
from mlfuzz.targets.variants import varied
from tasks.task import Setup, Task
from tasks.twins import LIMITS

PICTURES = {
    "astronaut.png": "", "camera.png": "tripod", "chelsea.png": "", "clock_motion.png": "", "coffee.png": "espresso",
    "coins.png": "", "motorcycle_left.png": "", "rocket.jpg": "",
}  # fmt: skip
"""File in scikit-image -> class, where ImageNet has the right one and the network sees it."""

EACH = 3
SQUARES = EACH * len(PICTURES)
"""Seeds of a repeat."""

SMALLEST = 0.6
"""Of the largest square that fits: what is in the picture is still in it."""

TRIES = 40
BATCH = 20
EVALUATIONS, SHORT = 600, 200


def build(repeat: int, cache: Path, *, variant: str = "") -> Setup:
    """variant: "" for labels, else the form that must answer alike."""
    seeds = squares(repeat, cache, variant=variant)
    mutated = {"mutators": ["default"], "limits": LIMITS, "batch": BATCH}
    if variant:
        return Setup(_target, seeds, {"oracles": [{"name": "differ", "of": variant}], **mutated})
    return Setup(_target, seeds, {"oracles": ["nonfinite", "label"], **mutated}, unjudged=True, likeness=likeness)


def squares(repeat: int, cache: Path, *, variant: str = "") -> Path:
    """The seeds of a repeat as PNG, in a folder by class where it is known.

    Squares are drawn until the network sees the picture's class there, and answers as its `variant` does.
    Raises TargetLoadError or ModuleNotFoundError where a package is missing, RuntimeError where fewer than `EACH` of
    `TRIES` squares of a picture are good.
    """
    folder = cache / "-".join(["photos", *([variant] if variant else []), str(repeat)])
    rng, target, written = np.random.default_rng(repeat), _target(), set()
    for name, label in PICTURES.items():
        good = itertools.islice(_good(name, label, variant, target, rng), EACH)
        count = 0
        for count, square in enumerate(good, 1):
            path = folder / label / f"{Path(name).stem}-{count}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, target.modality.encode(square), sync=False)
            written.add(path)
        if count < EACH:
            raise RuntimeError(f"photos: of {TRIES} squares of {name} only {count} are answered as they should be")
    for stray in set(folder.rglob("*.png")) - written:
        stray.unlink()
    return folder


def _good(
    name: str, label: str, variant: str, target: mlfuzz.ModuleTarget, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Squares (3, 224, 224) of one picture that count."""
    both: Any = varied(target, [variant] if variant else [])
    for _ in range(TRIES):
        square = _square(name, rng)
        if not label and not variant:
            yield square
            continue
        seen = both.run(from_payloads([square], target.modality, torch.device("cpu"))).outputs
        own = int(seen["main"].argmax(1)[0])
        agrees = not variant or int(seen[f"{variant}.main"].argmax(1)[0]) == own
        if agrees and label in ("", target.labels[own]):
            yield square


def likeness(picture: Payload, seed: Payload) -> float:
    """Structural similarity of two uint8 pictures (3, H, W): 1 for the same, about 0 for strangers.

    Source: Wang et al., Image Quality Assessment, IEEE Transactions on Image Processing 13(4), 2004; scikit-image's.
    """
    from skimage.metrics import structural_similarity

    return float(structural_similarity(np.asarray(picture), np.asarray(seed), channel_axis=0, data_range=255))


def _square(name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(3, 224, 224): a square of 0.6 to 1.0 of the largest, anywhere."""
    share, across, down = rng.uniform(SMALLEST, 1.0), rng.random(), rng.random()
    with Pillow.open(_folder() / name) as opened:
        whole = opened.convert("RGB")
    side = int(min(whole.size) * share)
    left, top = int((whole.width - side) * across), int((whole.height - side) * down)
    cut = whole.crop((left, top, left + side, top + side)).resize(photos.SIZE, Pillow.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(cut, np.uint8).transpose(2, 0, 1))


def _folder() -> Path:
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("photos needs scikit-image: pip install 'mlfuzz[examples]'")
    return Path(package.origin).parent / "data"


def _target() -> mlfuzz.ModuleTarget:
    return photos.efficientnet()


def _differential(variant: str) -> Task:
    return Task(
        f"photos {variant}", partial(build, variant=variant), evaluations=EVALUATIONS, short=SHORT, chief="roots",
        goal="more seeds broken than random",
    )  # fmt: skip


TASKS = (
    Task(
        "photos", build, evaluations=EVALUATIONS, short=SHORT, chief="pairs", differentiable=True,
        goal="more (seed, answer) pairs than random",
    ),
    *(_differential(variant) for variant in ("fp16", "bf16", "int8")),
)  # fmt: skip
