"""A campaign's searches: when one is due, where it starts, and what becomes of what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices, Rows, Step, TensorRows
from mlfuzz.campaign.pool import Pool
from mlfuzz.campaign.search.cross import BLENDS, nearest
from mlfuzz.campaign.search.disagree import disagree, toward
from mlfuzz.campaign.search.gaps import GRADIENT_COST, Seen, Slope, Walked
from mlfuzz.campaign.search.limits import admitted, bounded, spanned
from mlfuzz.campaign.search.objective import Objective, Trials, objectives, scores_of
from mlfuzz.campaign.search.slope import differentiable, slope_of
from mlfuzz.campaign.seedbed import Seedbed
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.limits import FIXED_SEVERITY, Ledger
from mlfuzz.mutators.plan import Mutated
from mlfuzz.oracles.base import Oracle
from mlfuzz.storage.blobs import Blobs
from mlfuzz.storage.contents import CONTENTS

Mode = Literal["auto", "off", "white", "black"]
MODES: tuple[Mode, ...] = ("auto", "off", "white", "black")

SHARE = 0.1
"""Of a campaign's inputs that searches may take: they find one kind of failure, and know nothing of turns or typos.
At a median of 15 evaluations a seed a tenth serves each of a thousand seeds within 150,000 inputs."""

EACH = 64
"""Evaluations for each parent of a turn: four times the median."""

BATCHES = 4
"""Of a campaign's batches: what a turn may use, so that nobody waits for it."""

MOST = 2048
"""Evaluations of a turn, however large the batches are."""

OTHERS = 256
"""Seeds that a black-box search may draw a row towards."""


@dataclass(frozen=True, slots=True)
class Found:
    """picked: parents of the rows found; mutated: those rows; None where nothing was. evaluations: used in all."""

    picked: Indices
    mutated: Mutated | None
    evaluations: int


