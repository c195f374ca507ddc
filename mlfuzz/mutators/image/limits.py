"""How far a picture (C, H, W) is from its seed: L-infinity, share of changed values, structural similarity."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d

from mlfuzz.batch import Rows, TensorRows
from mlfuzz.mutators.limits.limits import Limits

HALF_LEVEL = 0.5 / 255
"""A value counts as changed, or as beyond a limit, from half a level of an 8-bit grid on."""

WINDOW = 7
"""Side of SSIM's square windows, or the shorter side of the picture."""

LUMINANCE, CONTRAST = 0.01**2, 0.03**2
"""SSIM's two constants for values in [0, 1]."""


class ImageDistance:
    """Rows against their seeds."""

    measures = ("linf", "l0", "ssim", "alpha_beta")
    like = ("SSIM", 0.5)
    moving = frozenset({"geometry"})

    def clip(self, rows: Rows, roots: Rows, limits: Limits) -> Rows:
        """Each value brought within `linf` of its seed's, and onto the grid.

        Source: TensorFuzz (Odena et al., ICML 2019), which bounds every mutant against its oldest ancestor.
        """
        if limits.linf is None:
            return rows
        data, root = _pictures(rows, roots)
        # On the grid a value next to the bound could be rounded beyond it: the bound is a whole number of levels.
        levels = rows.modality.levels if isinstance(rows, TensorRows) else None
        reach = limits.linf if levels is None else int(limits.linf * levels + 1e-6) / levels
        return _tensor(rows).with_data(data.clamp(root - reach, root + reach)).project()

    def check(self, rows: Rows, roots: Rows, limits: Limits, *, kind: str) -> Tensor:
        """(B,) bool: within every limit that is set. DeepHunter's rule does not hold for geometry, which moves all."""
        data, root = _pictures(rows, roots)
        apart = (data - root).abs_().flatten(1)
        within = apart.new_ones(len(apart)).bool()
        if limits.linf is not None:
            within &= apart.amax(1) <= limits.linf + HALF_LEVEL
        if limits.l0 is not None:
            within &= changed(apart) <= limits.l0
        if limits.alpha_beta is not None and kind != "geometry":
            within &= is_valid(apart, *limits.alpha_beta)
        if limits.ssim is not None:
            within &= ssim(data, root) >= limits.ssim
        return within

    def likeness(self, rows: Rows, roots: Rows) -> Tensor:
        """Structural similarity in [-1, 1]."""
        return ssim(*_pictures(rows, roots))


def changed(apart: Tensor) -> Tensor:
    """Share of values that differ, (B,): L0 over the size. apart: absolute differences (B, n)."""
    return (apart > HALF_LEVEL).float().mean(1)


def is_valid(apart: Tensor, alpha: float, beta: float) -> Tensor:
    """(B,) bool: few values changed by any amount, or many by little. apart: absolute differences (B, n).

    Source: DeepHunter (Xie et al., ISSTA 2019), equation 1: L-inf <= 255 if L0 < alpha * size, else < beta * 255.
    """
    return (changed(apart) < alpha) | (apart.amax(1) < beta)


def ssim(data: Tensor, root: Tensor) -> Tensor:
    """Mean structural similarity in [-1, 1], (B,): square windows, half a window apart.

    Source: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004, equation 13.
    """
    side = min(WINDOW, int(data.shape[2]), int(data.shape[3]))

    def mean(values: Tensor) -> Tensor:
        return avg_pool2d(values, side, stride=max(1, side // 2))

    one, two = mean(data), mean(root)
    both = one * two
    squares = one.square() + two.square()
    spread = mean(data.square() + root.square()) - squares
    together = mean(data * root) - both
    likeness = (2 * both + LUMINANCE) * (2 * together + CONTRAST) / ((squares + LUMINANCE) * (spread + CONTRAST))
    return likeness.flatten(1).mean(1)


def _pictures(rows: Rows, roots: Rows) -> tuple[Tensor, Tensor]:
    return _tensor(rows).data, _tensor(roots).data


def _tensor(rows: Rows) -> TensorRows:
    assert isinstance(rows, TensorRows)
    return rows


DISTANCE = ImageDistance()
