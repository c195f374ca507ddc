"""What an edit of a text would do to a target's answer, by the gradient at its embedding layer: no tokeniser is known.

Each candidate goes through the target's own preprocessing up to the embedding, which costs a small part of a forward
pass; what its tokens differ in is weighed with the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlfuzz.batch import Indices, TextRows
from mlfuzz.campaign.search.gradient import Score, Traced

PEEKED = 256
"""Texts whose tokens are looked up at once."""


class _Reached(Exception):
    """The embedding has been reached: the rest of the forward pass is not wanted."""


class EmbeddingGradient:
    """Estimates for `words.choose`.

    target: with a module that has an embedding layer of token numbers; the largest such layer counts.
    Raises LookupError where it has none.
    """

    def __init__(self, target: Any, score: Score) -> None:
        layers = [part for part in target.model.modules() if isinstance(part, nn.Embedding)]
        if not layers:
            raise LookupError("the model has no embedding layer")
        self._target = target
        self._layer = max(layers, key=lambda layer: layer.num_embeddings)
        self._score = score

    def __call__(
        self, rows: TextRows, which: Indices, candidates: Sequence[Sequence[str]]
    ) -> list[NDArray[np.float64]]:
        """About how much each candidate adds to its text's gap; 0 where its tokens do not line up."""
        tokens, gradient = self._gradient(rows, which)
        flat = [text for own in candidates for text in own]
        theirs = self._tokens(flat, rows)
        estimates, at = [], 0
        for row, own in enumerate(candidates):
            estimates.append(
                np.asarray([self._gain(tokens[row], theirs[at + number], gradient[row]) for number in range(len(own))])
            )
            at += len(own)
        return estimates

    def _gradient(self, rows: TextRows, which: Indices) -> tuple[Tensor, Tensor]:
        """Token numbers (B, T) and the gap's gradient at their embeddings (B, T, E)."""
        kept: list[tuple[Tensor, Tensor]] = []

        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
            leaf = output.detach().requires_grad_()
            kept.append((inputs[0].detach(), leaf))
            return leaf

        handle = self._layer.register_forward_hook(hook)
        try:
            target: Traced = self._target
            values = self._score(target.trace(rows), which)
        finally:
            handle.remove()
        tokens, leaf = kept[0]
        (gradient,) = torch.autograd.grad(torch.nan_to_num(values).sum(), leaf)
        return tokens, gradient

    def _tokens(self, texts: Sequence[str], like: TextRows) -> list[Tensor]:
        """Token numbers (T,) of each text."""
        kept: list[Tensor] = []

        def stop(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            kept.append(inputs[0].detach())
            raise _Reached

        handle = self._layer.register_forward_pre_hook(stop)
        try:
            for start in range(0, len(texts), PEEKED):
                _until(_Reached, lambda part: self._target.forward(part),
                       TextRows(tuple(texts[start : start + PEEKED]), like.modality))  # fmt: skip
        finally:
            handle.remove()
        return [row for part in kept for row in part]

    def _gain(self, before: Tensor, after: Tensor, gradient: Tensor) -> float:
        """The first-order change: the sum over tokens of (new embedding - old embedding) . gradient."""
        steps = min(len(before), len(after))
        before, after = before[:steps], after[:steps]
        changed = before != after
        if not bool(changed.any()):
            return 0.0
        weight = self._layer.weight.detach()
        apart = weight[after[changed]] - weight[before[changed]]
        return float((apart * gradient[:steps][changed]).sum())


def _until(reached: type[Exception], run: Callable[[TextRows], Any], rows: TextRows) -> None:
    try:
        run(rows)
    except reached:
        return
