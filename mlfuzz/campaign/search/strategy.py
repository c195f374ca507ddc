"""One turn of the searches: from a few parents towards one oracle's failure, by the means of their modality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices, Recorded, Rows, TensorRows, TextRows
from mlfuzz.campaign.search.boundary import GRADIENT_COST, Problem, Seen, Slope
from mlfuzz.campaign.search.differential import disagree, toward
from mlfuzz.campaign.search.gradient import differentiable, slope_of
from mlfuzz.campaign.search.hotflip import EmbeddingGradient
from mlfuzz.campaign.search.objective import Objective, Trials
from mlfuzz.campaign.search.projection import admitted, bounded, spanned
from mlfuzz.campaign.search.text import Estimate, choose, offered
from mlfuzz.modality.base import magnitude
from mlfuzz.mutators.base import defaults
from mlfuzz.mutators.limits.limits import Limits


@dataclass(frozen=True, slots=True)
class Catch:
    """rows: those found. hits: which of the parents they come from. columns: what a replace mutation records of them,
    but for blobs. spent: evaluations of all parents together."""

    rows: Rows
    hits: Indices
    columns: Recorded
    spent: int


@dataclass(frozen=True, slots=True)
class Hunt:
    """What a turn is given. roots: the parents' seeds. most: evaluations a parent. batch: rows of a forward pass.

    others, near: as for `cross.blend`, asked for where there is no gradient.
    """

    aim: Objective
    trials: Trials
    roots: Rows
    limits: Limits
    most: int
    batch: int
    rng: np.random.Generator
    near: Callable[[TensorRows], tuple[TensorRows | None, Indices | None]]


def hunt_values(hunt: Hunt, rows: TensorRows, roots: TensorRows, *, white: bool) -> Catch:
    """Values: gradient steps or blends and patches, then bisection and dither for what lies across."""
    trials, aim = hunt.trials, hunt.aim
    limits = spanned(hunt.limits, aim.span)
    slope: Slope | None = None
    if white:
        slope = slope_of(trials.target, lambda seen, which: trials.gap(aim, seen, which))

    def gap(tried: TensorRows, which: Indices) -> Seen:
        return trials.evaluate(aim, tried, which)

    others, near = (None, None) if white else hunt.near(rows)
    search = disagree if aim.across else toward
    span = float(limits.linf or 1.0) * magnitude(rows.modality)
    problem = Problem(gap, bounded(roots, limits), span, slope=slope, others=others, near=near)
    walked = search(problem, rows, rng=hunt.rng, most=hunt.most, batch=hunt.batch)
    hits = np.flatnonzero(walked.hit)
    if len(hits):
        hits = hits[admitted(walked.found.take(hits), roots.take(hits), hunt.limits, kind="replace")]
    columns: Recorded = {"share": np.ones(len(hits), np.float32)}
    return Catch(walked.found.take(hits), hits, columns, int(walked.spent.sum()))


def hunt_words(hunt: Hunt, rows: TextRows, estimate: Estimate | None) -> Catch:
    """Texts: edits that the label-keeping operators offer, chosen by an estimate or by what comes of them."""
    trials, aim = hunt.trials, hunt.aim

    def gap(tried: TextRows, which: Indices) -> Seen:
        return trials.evaluate(aim, tried, which)

    def admit(row: int, texts: Sequence[str]) -> NDArray[np.bool_]:
        made = TextRows(tuple(texts), rows.modality)
        return admitted(made, hunt.roots.take(np.full(len(texts), row)), hunt.limits, kind="replace")

    offers = offered(rows, defaults(rows.modality.name), hunt.rng)
    worded = choose(gap, rows, offers, admit, rng=hunt.rng, most=hunt.most, estimate=estimate, near=aim.across)
    hits = np.flatnonzero(worded.hit & np.asarray([bool(edits) for edits in worded.edits]))
    made = [sorted(worded.edits[row]) for row in hits.tolist()]
    columns: Recorded = {
        "share": np.ones(len(hits), np.float32),
        "sites": [[site for site, _, _ in edits] for edits in made],
        "old": [[old for _, old, _ in edits] for edits in made],
        "new": [[new for _, _, new in edits] for edits in made],
    }
    return Catch(worded.texts.take(hits), hits, columns, int(worded.spent.sum()))


def gradients_reach(target: Any, rows: Rows) -> tuple[bool, int]:
    """Whether they reach the input of this target, or its embedding layer; and the evaluations that took."""
    if getattr(target, "trace", None) is None or not len(rows):
        return False, 0
    if isinstance(rows, TensorRows):
        few = rows.part(0, min(2, len(rows)))
        return differentiable(target, few), len(few) * GRADIENT_COST
    assert isinstance(rows, TextRows)
    try:
        one = EmbeddingGradient(target, lambda seen, _: seen.main.float().reshape(len(seen.main), -1).sum(1))
        one(rows.part(0, 1), np.arange(1), [[]])
    except Exception:  # noqa: BLE001  whatever the system under test raises here, it has no usable gradient
        return False, GRADIENT_COST
    return True, GRADIENT_COST


def estimate_of(hunt: Hunt) -> Estimate:
    """By the gradient at the embedding layer."""
    trials, aim = hunt.trials, hunt.aim
    return EmbeddingGradient(trials.target, lambda seen, which: trials.gap(aim, seen, which))
