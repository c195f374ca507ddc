"""How sure a counted share is."""

from __future__ import annotations

import math

Z_95 = 1.959964


def wilson(hits: int, rows: int, *, z: float = Z_95) -> tuple[float, float]:
    """The interval of a share, `hits` of `rows`; (0, 1) where nothing was counted. z: 1.96 for 95 %.

    Source: Wilson, Probable inference, JASA 1927; holds its promise for few rows and for shares near 0 and 1.
    """
    if rows <= 0:
        return 0.0, 1.0
    share = hits / rows
    centre = share + z * z / (2 * rows)
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    # At the ends the sum is exact in theory and off by a rounding in floats.
    low = 0.0 if hits == 0 else max(0.0, (centre - reach) / scale)
    high = 1.0 if hits == rows else min(1.0, (centre + reach) / scale)
    return low, high
