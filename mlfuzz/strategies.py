"""Hypothesis strategies: seeds, and chains of mutators on them that shrink to fewer and milder steps.

@given(mlfuzz.strategies.images("corpus/seeds/image/digits", size=(28, 28)))
def test_the_label_holds(mutant):
    assert classify(mutant.payload) == mutant.label
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from hypothesis import example
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase, choices_to_bytes
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from mlfuzz.batch import Rows, Step, from_payloads
from mlfuzz.config import resolve
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.errors import SeedError, UsageError
from mlfuzz.findings.promote import records_in
from mlfuzz.findings.regression import read_regression
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.base import Modality, Payload, rebuild
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.mutation import Chain, Mutation, Value, sentence
from mlfuzz.mutators.base import Mutator, select, units
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.param import Blob, Choice, Integer, LogReal, Param, Real, Seed, columns_of
from mlfuzz.storage.names import folder_name

STEPS = 3
GRAIN = 100
"""Severities are drawn in hundredths of a range: that is as round as numbers need be."""

Drawn = tuple[Mutator, dict[str, Any], int]
"""An operator, its parameters, and a source of chance."""

CPU = torch.device("cpu")

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Mutant:
    """An input and where it comes from.

    payload: as the modality has it: (C, H, W) uint8, (C, T) int16, or a string. seed: likewise, before the chain.
    label: the seed's, None where it has none. name: of the seed.
    """

    payload: Payload = field(repr=False)
    seed: Payload = field(repr=False)
    label: str | None
    name: str
    chain: Chain = field(default=(), repr=False)
    change: str = "unchanged seed"


Seeds = str | Path | Sequence[Payload]
"""A folder or file of seeds (a sub-folder is a label), or payloads."""


def images(
    seeds: Seeds, mutators: Sequence[str] = (), *, size: tuple[int, int] | None = None, modality: Image | None = None,
    **more: Any,
) -> SearchStrategy[Mutant]:  # fmt: skip
    """Pictures. size: (height, width); modality: where more is to be said. mutators, more: as for `mutants`."""
    return mutants(modality or Image(size=size), seeds, mutators, **more)


def audio(
    seeds: Seeds, mutators: Sequence[str] = (), *, modality: Audio | None = None, **more: Any
) -> SearchStrategy[Mutant]:
    """Waveforms, 16 kHz and one second unless the modality says otherwise."""
    return mutants(modality or Audio(), seeds, mutators, **more)


def texts(
    seeds: Seeds, mutators: Sequence[str] = (), *, modality: Text | None = None, **more: Any
) -> SearchStrategy[Mutant]:
    """Strings, of up to 1000 characters unless the modality says otherwise."""
    return mutants(modality or Text(), seeds, mutators, **more)


def mutants(
    modality: Modality, seeds: Seeds, mutators: Sequence[str] = (), *, labels: Sequence[str] = (), steps: int = STEPS,
    limits: Limits | None = None, findings: str | Path = "",
) -> SearchStrategy[Mutant]:  # fmt: skip
    """Seeds with up to `steps` mutators on them, within the limits of a campaign.

    mutators: names or patterns as `mlfuzz list mutators` has them; by default the default ones that keep the label.
    findings: a target's name, or a folder of regressions: `RegressionDatabase` replays these first.
    What fails shrinks to the first seed, fewer steps, milder values and the first noise seeds.
    Raises SeedError, UnknownNameError.
    """
    parts = [part for part in select(modality.name, mutators) if mutators or part.effect == "invariant"]
    parts = [part for part in parts if not any(isinstance(each, Blob) for each in part.space.values())]
    ledger = DistanceLedger(limits or Limits(), parts)
    step = st.sampled_from(sorted(parts, key=lambda part: (part.cost, part.name))).flatmap(_step)
    loaded = _loaded(seeds, modality, labels)
    return _mutant(loaded, modality, st.lists(step, max_size=steps), ledger, _kept(findings))


def examples(findings: str | Path, argument: str) -> Callable[[F], F]:
    """A decorator: the test runs first on each finding kept of a target, as Hypothesis' explicit examples.

    findings: a target's name, or a folder of regressions. argument: of the test, that takes the mutant.
    """
    kept = _kept(findings)

    def decorate(test: F) -> F:
        for mutant in kept:
            test = example(**{argument: mutant})(test)
        return test

    return decorate


class RegressionDatabase(ExampleDatabase):
    """Hands the findings kept of a target to tests whose strategy has the same `findings`. Nothing is saved in it.

    Use it beside one's own: MultiplexedDatabase(DirectoryBasedExampleDatabase(...), RegressionDatabase("digits")).
    """

    def __init__(self, findings: str | Path) -> None:
        super().__init__()
        self._count = len(records_in(_folder(findings)))

    def fetch(self, key: bytes) -> Iterable[bytes]:
        if not key.endswith((b".secondary", b".pareto")):
            yield from (choices_to_bytes((number,)) for number in range(1, self._count + 1))

    def save(self, key: bytes, value: bytes) -> None:
        """A finding is kept by `mlfuzz findings promote`, not by a test."""

    def delete(self, key: bytes, value: bytes) -> None:
        """Regressions are removed from git, not by a test that passes."""


@st.composite
def _mutant(
    draw: DrawFn, seeds: Sequence[Mutant], modality: Modality, chains: SearchStrategy[list[Drawn]],
    ledger: DistanceLedger, kept: Sequence[Mutant],
) -> Mutant:  # fmt: skip
    number = draw(st.integers(0, len(kept))) if kept else 0
    if number:
        return kept[number - 1]
    seed = seeds[draw(st.integers(0, len(seeds) - 1))]
    return _mutated(seed, modality, draw(chains), ledger)


def _mutated(seed: Mutant, modality: Modality, drawn: Sequence[Drawn], ledger: DistanceLedger) -> Mutant:
    rows: Rows = from_payloads([seed.payload], modality, CPU)
    loads = np.zeros((1, ledger.width), np.float32)
    chain: list[Mutation] = []
    for part, params, chance in drawn:
        columns: Any = columns_of(dict(part.space), [params])
        allowed = ledger.allow(part, columns, loads)
        if allowed.dropped[0]:
            continue
        recorded = part.record(rows, allowed.columns, np.asarray([chance], np.int64))
        rows, loads = part.apply(rows, recorded), allowed.loads
        chain.append(Step(part.name, part.version, 0, 1, recorded).mutation(0))
    made = tuple(chain)
    return Mutant(rows.payload(0), seed.payload, seed.label, seed.name, made, sentence(made, units()))


def _step(part: Mutator) -> SearchStrategy[Drawn]:
    """One operator with its parameters; the number is a source of chance for those that look at the row."""
    params = {name: _values(param) for name, param in part.space.items()}
    chance = st.integers(0, 2**31 - 1) if part.propose else st.just(0)
    return st.tuples(st.just(part), st.fixed_dictionaries(params), chance)


def _values(param: Param) -> SearchStrategy[Any]:
    """Values of a parameter, the mildest first."""
    match param:
        case Choice():
            return st.sampled_from(param.values)
        case Seed():
            return st.integers(0, 2**31 - 1)
        case Integer():
            middle = param.low if param.neutral is None else int(param.neutral)
            return st.integers(param.low - middle, param.high - middle).map(lambda away: middle + away)
        case Real() | LogReal():
            if param.neutral is None:
                return st.integers(0, GRAIN).map(lambda share: _between(param, param.low, param.high, share / GRAIN))
            low = -GRAIN if param.low < param.neutral else 0
            high = GRAIN if param.high > param.neutral else 0
            return st.integers(low, high).map(lambda share: _away(param, share / GRAIN))
        case _:
            return st.integers(0, 2**31 - 1).map(lambda seed: _drawn(param, seed))


def _away(param: Real | LogReal, share: float) -> float:
    """From neutral (0) to the upper (1) or lower (-1) end."""
    end = param.high if share >= 0 else param.low
    assert param.neutral is not None
    return _between(param, param.neutral, end, abs(share))


def _between(param: Real | LogReal, start: float, end: float, share: float) -> float:
    value = start * (end / start) ** share if isinstance(param, LogReal) else start + (end - start) * share
    return float(np.float32(value))


def _drawn(param: Param, seed: int) -> Value:
    drawn: NDArray[np.generic] = param.draw(1, np.random.default_rng(seed))
    value: Value = drawn[0].item()
    return value


def _loaded(seeds: Seeds, modality: Modality, labels: Sequence[str]) -> list[Mutant]:
    if isinstance(seeds, str | Path):
        found = load_seeds(Path(seeds), modality, labels=labels).seeds
        loaded = [Mutant(seed.payload, seed.payload, seed.label, seed.name) for seed in found]
    else:
        loaded = [Mutant(payload, payload, None, f"seed {number}") for number, payload in enumerate(seeds)]
    if not loaded:
        raise SeedError("a strategy needs seeds: give a folder, a file or a list of payloads")
    return loaded


def _kept(findings: str | Path) -> list[Mutant]:
    if not findings:
        return []
    kept = []
    for path in records_in(_folder(findings)):
        finding, files = read_regression(path)
        modality = rebuild(finding.modality)
        payload = modality.decode(files[finding.input.file], suffix=modality.suffix)
        seed = payload if finding.seed is None else modality.decode(files[finding.seed.file], suffix=modality.suffix)
        change = finding.sentence or "unchanged seed"
        kept.append(Mutant(payload, seed, finding.label, finding.seed_name or finding.id, finding.chain, change))
    return kept


def _folder(findings: str | Path) -> Path:
    """Raises UsageError where nothing is kept."""
    folder = Path(findings)
    if not folder.is_dir():
        folder = resolve(Path.cwd()).corpus_dir / "regressions" / folder_name(str(findings))
    if not folder.is_dir():
        raise UsageError(f"no regressions of {findings}: {folder} is not there; mlfuzz findings promote writes it")
    return folder
