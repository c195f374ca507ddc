"""Small observations of every kind of output, for laws about oracles: what was seen, of which seeds, in which batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, Indices, Step, TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutation import Mutation
from mlfuzz.observation import Observation, Output, Ragged

ROWS = 8


@dataclass(frozen=True, slots=True)
class Example:
    """seen: of B rows. reference: of their seeds, row by row. wrong: (B,) which rows were made to fail, or None."""

    seen: Observation
    reference: Observation
    batch: Batch
    wrong: NDArray[np.bool_] | None = None

    def take(self, rows: Indices) -> Example:
        """Rows by position; the batch's steps are cut to match where they cover all of it."""
        wrong = None if self.wrong is None else self.wrong[rows]
        return Example(self.seen.take(rows), self.reference.take(rows), taken(self.batch, rows), wrong)


def scores(classes: int = 5) -> Example:
    """Logits (B, classes); the odd rows answer with another class than their seed."""
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn((ROWS, classes), generator=generator)
    wrong = np.arange(ROWS) % 2 == 1
    seen = torch.where(torch.from_numpy(wrong)[:, None], reference.roll(1, dims=1), reference * 1.1)
    return Example(observation(seen), observation(reference), batch(), wrong)


def names() -> Example:
    """Names of classes; the odd rows are called otherwise than their seed."""
    before = tuple(("cat", "dog", "fox")[row % 3] for row in range(ROWS))
    after = tuple("cow" if row % 2 == 1 else name for row, name in enumerate(before))
    return Example(observation(after), observation(before), batch(), np.arange(ROWS) % 2 == 1)


def several(labels: int = 4, *, threshold: float = 0.0) -> Example:
    """A score a label (B, labels); the odd rows gain or lose one label, the even ones keep theirs."""
    signs = torch.where((torch.arange(ROWS)[:, None] + torch.arange(labels)) % 3 == 0, 1.0, -1.0)
    wrong = np.arange(ROWS) % 2 == 1
    changed = signs.clone()
    changed[:, 1] = torch.where(torch.from_numpy(wrong), -signs[:, 1], signs[:, 1])
    seen, reference = (threshold + 0.3 * one for one in (changed, signs))
    return Example(observation(seen), observation(reference), batch(), wrong)


def values(width: int = 1, *, change: float = 1.0) -> Example:
    """Numbers (B, width); the odd rows are off by `change`, the even ones by a hundredth of it."""
    generator = torch.Generator().manual_seed(1)
    reference = torch.randn((ROWS, width), generator=generator)
    wrong = np.arange(ROWS) % 2 == 1
    seen = reference + torch.where(torch.from_numpy(wrong), change, 0.01 * change)[:, None]
    return Example(observation(seen), observation(reference), batch(), wrong)


def nonfinite() -> Example:
    """Logits and activations; row 1 has NaN in its output, 3 infinity, 5 NaN in a layer, 7 minus infinity in one."""
    good = scores()
    main, layers = good.reference.main.clone(), torch.randn((ROWS, 4), generator=torch.Generator().manual_seed(2))
    reference = observation(main, layers)
    main, layers = main.clone(), layers.clone()
    main[1, 2], main[3, 0], layers[5, 1], layers[7, 3] = torch.nan, torch.inf, torch.nan, -torch.inf
    return Example(observation(main, layers), reference, batch(), good.wrong)


def texts() -> Example:
    """Sentences; the odd rows have lost most of their words, the even ones differ in case at most."""
    sentences = [f"row {row} says that the quick brown fox jumps over the lazy dog" for row in range(ROWS)]
    heard = [text.upper() if row % 2 == 0 else "nothing" for row, text in enumerate(sentences)]
    return Example(observation(tuple(heard)), observation(tuple(sentences)), batch(), np.arange(ROWS) % 2 == 1)


def tokens() -> Example:
    """Sequences of token numbers of different length; the odd rows hold other ones."""
    lengths = torch.arange(5, 5 + ROWS)
    before = torch.arange(ROWS * 12).reshape(ROWS, 12) % 7
    before[torch.arange(12)[None] >= lengths[:, None]] = 0
    wrong = np.arange(ROWS) % 2 == 1
    after = torch.where(torch.from_numpy(wrong)[:, None], before + 7, before)
    return Example(observation(Ragged(after, lengths)), observation(Ragged(before, lengths)), batch(), wrong)


def vectors(width: int = 16) -> Example:
    """Embeddings (B, width); the odd rows point elsewhere, the even ones are longer."""
    generator = torch.Generator().manual_seed(3)
    before = torch.randn((ROWS, width), generator=generator)
    wrong = np.arange(ROWS) % 2 == 1
    after = torch.where(torch.from_numpy(wrong)[:, None], -before, 2.0 * before)
    return Example(observation(after), observation(before), batch(), wrong)