@dataclass(slots=True)
class Searcher:
    """Spends its share of the inputs on searches, a turn at a time, each for one oracle from a few parents.

    mode: "white" follows gradients, and gives up where there are none; "black" never asks for one; "auto" does what it
    can, and leaves alone what is relative to the seed unless limits say how far an input may go from it.
    key: of the order in which seeds are searched from; another for each worker and life. batch: rows of one forward
    pass. ran: inputs of the campaign's ordinary batches. spent: evaluations of searches, of
    which a gradient counts as two.
    """

    target: Any
    corpus: Corpus
    pool: Pool
    seedbed: Seedbed
    ledger: Ledger
    blobs: Blobs
    aims: list[Objective]
    mode: Mode
    batch: int
    key: int = 0
    share: float = SHARE
    ran: int = 0
    spent: int = 0
    turns: int = 0
    _places: dict[int, int] = field(default_factory=dict)
    _white: bool | None = None

    @property
    def allowance(self) -> int:
        """Evaluations that may be used now."""
        return int(self.share / max(1 - self.share, 1e-9) * self.ran) - self.spent

    @property
    def turn_size(self) -> int:
        """Evaluations of a turn, those of what it finds included."""
        return min(max(BATCHES * self.batch, EACH), MOST)

    def note(self, inputs: int) -> None:
        """An ordinary batch has run."""
        self.ran += inputs

    def due(self) -> bool:
        return bool(self.aims) and self.allowance >= self.turn_size

    def turn(self, rng: np.random.Generator, begin: Callable[[Indices], None], beat: Callable[[], None]) -> Found:
        """One search. begin: told the parents before anything runs. beat: called before each forward pass."""
        aim = self._aim()
        self.turns += 1
        if aim is None:
            self.spent += self.turn_size  # what it might have used: else it would be asked again at once
            return Found(np.zeros(0, np.int64), None, 0)
        picked = self.pool.split(self._parents(aim, self.turn_size // EACH, rng))[0]
        begin(picked)
        most = self.turn_size // len(picked) - 1  # what is found runs once more, in a batch of its own
        rows, roots = self.pool.gather(picked), self.pool.gather(self.corpus.seeds[picked])
        if not isinstance(rows, TensorRows) or not isinstance(roots, TensorRows):
            return self._nothing(aim, picked, 0)
        walked = self._walk(aim, picked, rows, roots, most, rng, beat)
        if walked is None:
            return self._nothing(aim, picked, 0)
        return self._found(aim, picked, walked, roots)

    def _walk(
        self, aim: Objective, picked: Indices, rows: TensorRows, roots: TensorRows, most: int,
        rng: np.random.Generator, beat: Callable[[], None],
    ) -> Walked | None:  # fmt: skip
        trials = Trials(
            self.target, self.seedbed, rows, picked, self.corpus.seeds[picked], self.corpus.loads[picked],
            self._invariant(picked), beat,
        )  # fmt: skip
        limits = spanned(self.ledger.limits, free=not aim.relative)
        slope = self._slope(aim, trials, rows)
        if slope is None and self.mode == "white":
            return None

        def gap(tried: TensorRows, which: Indices) -> Seen:
            return trials.judge(aim, tried, which)

        others, near = (None, None) if slope is not None else self._others(rows, picked)
        search = disagree if aim.across else toward
        return search(
            gap, rows, bounded(roots, limits), span=float(limits.linf or 1.0), rng=rng, most=most, slope=slope,
            others=others, near=near, batch=self.batch,
        )  # fmt: skip

    def _invariant(self, picked: Indices) -> NDArray[np.bool_]:
        """(B,) whether what is found keeps its parent's label: only near its seed, or where it was asked for."""
        near = self.ledger.limits.by_distance or self.mode != "auto"
        return np.asarray(self.corpus.invariant[picked] & near, np.bool_)

    def _slope(self, aim: Objective, trials: Trials, rows: TensorRows) -> Slope | None:
        if self.mode == "black":
            return None
        if self._white is None:
            self._white = differentiable(self.target, rows)
            self.spent += 2 * GRADIENT_COST
        if not self._white:
            return None
        return slope_of(self.target, lambda seen, which: trials.gap(aim, seen, which))

    def _aim(self) -> Objective | None:
        """The next objective in turn; None where each of them is to be left alone this time."""
        for at in range(len(self.aims)):
            aim = self.aims[(self.turns + at) % len(self.aims)]
            if aim.due():
                return aim
        return None

    def _parents(self, aim: Objective, count: int, rng: np.random.Generator) -> Indices:
        """The next seeds in an order of chance; once all have had their turn, entries that descend from them."""
        seeds = len(self.seedbed)
        first = self._places.get(aim.number, 0)
        places = np.arange(first, first + min(max(1, count), seeds))
        self._places[aim.number] = int(places[-1]) + 1
        rounds = np.unique(places // seeds).tolist()
        orders = {turn: np.random.default_rng([self.key, turn]).permutation(seeds) for turn in rounds}
        chosen = [int(orders[place // seeds][place % seeds]) for place in places.tolist()]
        return np.asarray(
            [
                seed if place < seeds else self._descendant(seed, rng)
                for place, seed in zip(places, chosen, strict=True)
            ],
            np.int64,
        )

    def _descendant(self, seed: int, rng: np.random.Generator) -> int:
        rows = np.flatnonzero(self.corpus.seeds == seed)
        return int(rows[rng.integers(0, len(rows))])

    def _others(self, rows: TensorRows, picked: Indices) -> tuple[TensorRows | None, Indices | None]:
        """Seeds of the same shape, and those of them that each row may be drawn towards: of another class."""
        count = len(self.seedbed)
        seeds = np.unique(np.linspace(0, count - 1, min(count, OTHERS)).round().astype(np.int64))
        scores = scores_of(self.seedbed.reference)
        others = self.pool.gather(self.pool.split(seeds)[0])
        if scores is None or not isinstance(others, TensorRows) or others.data.shape[1:] != rows.data.shape[1:]:
            return None, None
        classes = scores.argmax(1).cpu().numpy()
        theirs = classes[self.pool.split(seeds)[0]]
        return others, nearest(rows, classes[self.corpus.seeds[picked]], others, theirs, most=BLENDS)

    def _found(self, aim: Objective, picked: Indices, walked: Walked, roots: TensorRows) -> Found:
        aim.tried += len(picked)
        hits = np.flatnonzero(walked.hit)
        evaluations = int(walked.spent.sum())
        if len(hits):
            inside = admitted(walked.found.take(hits), roots.take(hits), self.ledger.limits, kind="replace")
            hits = hits[inside]
        aim.found += len(hits)
        self.spent += evaluations + len(hits)
        if not len(hits):
            return Found(picked[:0], None, evaluations)
        return Found(picked[hits], self._mutated(picked[hits], walked.found.take(hits)), evaluations)

    def _nothing(self, aim: Objective, picked: Indices, evaluations: int) -> Found:
        aim.tried += len(picked)
        self.spent += self.turn_size
        return Found(picked[:0], None, evaluations)

    def _mutated(self, picked: Indices, rows: Rows) -> Mutated:
        """What was found as one replace mutation of each parent."""
        modality, count = self.target.modality, len(picked)
        files = [modality.encode(payload) for payload in rows.payloads(np.arange(count))]
        for data in files:
            self.blobs.put(data)
        columns = {
            "blob": np.asarray([CONTENTS.put(data) for data in files]),
            "share": np.ones(count, np.float32),
        }
        part = MUTATORS.get(f"{modality.name}.replace")
        step = Step(part.name, part.version, 0, count, columns)
        severity = np.full(count, FIXED_SEVERITY, np.float32)
        return Mutated(
            rows, (step,), self.ledger.searched(self.corpus.loads[picked]), self._invariant(picked),
            np.zeros(count, np.bool_), severity,
        )  # fmt: skip


def searcher_for(
    table: dict[str, Any], *, target: Any, oracles: tuple[Oracle, ...], floors: tuple[float, ...], corpus: Corpus,
    pool: Pool, seedbed: Seedbed, ledger: Ledger, blobs: Blobs, batch: int, key: int = 0,
) -> Searcher | None:  # fmt: skip
    """The searches that `search` in the configuration asks for; None where there is nothing for them to do.

    "auto" searches where an oracle compares two forms of the target, or where limits keep inputs near their seeds.
    Raises ConfigError for an unknown name or argument.
    """
    mode, share = _asked(table)
    if mode == "off":
        return None
    bounded_ = ledger.limits.by_distance
    aims = objectives(oracles, floors, relative=bounded_ or mode != "auto")
    if mode == "auto" and not bounded_ and not any(aim.across for aim in aims):
        return None
    return Searcher(target, corpus, pool, seedbed, ledger, blobs, aims, mode, batch, key, share) if aims else None


def _asked(table: dict[str, Any]) -> tuple[Mode, float]:
    arguments = dict(table)
    name, share = str(arguments.pop("name", "auto")), arguments.pop("share", SHARE)
    mode = next((mode for mode in MODES if mode == name), None)
    if mode is None:
        raise ConfigError(f"search is one of {', '.join(MODES)}, not {name!r}")
    if arguments:
        raise ConfigError(f"search {name}: unknown argument {next(iter(arguments))!r}; it takes share")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise ConfigError(f"search {name}: share is above 0 and below 1, not {share!r}")
    return mode, float(share)
