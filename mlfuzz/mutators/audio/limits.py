"""How far a waveform (C, T) is from its seed: L-infinity, share of changed samples, signal-to-noise ratio.

They compare sample by sample: what was moved in time first, and is compared after a later step, is far from its seed.
Rows of two lengths are compared as if silence followed the shorter.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from mlfuzz.batch import Rows, TensorRows
from mlfuzz.mutators.limits.limits import Limits

HALF_LEVEL = 0.5 / 32768
"""A sample counts as changed, or as beyond a limit, from half a level of the 16-bit grid on."""

MOVING = "time"
"""Kind of the operators that move samples, to which only `linf` and `l0` apply."""


class AudioDistance:
    """Rows against their seeds."""

    measures = ("linf", "l0", "alpha_beta", "snr")
    like = ("SNR in dB", 5.0)
    moving = frozenset({MOVING})

    def clip(self, rows: Rows, roots: Rows, limits: Limits) -> Rows:
        """Each sample brought within `linf` of its seed's, and onto the grid; silence behind a row stays silence.

        Source: TensorFuzz (Odena et al., ICML 2019), which bounds every mutant against its oldest ancestor.
        """
        assert isinstance(rows, TensorRows)
        if limits.linf is None:
            return rows
        root = _as_long(roots, rows.data.shape[-1])
        # On the grid a sample next to the bound could be rounded beyond it: the bound is a whole number of levels.
        levels = rows.modality.levels
        reach = limits.linf if levels is None else int(limits.linf * levels + 1e-6) / levels
        data = rows.data.clamp(root - reach, root + reach)
        if rows.lengths is not None:
            own = torch.arange(data.shape[-1], device=data.device) < rows.lengths[:, None]
            data = torch.where(own[:, None], data, 0.0)
        return rows.with_data(data).project()

    def check(self, rows: Rows, roots: Rows, limits: Limits, *, kind: str) -> Tensor:
        """(B,) bool: within every limit that is set. DeepHunter's rule and the ratio do not hold for what moves all."""
        assert isinstance(rows, TensorRows)
        length = max(rows.data.shape[-1], _data(roots).shape[-1])
        data, root = _as_long(rows, length), _as_long(roots, length)
        apart = (data - root).abs_().flatten(1)
        within = torch.ones(len(rows), dtype=torch.bool, device=data.device)
        if limits.linf is not None:
            within &= apart.amax(1) <= limits.linf + HALF_LEVEL
        if limits.l0 is not None:
            within &= changed(apart) <= limits.l0
        if limits.alpha_beta is not None and kind != MOVING:
            alpha, beta = limits.alpha_beta
            within &= (changed(apart) < alpha) | (apart.amax(1) < beta)
        if limits.snr is not None and kind != MOVING:
            within &= signal_to_noise(data, root) >= limits.snr
        return within

    def likeness(self, rows: Rows, roots: Rows) -> Tensor:
        """Signal to noise, dB."""
        length = max(_data(rows).shape[-1], _data(roots).shape[-1])
        return signal_to_noise(_as_long(rows, length), _as_long(roots, length))


def changed(apart: Tensor) -> Tensor:
    """Share of samples that differ, (B,). apart: absolute differences (B, n)."""
    return (apart > HALF_LEVEL).float().mean(1)


def signal_to_noise(data: Tensor, root: Tensor) -> Tensor:
    """(B,) dB: power of the seed that is in a row, over the power of the rest. A gain alone leaves it infinite.

    From a silent seed anything is infinitely far, silence alone excepted.
    Source: Le Roux et al., SDR: half-baked or well done?, ICASSP 2019, equation 3 (scale-invariant).
    """
    row, seed = data.double().flatten(1), root.double().flatten(1)
    share = (row * seed).sum(1) / seed.square().sum(1).clamp(min=1e-20)
    signal = (share.view(-1, 1) * seed).square().sum(1)
    noise = (row - share.view(-1, 1) * seed).square().sum(1)
    ratio = torch.where(signal > 0, 10 * (signal.log10() - noise.clamp(min=1e-20).log10()), -torch.inf)
    return torch.where(noise <= 1e-12 * signal, torch.inf, ratio).float()


def _as_long(rows: Rows, length: int) -> Tensor:
    data = _data(rows)
    return pad(data, (0, length - data.shape[-1]))


def _data(rows: Rows) -> Tensor:
    assert isinstance(rows, TensorRows)
    return rows.data


DISTANCE = AudioDistance()
