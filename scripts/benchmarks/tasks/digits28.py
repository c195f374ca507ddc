"""scikit-learn's digits at 28 x 28, small networks trained on them in seconds, and the models that judge.

The stand-in for MNIST: 1,797 pictures of 8 x 8, enlarged bilinearly, 1,347 to train on and 450 held out.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

LABELS = tuple("0123456789")
HELD_OUT = 450


@dataclass(frozen=True, slots=True)
class Digits:
    """pictures: (n, 1, 28, 28) in [0, 1], not rounded. classes: (n,)."""

    pictures: Tensor
    classes: Tensor


@cache
def digits() -> tuple[Digits, Digits]:
    """(to train on, held out)."""
    read = load_digits()
    small = torch.from_numpy(read.images).float()[:, None] / 16
    large = functional.interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    classes = torch.from_numpy(read.target).long()
    train, held = train_test_split(np.arange(len(classes)), test_size=HELD_OUT, random_state=0)
    return Digits(large[train], classes[train]), Digits(large[held], classes[held])


def mlp(*, uniform: float = 0.0) -> nn.Sequential:
    """784-200-100-10, on (B, 1, 28, 28). uniform: weights from U(-uniform, uniform) and no biases; 0: torch's own."""
    layers = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 100), nn.ReLU(), nn.Linear(100, 10)
    )
    for layer in layers:
        if uniform and isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -uniform, uniform)
            nn.init.zeros_(layer.bias)
    return layers


def lenet() -> nn.Sequential:
    """LeNet-5 with ReLU, on (B, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def kept(
    cache_folder: Path, name: str, build: Callable[[], nn.Module], train: Callable[[nn.Module], None]
) -> nn.Module:
    """The trained model: read from the cache, or trained and put there. In evaluation mode.

    Of several processes that want it at once one trains it, the others wait.
    """
    cache_folder.mkdir(parents=True, exist_ok=True)
    path = cache_folder / f"{name}.safetensors"
    model = build()
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            model.load_state_dict(load_file(path))
            return model.eval()
        train(model)
        model.eval()
        unfinished = path.with_suffix(f".{os.getpid()}")
        save_file(model.state_dict(), unfinished)
        os.replace(unfinished, path)
    return model


def descend(
    model: nn.Module, inputs: Tensor, classes: Tensor, *, steps: int, rate: float, batch: int, seed: int,
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
) -> None:  # fmt: skip
    """Plain stochastic gradient descent, as TensorFuzz's examples train."""
    generator = torch.Generator().manual_seed(seed)
    parameters = list(model.parameters())
    for _ in range(steps):
        rows = torch.randint(0, len(inputs), (batch,), generator=generator)
        value = loss(model(inputs[rows]), classes[rows])
        gradients = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-rate)


def fit(
    model: nn.Module, draw: Callable[[Tensor], tuple[Tensor, Tensor]], rows: int, *, epochs: int, seed: int,
    rate: float = 3e-3, batch: int = 64, loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
) -> None:  # fmt: skip
    """AdamW under a one-cycle rate. draw: row numbers (B,) -> inputs and answers, augmented anew each time."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * (rows // batch))
    for _ in range(epochs):
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - batch + 1, batch):
            inputs, answers = draw(order[start : start + batch])
            optimiser.zero_grad(set_to_none=True)
            loss(model(inputs), answers).backward()
            optimiser.step()
            schedule.step()


def right(model: Callable[[Tensor], Tensor], held: Digits) -> NDArray[np.int64]:
    """Numbers of the held-out pictures that the model gets right."""
    with torch.inference_mode():
        good = model(held.pictures).argmax(1) == held.classes
    return np.flatnonzero(good.numpy())


def write_seeds(path: Path, pictures: Tensor, classes: Tensor, *, levels: int | None) -> Path:
    """An archive of pictures with their classes as labels."""
    return write_named_seeds(path, pictures, [str(int(each)) for each in classes], levels=levels)


def write_named_seeds(path: Path, pictures: Tensor, labels: Sequence[str], *, levels: int | None) -> Path:
    """An archive of pictures with their labels. levels: 255 rounds to 8 bits, None keeps float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = pictures.numpy() if levels is None else (pictures * levels).round().to(torch.uint8).numpy()
    unfinished = path.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as file:
        np.savez(file, images=stored, labels=np.asarray(labels))
    os.replace(unfinished, path)
    return path
