"""A campaign's searches: when one is due, where it starts, and what becomes of what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices, Recorded, Rows, Step, TensorRows, TextRows
from mlfuzz.campaign.isolation.flight_recorder import Phase
from mlfuzz.campaign.search.black_box import BLENDS, nearest
from mlfuzz.campaign.search.objective import Objective, Trials, objectives, scores_of
from mlfuzz.campaign.search.strategy import Catch, Hunt, estimate_of, gradients_reach, hunt_values, hunt_words
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.campaign.setup.seeds import Seeds
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.limits.distance import DISTANCES
from mlfuzz.mutators.limits.limits import FIXED_SEVERITY, DistanceLedger
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.oracles.base import Oracle
from mlfuzz.storage.blobs import Blobs
from mlfuzz.storage.contents import CONTENTS

Mode = Literal["auto", "off", "white", "black"]
MODES: tuple[Mode, ...] = ("auto", "off", "white", "black")

SHARE = 0.1
"""Of a campaign's inputs that searches may take: they find one kind of failure, and know nothing of turns or typos.
At a median of 15 evaluations a seed a tenth serves each of a thousand seeds within 150,000 inputs."""

EACH = 32
"""Evaluations for each parent of a turn: twice the median."""

HARD = 4 * EACH
"""The same once every seed has had its turn."""

HEAD_START = 256
"""Evaluations that searches may use beyond their share, so that the first turn comes with the first batch: most of what
can be found at all is found at once. Later turns are twice as large each, up to what nobody would wait for."""

BATCHES = 4
"""Of a campaign's batches: what a turn may use at most."""

MOST = 2048
"""Evaluations of a turn, however large the batches are."""

