"""Noise attacks of libraries for adversarial examples, as their users run them: additive noise, and is it still right?

Foolbox has the attack itself. ART has none by noise alone: its Gaussian augmentation, and its classifier's `predict` on
what that made, are what its documentation builds one from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

REPEATS = 16
"""Of each input a call: Foolbox sets its attack up anew for each call."""


def foolbox_loop(model: nn.Module, rows: torch.Tensor, amplitude: float) -> Callable[[], int]:
    """rows: (n, C, H, W) in [0, 1]. Uniform noise within `amplitude`; the answer of a call is how many inputs ran."""
    import foolbox

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfRepeatedAdditiveUniformNoiseAttack(repeats=REPEATS)
    labels = wrapped(rows).argmax(1)

    def run() -> int:
        attack(wrapped, rows, labels, epsilons=amplitude)
        return len(rows) * REPEATS

    return run


def art_loop(model: nn.Module, rows: torch.Tensor, sigma: float) -> Callable[[], int]:
    """Normal noise of deviation `sigma`."""
    from art.defences.preprocessor import GaussianAugmentation
    from art.estimators.classification import PyTorchClassifier

    shape: Any = tuple(rows.shape[1:])
    wrapped = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), input_shape=shape, nb_classes=10, clip_values=(0.0, 1.0), device_type="cpu"
    )
    augment = GaussianAugmentation(sigma=sigma, augmentation=False, clip_values=(0.0, 1.0))
    images = rows.numpy()
    labels = wrapped.predict(images, batch_size=len(images)).argmax(1)

    def run() -> int:
        noisy, _ = augment(images)
        failed = wrapped.predict(noisy.astype(np.float32), batch_size=len(noisy)).argmax(1) != labels
        return len(failed)

    return run