def compared(example: Example, variant: str = "bf16") -> Example:
    """Of an example, answers of two forms of one target: what was seen is the variant's, the seeds' the target's."""
    both = {"main": example.reference.outputs["main"], f"{variant}.main": example.seen.outputs["main"]}
    same = {"main": example.reference.outputs["main"], f"{variant}.main": example.reference.outputs["main"]}
    layers = example.seen.activations
    return replace(example, seen=Observation(both, layers), reference=Observation(same, layers))


def voted(example: Example, models: Sequence[str] = ("m1", "m2")) -> Example:
    """An example of one model, and others that say on every row what it said of the seed."""
    others = {f"{name}.main": example.reference.outputs["main"] for name in models}
    seen, reference = (replace(one, outputs={**one.outputs, **others}) for one in (example.seen, example.reference))
    return replace(example, seen=seen, reference=reference)


def costs(meter: str = "cost-seconds", *, own: float = 1e-3) -> Example:
    """What rows and their seeds cost alone, five times each; the odd rows take five times as long, one not measured."""
    jitter = 1.0 + 0.1 * torch.rand((ROWS, 5), generator=torch.Generator().manual_seed(5))
    wrong = np.arange(ROWS) % 2 == 1
    wrong[-1] = False
    times = torch.where(torch.arange(ROWS)[:, None] % 2 == 1, 5.0, 1.0)
    spent = own * jitter * times
    spent[-1] = torch.nan
    plain = texts()
    seen, reference = (
        Observation({**plain.reference.outputs, f"{meter}.alone": cost}, plain.seen.activations)
        for cost in (spent, own * jitter)
    )
    return Example(seen, reference, plain.batch, wrong)


def lengths() -> Example:
    """Texts; the odd rows say ten times as much as their seed."""
    sentences = tuple(f"row {row} says" for row in range(ROWS))
    heard = tuple(text * 10 if row % 2 == 1 else text + "!" for row, text in enumerate(sentences))
    return Example(observation(heard), observation(sentences), batch(), np.arange(ROWS) % 2 == 1)


def frames(classes: int = 0) -> Example:
    """Frame scores (B, 40) of one event a row, or (B, 40, classes); the odd rows have it elsewhere."""
    at = torch.arange(40)
    wrong = np.arange(ROWS) % 2 == 1
    before = ((at >= 10) & (at < 20)).float().repeat(ROWS, 1)
    after = torch.where(torch.from_numpy(wrong)[:, None], before.roll(15, 1), 0.6 + 0.4 * before - 0.6 * (before == 0))
    if classes:
        before, after = (torch.stack([1 - p, p] + [p - 2] * (classes - 2), dim=2) for p in (before, after))
    return Example(observation(after), observation(before), batch(chains=lambda row: (Mutation("audio.gain"),)), wrong)


def related(name: str, parameter: str, value: float, *, change: float, width: int = 1) -> Example:
    """Numbers (B, width) that one operator moves: by `change` on the odd rows, by its opposite on the even ones."""
    generator = torch.Generator().manual_seed(4)
    before = torch.randn((ROWS, width), generator=generator)
    wrong = np.arange(ROWS) % 2 == 1
    after = before + torch.where(torch.from_numpy(wrong), change, -change)[:, None]
    chain = (Mutation(name, {parameter: value}),)
    return Example(observation(after), observation(before), batch(chains=lambda row: chain), wrong)


def observation(main: Output, activations: Tensor | None = None) -> Observation:
    """Of rows whose main output this is; activations: four units of zeros where none are given."""
    length = len(main) if not isinstance(main, Ragged) else len(main.values)
    return Observation({"main": main}, torch.zeros((length, 4)) if activations is None else activations)


def batch(rows: int = ROWS, *, steps: Sequence[Step] = (), **fields: Any) -> Batch:
    """A batch of so many rows, each a child of its own seed, by operators that keep the label."""
    numbers = np.arange(rows, dtype=np.int64)
    whole = Batch(
        TensorRows(torch.zeros((rows, 1, 1, 1)), Image(size=(1, 1))), numbers, numbers, np.zeros((rows, 1), np.float32),
        np.ones(rows, np.bool_), tuple(steps),
    )  # fmt: skip
    return replace(whole, **fields)


def step(name: str, columns: Mapping[str, Sequence[float]]) -> Step:
    """One operator over a whole batch."""
    length = len(next(iter(columns.values())))
    return Step(name, 1, 0, length, {key: np.asarray(column, np.float32) for key, column in columns.items()})


def taken(whole: Batch, rows: Indices) -> Batch:
    """Some rows of a batch; steps that cover all of it stay with their rows, others are left out."""
    steps = [
        Step(step.name, step.version, 0, len(rows), {name: np.asarray(c)[rows] for name, c in step.columns.items()})
        for step in whole.steps
        if (step.start, step.stop) == (0, len(whole))
    ]
    chains = whole.chains
    moved = None if chains is None else lambda row: chains(int(rows[row]))
    return replace(
        whole, rows=whole.rows.take(rows), parents=whole.parents[rows], seeds=whole.seeds[rows],
        loads=whole.loads[rows], invariant=whole.invariant[rows], steps=tuple(steps), chains=moved,
    )  # fmt: skip