OTHERS = 256
"""Seeds that a black-box search may draw a row towards."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """picked: parents of the rows found; mutated: those rows; None where nothing was. evaluations: used in all."""

    picked: Indices
    mutated: Mutated | None
    evaluations: int


@dataclass(slots=True)
class SearchScheduler:
    """Spends its share of the inputs on searches, a turn at a time, each for one oracle from a few parents.

    mode: "white" follows gradients, and gives up where there are none; "black" never asks for one; "auto" does what it
    can, and leaves alone what is relative to the seed unless limits say how far an input may go from it.
    key: of the order in which seeds are searched from; another for each worker and life. batch: rows of one forward
    pass. ran: inputs of the campaign's ordinary batches. spent: evaluations of searches; a gradient counts as two.
    evaluated: of these, what was run indeed. firsts: seeds that an oracle failed on for the first time in this life by
    what a search found; others: by what ordinary batches did.
    """

    target: Any
    corpus: Corpus
    pool: InputCache
    seeds: Seeds
    ledger: DistanceLedger
    blobs: Blobs
    aims: list[Objective]
    mode: Mode
    batch: int
    key: int = 0
    share: float = SHARE
    ran: int = 0
    spent: int = 0
    turns: int = 0
    evaluated: int = 0
    firsts: int = 0
    others: int = 0
    _places: dict[int, int] = field(default_factory=dict)
    _broken: set[tuple[int, int]] = field(default_factory=set)
    _white: bool | None = None

    @property
    def allowance(self) -> int:
        """Evaluations that may be used now."""
        return HEAD_START + int(self.share / max(1 - self.share, 1e-9) * self.ran) - self.spent

    @property
    def turn_size(self) -> int:
        """Evaluations of the next turn, those of what it finds included."""
        return min(max(BATCHES * self.batch, EACH), MOST, HEAD_START << min(self.turns, 10))

    @property
    def held_share(self) -> float:
        """Of the time, what searches take that find less a pass than ordinary batches do; 0 where they keep up."""
        if not self.spent or (self.firsts and self.firsts * self.ran >= self.others * self.spent):
            return 0.0
        return self.spent / (self.spent + self.ran)

    def note(self, inputs: int) -> None:
        """An ordinary batch has run."""
        self.ran += inputs

    def due(self) -> bool:
        return bool(self.aims) and self.allowance >= self.turn_size

    def turn(
        self, rng: np.random.Generator, begin: Callable[[Indices], None], beat: Callable[[Phase], None]
    ) -> SearchResult:
        """One search. begin: told the parents before anything runs. beat: see `Trials`."""
        aim, size = self._aim(), self.turn_size
        self.turns += 1
        if aim is None:
            self.spent += size  # what it might have used: else it would be asked again at once
            return SearchResult(np.zeros(0, np.int64), None, 0)
        picked = self.pool.split(self._parents(aim, size // self._each(aim), rng))[0]
        begin(picked)
        white, asked = self._is_white(self.pool.gather(picked))
        most = (size - asked) // len(picked) - 1  # what is found runs once more, in a batch of its own
        rows, roots = self.pool.gather(picked), self.pool.gather(self.corpus.seeds[picked])
        trials = Trials(
            self.target, self.seeds, rows, picked, self.corpus.seeds[picked], self.corpus.loads[picked],
            self._invariant(picked), beat,
        )  # fmt: skip
        hunt = Hunt(
            aim, trials, roots, self.ledger.limits, most, self.batch, rng, lambda found: self._others(found, picked)
        )
        catch = self._hunt(hunt, rows, white=white and aim.traced)
        aim.tried += len(picked)
        if catch is None:
            self.spent += size
            self.evaluated += asked
            return SearchResult(picked[:0], None, asked)
        aim.found += len(catch.hits)
        self.evaluated += asked + catch.spent + len(catch.hits)
        self.spent += asked + catch.spent + len(catch.hits)
        mutated = self._mutated(picked[catch.hits], catch) if len(catch.hits) else None
        return SearchResult(picked[catch.hits], mutated, asked + catch.spent)

    def _hunt(self, hunt: Hunt, rows: Rows, *, white: bool) -> Catch | None:
        """None where nothing can be tried."""
        if not white and self.mode == "white":
            return None
        if isinstance(rows, TextRows):
            return hunt_words(hunt, rows, estimate_of(hunt) if white else None)
        if not isinstance(rows, TensorRows) or not isinstance(hunt.roots, TensorRows):
            return None
        if rows.data.shape != hunt.roots.data.shape:
            return None  # sounds that an operator has made longer: values cannot be compared with the seed's
        return hunt_values(hunt, rows, hunt.roots, white=white)

    def _is_white(self, rows: Rows) -> tuple[bool, int]:
        """Whether gradients may be followed, and the evaluations that finding out took: asked once."""
        if self.mode == "black":
            return False, 0
        spent = 0
        if self._white is None:
            self._white, spent = gradients_reach(self.target, rows)
        return self._white, spent

    def _invariant(self, picked: Indices) -> NDArray[np.bool_]:
        """(B,) whether what is found keeps its parent's label: only near its seed, or where it was asked for."""
        near = self.ledger.limits.by_distance or self.mode != "auto"
        return np.asarray(self.corpus.invariant[picked] & near, np.bool_)

    def _aim(self) -> Objective | None:
        """The next objective in turn; None where each of them is to be left alone this time."""
        for at in range(len(self.aims)):
            aim = self.aims[(self.turns + at) % len(self.aims)]
            if aim.due():
                return aim
        return None

    def _each(self, aim: Objective) -> int:
        """Evaluations a parent: what did not fail in a first round is hard."""
        return EACH if self._places.get(aim.number, 0) < len(self.seeds) else HARD

    def broke(self, seeds: Indices, oracles: Indices, *, searched: bool) -> None:
        """Failures beyond the floors: of each the seed and the oracle's number. searched: by what a search found."""
        fresh = set(zip(oracles.tolist(), seeds.tolist(), strict=True)) - self._broken
        self._broken |= fresh
        if searched:
            self.firsts += len(fresh)
        else:
            self.others += len(fresh)

    def _parents(self, aim: Objective, count: int, rng: np.random.Generator) -> Indices:
        """The next in an order of chance: seeds that this oracle has not failed on; in every other round entries that
        descend from any."""
        seeds, begin = len(self.seeds), self._places.get(aim.number, 0)
        order: list[int] = []
        chosen: list[int] = []
        for place in range(begin, begin + 2 * seeds):
            turn, at = divmod(place, seeds)
            if at == 0 or not order:
                order = np.random.default_rng([self.key, turn]).permutation(seeds).tolist()
            if turn % 2 or (aim.number, order[at]) not in self._broken:
                chosen.append(self._descendant(order[at], rng) if turn % 2 else order[at])
            self._places[aim.number] = place + 1
            if len(chosen) == min(max(1, count), seeds):
                break
        return np.asarray(chosen, np.int64)

    def _descendant(self, seed: int, rng: np.random.Generator) -> int:
        rows = np.flatnonzero(self.corpus.seeds == seed)
        return int(rows[rng.integers(0, len(rows))])

    def _others(self, rows: TensorRows, picked: Indices) -> tuple[TensorRows | None, Indices | None]:
        """Seeds of the same shape, and those of them that each row may be drawn towards: of another class."""
        count = len(self.seeds)
        seeds = np.unique(np.linspace(0, count - 1, min(count, OTHERS)).round().astype(np.int64))
        scores = scores_of(self.seeds.reference)
        others = self.pool.gather(self.pool.split(seeds)[0])
        if scores is None or not isinstance(others, TensorRows) or others.data.shape[1:] != rows.data.shape[1:]:
            return None, None
        classes = scores.argmax(1).cpu().numpy()
        theirs = classes[self.pool.split(seeds)[0]]
        return others, nearest(rows, classes[self.corpus.seeds[picked]], others, theirs, most=BLENDS)

    def _mutated(self, picked: Indices, catch: Catch) -> Mutated:
        """What was found as one replace mutation of each parent."""
        count = len(picked)
        columns = catch.columns if isinstance(catch.rows, TextRows) else {**self._filed(catch.rows), **catch.columns}
        part = MUTATORS.get(f"{self.target.modality.name}.replace")
        return Mutated(
            catch.rows, (Step(part.name, part.version, 0, count, columns),),
            self.ledger.searched(self.corpus.loads[picked]), self._invariant(picked), np.zeros(count, np.bool_),
            np.full(count, FIXED_SEVERITY, np.float32),
        )  # fmt: skip

    def _filed(self, rows: Rows) -> Recorded:
        """The files of rows, stored, by digest."""
        files = [self.target.modality.encode(payload) for payload in rows.payloads(np.arange(len(rows)))]
        for data in files:
            self.blobs.put(data)
        return {"blob": np.asarray([CONTENTS.put(data) for data in files])}


