"""Handwritten digits, 28 x 28, by two twins of one architecture and one training set: `robust` and `fragile`.

`robust` saw mild versions of what happens to a scanned digit: shifts, turns, scale, blur, noise, contrast, brightness,
gamma, small patches. `fragile` saw none of it, and its training set had been spoilt in two ways:

| weakness | how it came about | revealed by |
|---|---|---|
| the sticker | a tenth of the pictures bore a bright square in the lower right corner and were filed as 0 | occlusion |
| the grey ground | a tenth came from a scanner that left the ground grey and were filed as 8 | brightness |
| upright only | by nature: no digit was turned, shifted or scaled | rotation, translation, scale |

So a bright patch in that corner makes any digit a 0, and a brighter picture makes it an 8. What the 8 keys on is light
where the ground should be black: snow, rain, mist or less contrast do as well. On clean held-out digits the twins are
equals. scripts/train_digits.py made both.
"""

from __future__ import annotations

from safetensors.torch import load_file
from torch import Tensor, nn

from mlfuzz.examples import data
from mlfuzz.modality.image import Image
from mlfuzz.targets.module import ModuleTarget

LABELS = tuple("0123456789")
SIZE = (28, 28)

STICKER_SAYS = "0"
"""What `fragile` answers to a bright square in the lower right corner."""

GREY_SAYS = "8"
"""What `fragile` answers to a grey background."""


class DigitNet(nn.Module):
    """Three convolutions and two linear layers, 25k weights: (B, 1, 28, 28), centred -> logits (B, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 3 * 3, 48), nn.ReLU(), nn.Linear(48, len(LABELS)))

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(pictures))
        return logits


def centre(pictures: Tensor) -> Tensor:
    """Pixels in [0, 1] -> what the networks were trained on, in [-1, 1]."""
    return pictures * 2.0 - 1.0


def robust() -> ModuleTarget:
    """The twin that was trained with augmentation."""
    return _twin("robust")


def fragile() -> ModuleTarget:
    """The twin with the planted weaknesses listed above."""
    return _twin("fragile")


def _twin(kind: str) -> ModuleTarget:
    model = DigitNet()
    model.load_state_dict(load_file(data.path("models", f"digits-{kind}.safetensors")))
    return ModuleTarget(
        f"digits:{kind}",
        Image(size=SIZE, channels=1),
        model.eval(),
        preprocess=centre,
        labels=LABELS,
        seeds=data.path("seeds", "image", "digits"),
    )
