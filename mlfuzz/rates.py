"""How sure a counted share is, and whether two of them differ: exact, and in plain Python."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

CONFIDENCE = 0.95

POWER = 0.8
"""Of drops of a size so many come out. Source: Cohen, Statistical power analysis for the behavioral sciences, 1988."""

_TIE = 1 + 1e-7
"""Tables that are as likely as the one seen, but for a rounding, count as extreme."""

_EXACT_RANKS = 50
"""Pairs up to which all signs are counted; beyond, the normal approximation is off by less than .002."""

_FEW_VALUES = 10
"""Below it a spread is known to half of itself at best."""

_SAME_RANK = 1e-9
"""Changes that differ by less are equal but for a rounding."""


def wilson(hits: float, rows: float, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a share, `hits` of `rows`; (0, 1) where nothing was counted. confidence: in (0, 1).

    Source: Wilson, Probable inference, JASA 1927; holds its promise for few rows and for shares near 0 and 1.
    """
    if rows <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = hits / rows
    centre = share + z * z / (2 * rows)
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    # At the ends the sum is exact in theory and off by a rounding in floats.
    low = 0.0 if hits == 0 else max(0.0, (centre - reach) / scale)
    high = 1.0 if hits == rows else min(1.0, (centre + reach) / scale)
    return low, high


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The interval of a mean of numbers in [0, 1], such as shares by input; (0, 1) of none.

    Wilson's for as many yes and no as would vary like these. Of few values, or of equal ones, the spread says little:
    they count as yes and no, which no numbers of the same mean vary more than.
    Source: Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts,
    Survey Methodology 1998 (effective sample size); they take it for samples in clusters.
    """
    rows, whole = len(values), sum(values)
    if rows < _FEW_VALUES:
        return wilson(whole, rows)
    mean = whole / rows
    spread = sum((value - mean) ** 2 for value in values) / (rows - 1)
    alike = rows if spread < _SAME_RANK else max(rows, rows * mean * (1 - mean) / spread)
    return wilson(mean * alike, alike)


def mcnemar(one: int, other: int) -> float:
    """Two-sided p-value that the same inputs fail equally often on two targets.

    one, other: inputs that failed on the first target alone, and on the second alone.
    Source: McNemar, Psychometrika 1947, in its exact form: a binomial with share 1/2.
    """
    count = one + other
    if count == 0:
        return 1.0
    tail = sum(math.exp(_log_choose(count, k) - count * math.log(2)) for k in range(min(one, other) + 1))
    return min(1.0, 2 * tail)


def signed_rank(changes: Sequence[float]) -> float:
    """Two-sided p-value that paired changes are as often up as down, and as far.

    Changes of 0 are left out, equal ones share their mean rank; exact for few, else normal, corrected for ties.
    Source: Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1945.
    """
    moved = sorted((change for change in changes if abs(change) > _SAME_RANK), key=abs)
    if not moved:
        return 1.0
    doubled: list[int] = []  # twice the mean rank is a whole number
    start, tied = 0, 0
    while start < len(moved):
        stop = start + 1
        while stop < len(moved) and abs(moved[stop]) - abs(moved[start]) <= _SAME_RANK:
            stop += 1
        doubled += [start + 1 + stop] * (stop - start)
        tied += (stop - start) ** 3 - (stop - start)
        start = stop
    count, whole = len(moved), sum(doubled)
    up = sum(rank for rank, change in zip(doubled, moved, strict=True) if change > 0)
    low = min(up, whole - up)
    if count <= _EXACT_RANKS:
        ways = [1] + [0] * whole
        for rank in doubled:
            for total in range(whole, rank - 1, -1):
                ways[total] += ways[total - rank]
        return min(1.0, sum(ways[: low + 1]) / 2.0 ** (count - 1))
    variance = count * (count + 1) * (2 * count + 1) / 24 - tied / 48
    distance = max(0.0, abs(low / 2 - whole / 4) - 0.5)
    return min(1.0, 2 * NormalDist().cdf(-distance / math.sqrt(variance)))


def rank_sum(inside: Sequence[float], outside: Sequence[float]) -> float:
    """Two-sided p-value that numbers of one group are as often above as below those of the other.

    The normal approximation, corrected for ties and continuity; 1 where a group is empty or all are alike.
    Source: Mann and Whitney, On a test of whether one of two random variables is stochastically larger than the other,
    Annals of Mathematical Statistics 1947.
    """
    moved, variance = _rank_shift(inside, outside)
    return min(1.0, 2 * NormalDist().cdf(-max(0.0, abs(moved) - 0.5) / math.sqrt(variance))) if variance else 1.0


def stratified_rank_sum(strata: Iterable[tuple[Sequence[float], Sequence[float]]]) -> float:
    """`rank_sum` of several pairs of groups together, each pair ranked by itself; 1 where none can be compared.

    Source: Van Elteren, On the combination of independent two sample tests of Wilcoxon, Bulletin of the ISI 1960: a
    stratum of n counts 1 / (n + 1).
    """
    shift, variance = 0.0, 0.0
    for inside, outside in strata:
        moved, spread = _rank_shift(inside, outside)
        weight = 1 / (len(inside) + len(outside) + 1)
        shift, variance = shift + weight * moved, variance + weight**2 * spread
    return min(1.0, 2 * NormalDist().cdf(-abs(shift) / math.sqrt(variance))) if variance else 1.0


def _rank_shift(inside: Sequence[float], outside: Sequence[float]) -> tuple[float, float]:
    """By how much the rank sum of `inside` lies above its mean, and its variance; (0, 0) where nothing can be told."""
    one, other = len(inside), len(outside)
    count = one + other
    marked = sorted([(value, True) for value in inside] + [(value, False) for value in outside])
    start, tied, ranks = 0, 0, 0.0
    while start < count:
        stop = start + 1
        while stop < count and marked[stop][0] - marked[start][0] <= _SAME_RANK:
            stop += 1
        ranks += (start + 1 + stop) / 2 * sum(mine for _, mine in marked[start:stop])
        tied += (stop - start) ** 3 - (stop - start)
        start = stop
    if not one or not other or tied == count**3 - count:
        return 0.0, 0.0
    return ranks - one * (count + 1) / 2, one * other / 12 * (count + 1 - tied / (count * (count - 1)))


def benjamini_hochberg(values: Sequence[float]) -> list[float]:
    """q-values: of the tests at or below one, at most that share is false, on average.

    Source: Benjamini and Hochberg, Controlling the false discovery rate, JRSS B 1995.
    """
    adjusted, least = [1.0] * len(values), 1.0
    order = sorted(range(len(values)), key=values.__getitem__)
    for place in reversed(range(len(order))):
        least = min(least, values[order[place]] * len(values) / (place + 1))
        adjusted[order[place]] = least
    return adjusted


def holm(values: Sequence[float]) -> list[float]:
    """p-values so adjusted that any one below a level is an error in at most that share of all families of tests.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.
    """
    adjusted, most = [1.0] * len(values), 0.0
    for place, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        most = max(most, min(1.0, (len(values) - place) * values[at]))
        adjusted[at] = most
    return adjusted


def visible_drop(rows: int, differing: float, *, sure: float) -> float:
    """The smallest drop of a share that `mcnemar` shows on so many inputs, in `POWER` of all cases; infinity for none.

    differing: the share of the inputs on which the two targets differ at all. sure: the p-value that shows one.
    """
    low, high = 0.0, 1.0
    if rows_to_see(high, differing, sure=sure) > rows:
        return math.inf
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if rows_to_see(middle, differing, sure=sure) <= rows else (middle, high)
    return high


def rows_to_see(drop: float, differing: float, *, sure: float) -> int:
    """How many inputs `mcnemar` needs to show a drop in (0, 1], in `POWER` of all cases.

    Source: Connor, Sample size for testing differences in proportions for the paired-sample design, Biometrics 1987.
    Against the exact sum it is at most 5 % of the drop too small from 20 inputs on. Never fewer than can show anything.
    """
    normal, share = NormalDist(), max(drop, differing)
    reach = normal.inv_cdf(1 - sure / 2) * math.sqrt(share) + normal.inv_cdf(POWER) * math.sqrt(share - drop * drop)
    fewest = math.floor(math.log2(2 / sure)) + 1  # all of them lost
    return math.ceil(max(reach * reach / (drop * drop), fewest / drop))


def fisher(hits: int, rows: int, other_hits: int, other_rows: int) -> float:
    """Two-sided p-value that two independent samples, `hits` of `rows` each, have one and the same share.

    Source: Fisher, The logic of inductive inference, JRSS 1935; tables no likelier than the one seen count.
    """
    total, drawn = rows + other_rows, hits + other_hits
    if rows <= 0 or other_rows <= 0:
        return 1.0
    whole = _log_choose(total, drawn)

    def log_likelihood(k: int) -> float:
        return _log_choose(rows, k) + _log_choose(other_rows, drawn - k) - whole

    limit = log_likelihood(hits) + math.log(_TIE)
    least, most = max(0, drawn - other_rows), min(rows, drawn)
    likely = (log_likelihood(k) for k in range(least, most + 1))
    return min(1.0, sum(math.exp(value) for value in likely if value <= limit))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