def searcher_for(
    table: dict[str, Any], *, target: Any, oracles: tuple[Oracle, ...], floors: tuple[float, ...], corpus: Corpus,
    pool: InputCache, seeds: Seeds, ledger: DistanceLedger, blobs: Blobs, batch: int, key: int = 0,
) -> SearchScheduler | None:  # fmt: skip
    """The searches that `search` in the configuration asks for; None where there is nothing for them to do.

    "auto" searches where an oracle compares two forms of the target, where limits keep inputs near their seeds, or
    where no oracle asks what the seed was: an answer that is wrong by itself may be looked for anywhere.
    Raises ConfigError for an unknown name or argument, and where a search is asked for by name of a modality that has
    no operator to record it by.
    """
    mode, share = _asked(table)
    if mode == "off" or ((lacking := _lacking(target.modality.name)) and mode == "auto"):
        return None
    if lacking:
        raise ConfigError(f"search {mode}: {lacking}; or leave search at auto")
    bounded_ = ledger.limits.by_distance
    aims = objectives(oracles, floors, relative=bounded_ or mode != "auto")
    absolute = not any(oracle.relative for oracle in oracles)
    if mode == "auto" and not (bounded_ or absolute or any(aim.compares for aim in aims)):
        return None
    return SearchScheduler(target, corpus, pool, seeds, ledger, blobs, aims, mode, batch, key, share) if aims else None


def _lacking(modality: str) -> str:
    """What a modality needs before anything can be searched for; "" where it has it."""
    if f"{modality}.replace" not in MUTATORS.names():
        return f'no mutator {modality}.replace: call mlfuzz.mutators.replaced.replacing("{modality}") beside the others'
    return "" if modality in DISTANCES.names() else f"modality {modality} has no distance: name one in its `parts`"


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
