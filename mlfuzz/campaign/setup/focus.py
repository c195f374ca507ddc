"""Where to dig: the seeds that a class, a group of seeds or a fault names, of which most inputs are then made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices
from mlfuzz.errors import UsageError, suggestion
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import fault_of
from mlfuzz.slices import SeedTable, slice_named, slice_names

SHARE = 0.9
"""Of the inputs; the rest goes on looking elsewhere, so that what is dug for too long is left again."""

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Focus:
    """inside: (seeds,) which of them. words: what was meant, for people."""

    name: str
    inside: NDArray[np.bool_]
    words: str

    def sentence(self) -> str:
        """ "label 7: 10 of 100 seeds, of which 90 % of the inputs are made"."""
        count, whole = int(self.inside.sum()), len(self.inside)
        return f"{self.words}: {count} of {whole} seeds, of which {SHARE:.0%} of the inputs are made"

    def turned(self, picked: Indices, seeds: Indices, rng: np.random.Generator) -> Indices:
        """Entries (B,), of which `SHARE` of those outside are others inside, any alike. seeds: of every entry."""
        there = np.flatnonzero(self.inside[seeds])
        outside = ~self.inside[seeds[picked]] & (rng.random(len(picked)) < SHARE)
        return np.where(outside, there[rng.integers(0, len(there), len(picked))], picked)


def focus_of(
    name: str, table: SeedTable, names: Sequence[str], labels: Sequence[str | None], findings: Sequence[Finding]
) -> Focus:
    """What `name` stands for. names, labels: of the seeds. findings: of the campaign.

    A class ("7", "label:7"), groups of seeds as a report names them ("dark+label:7"), a finding by the beginning of its
    id, or a fault by its key: then the seeds of its findings, and those of their classes.
    Raises UsageError with what there is where it is none of these, or may be several.
    """
    found = slice_named(name, table)
    if name in labels and found is not None:
        raise UsageError(
            f"--focus {name} may be the class or a group of seeds; for the class write --focus label:{name}"
        )
    if name in labels:
        return _of_seeds(name, f"label {name}", [label == name for label in labels])
    if found is not None:
        return _of_seeds(name, name.replace("+", ", ").replace(":", " "), [one in found for one in names])
    key = name.casefold()
    meant = [one for one in findings if key in (one.fault.casefold(), fault_of(one).casefold())]
    if not meant and len(key) >= 4:
        meant = [one for one in findings if one.id.startswith(key)]
        if len({one.id for one in meant}) > 1:
            ids = ", ".join(sorted(one.id for one in meant)[:SHOWN])
            raise UsageError(f"--focus {name} may be {ids}; write more of the id")
    if meant:
        fault = meant[0].fault or fault_of(meant[0])
        alike = [one for one in findings if (one.fault or fault_of(one)) == fault]
        sources, classes = {one.seed_name for one in alike}, {one.label for one in alike if one.label is not None}
        chosen = [one in sources or label in classes for one, label in zip(names, labels, strict=True)]
        return _of_seeds(name, f"fault {fault}", chosen)
    known = [*dict.fromkeys(label for label in labels if label is not None), *slice_names(table)]
    raise UsageError(
        f"--focus {name}: no class, group of seeds, finding or fault of this campaign is called so"
        f"{suggestion(_unknown(name, table), known)}; mlfuzz report and mlfuzz findings list name them"
    )


def _unknown(name: str, table: SeedTable) -> str:
    """The part of a group's name that is none."""
    return next((part for part in name.split("+") if slice_named(part, table) is None), name)


def _of_seeds(name: str, words: str, chosen: Sequence[bool]) -> Focus:
    inside = np.asarray(chosen, np.bool_)
    if not inside.any():
        raise UsageError(f"--focus {name}: none of the seeds of this campaign is meant; leave it out")
    return Focus(name, inside, words)
