"""One verdict on a batch of training data: reject it, take it, or not to be told from so few clean inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlfuzz.comparison import NO_CLEAN_INPUTS, SURE, Comparison, Gate, Pair
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FINDINGS
from mlfuzz.rates import rows_to_see, visible_drop
from mlfuzz.report.numbers import counted

VISIBLE_DROP = 0.05
"""A drop of clean accuracy that must not go unseen where a batch is taken, unless a gate names another.

A choice: 155 inputs show it where the models differ in nothing else; a fifth of it would take 783.
"""


@dataclass(frozen=True, slots=True)
class BatchVerdict:
    """What is to become of the batch, as the last line, the exit code and the JSON all say.

    harm: what is worse than chance explains. failed: gates that do not hold.
    """

    decision: Literal["reject", "cannot tell", "take"]
    sentence: str
    harm: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Where it cannot be told nothing was found, and nothing is clean either: nothing could be judged."""
        return {"reject": EXIT_FINDINGS, "cannot tell": EXIT_BROKEN, "take": EXIT_CLEAN}[self.decision]


def verdict_on(comparison: Comparison, gates: Sequence[Gate] = ()) -> BatchVerdict:
    """Reject where harm is shown or a gate does not hold; take only where a drop that matters would have shown.

    Such a drop is what a gate allows ("accuracy>=-1%", and of each class "class-accuracy>=-10%"), else `VISIBLE_DROP`.
    Raises UsageError for a gate whose metric this comparison does not have.
    """
    harm, failed = tuple(comparison.harm()), tuple(gate.text for gate in gates if not gate.holds(comparison))
    if harm or failed:
        named = f": gate {', '.join(failed)} failed" if failed else ""
        return BatchVerdict("reject", f"reject the batch{named}", harm, failed)
    if "" not in comparison.accuracy:
        return BatchVerdict("cannot tell", f"cannot tell: {NO_CLEAN_INPUTS}")
    for look in _looks(comparison, gates):
        if look.blind:
            return BatchVerdict("cannot tell", f"cannot tell: {look.too_few}")
    return BatchVerdict("take", f"no harm shown: the batch may be taken; {_shown(comparison)}")


@dataclass(frozen=True, slots=True)
class _Look:
    """Clean accuracy of a label ("": of all), and the drop of it that must not go unseen."""

    metric: str
    label: str
    pair: Pair
    drop: float
    sure: float

    @property
    def least(self) -> float:
        """The smallest drop that these inputs show."""
        return _least(self.pair, self.sure)

    @property
    def blind(self) -> bool:
        """Whether a drop that matters may have gone unseen; where a gain is shown, there is none."""
        gained = self.pair.change > 0 and self.pair.p < self.sure
        return self.least > self.drop and not gained

    @property
    def too_few(self) -> str:
        """What these inputs cannot show, and what to do."""
        rows, least = self.pair.before.rows, self.least
        inputs = counted(rows, "clean input") + (f" of {self.label}" if self.label else "")
        size = f"less than {_points(least)} points" if least <= 1 else "any size"
        enough = rows_to_see(self.drop, self.pair.differing / rows, sure=self.sure)
        more = f", or allow more: --gate '{self.metric}>=-{_points(least)}%'" if least < 1 else ""
        return (
            f"{inputs} cannot show a drop of {size}, and one of {100 * self.drop:g} must not go unseen; "
            f"give about {_rounded(enough)} of them with --seeds FOLDER{more}"
        )


def _looks(comparison: Comparison, gates: Sequence[Gate]) -> list[_Look]:
    """At all clean inputs; at each class only where a gate says what it may lose, since classes are small."""
    whole = _Look("accuracy", "", comparison.accuracy[""], _allowed("accuracy", gates) or VISIBLE_DROP, SURE)
    allowed = _allowed("class-accuracy", gates)
    if allowed is None:
        return [whole]
    classes = comparison.classes
    each = [_Look("class-accuracy", label, pair, allowed, SURE / len(classes)) for label, pair in classes.items()]
    return [whole, *each]


def _allowed(metric: str, gates: Sequence[Gate]) -> float | None:
    """The smallest drop that a gate names."""
    return min((-one.limit for one in gates if one.metric == metric and one.relative and one.limit < 0), default=None)


def _shown(comparison: Comparison) -> str:
    """What would have shown: of the whole, and of every class."""
    classes = comparison.classes
    whole = f"a drop of {_points(_least(comparison.accuracy[''], SURE))} points would have shown"
    if not classes:
        return whole
    least = max(_least(pair, SURE / len(classes)) for pair in classes.values())
    of_class = f"one of {_points(least)} in each class" if least <= 1 else "none in the smallest class"
    return f"{whole}, {of_class}"


def _least(pair: Pair, sure: float) -> float:
    return visible_drop(pair.before.rows, pair.differing / pair.before.rows, sure=sure)


def _points(share: float) -> int:
    return math.ceil(100 * share - 1e-4)


def _rounded(count: int) -> str:
    """Two digits, upwards: the estimate is no finer."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return f"{math.ceil(count / unit) * unit:,}"
