"""TensorFuzz's first experiment: a network whose unsafe loss gives NaN, far from all data.

MLP 784-200-100-10 with weights from U(-0.25, 0.25) and no biases, trained through an unsafe softmax and cross entropy;
the last layer is doubled then. One seed picture a run, normal noise of deviation 0.2 on [-1, 1], batches of 100.
Source: Odena et al., TensorFuzz, ICML 2019, section 4.1; the released examples/nans.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

import mlfuzz
from tasks.digits28 import LABELS, descend, digits, kept, mlp, right, write_seeds
from tasks.operators import FREE, white_noise
from tasks.task import Setup, Task

STEPS = 12_000
DOUBLED = 2.0
"""The knob of difficulty: with the last layer as trained (1.0) novelty needs 300,000 inputs and more."""


class UnsafeLoss(nn.Module):
    """Logits (B, 10) -> the cross entropy with `label`, (B, 1): NaN where exp overflows, or a probability is 0."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.wanted: Tensor
        self.register_buffer("wanted", nn.functional.one_hot(torch.tensor(label), 10).float(), persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        return unsafe_cross_entropy(logits, self.wanted[None])[:, None]


def unsafe_cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """(B,) as the experiment computes it. wanted: one-hot (B, 10)."""
    probabilities = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -(wanted * probabilities.log()).sum(1)


class Doubtful(nn.Module):
    """Gives logits, and computes the loss beside them, where it is watched."""

    def __init__(self, network: nn.Module, label: int) -> None:
        super().__init__()
        self.network, self.loss = network, UnsafeLoss(label)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.network(pictures)
        self.loss(logits)
        return logits


def build(repeat: int, cache: Path) -> Setup:
    train, held = digits()

    def learn(model: nn.Module) -> None:
        def loss(logits: Tensor, classes: Tensor) -> Tensor:
            return unsafe_cross_entropy(logits, nn.functional.one_hot(classes, 10).float()).mean()

        descend(model, train.pictures * 2 - 1, train.classes, steps=STEPS, rate=0.01, batch=100, seed=repeat, loss=loss)
        with torch.no_grad():
            model[5].weight *= DOUBLED  # type: ignore[index]
            model[5].bias *= DOUBLED  # type: ignore[index]

    def blank() -> nn.Module:
        torch.manual_seed(repeat)
        return mlp(uniform=0.25)

    network = kept(cache, f"nan-{repeat}", blank, learn)
    row = int(torch.randint(0, len(held.classes), (1,), generator=torch.Generator().manual_seed(repeat)))
    good = right(lambda pictures: network(pictures * 2 - 1), held)
    row = int(good[row % len(good)])
    label = int(held.classes[row])
    seeds = write_seeds(cache / f"nan-{repeat}.npz", held.pictures[[row]], held.classes[[row]], levels=None)

    def target() -> mlfuzz.ModuleTarget:
        modality = mlfuzz.Image(size=(28, 28), grid="float32", range=(-1.0, 1.0))
        layers = ["network.5", "loss"]  # what the released example hands its fuzzer
        return mlfuzz.ModuleTarget("bench:nan", modality, Doubtful(network, label), labels=LABELS, layers=layers)

    options = {
        "oracles": ["nonfinite"],
        "mutators": [white_noise(0.1, "image.tensorfuzz_noise")],
        "limits": FREE,
        "batch": 100,
    }
    return Setup(target, seeds, options)


TASK = Task(
    "nan", build, evaluations=100_000, short=20_000, chief="evaluations", first=True, differentiable=True,
    goal="10/10, median <= 1,500 evaluations; white box <= 10",
    overrides={
        "tensorfuzz": {
            "coverage": {
                "name": "novelty", "features": "sum_abs_logits", "radius": 0.5**0.5, "standardise": False,
            },
        },
    },
)  # fmt: skip
