"""mlfuzz against the loops of others: the same model, noise operator and objective, in one process."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from growth import criterion_of, fill
from loop_parts.pictures import lenet, mlp, write_seeds
from torch import nn

import mlfuzz
from mlfuzz.campaign.worker.campaign import Campaign
from peers_parts import attacks, libraries
from peers_parts.deephunter import DeepHunter
from peers_parts.tensorfuzz import TensorFuzz
from peers_parts.turns import rates

SIGMA = 0.1
"""TensorFuzz's 0.2 of [-1, 1], in shares of the full scale."""

FAR = 1e9
"""A distance that nothing lies beyond: nothing is new."""

NOISE = "image.gauss_noise"
FREE = {"per_kind": 1e9, "total": 1e9, "steps": 1_000_000, "sums": {}}

MODELS: dict[str, Callable[[], nn.Module]] = {"mlp": mlp, "lenet": lenet}


@contextmanager
def campaign(name: str, *, batch: int, **options: Any) -> Iterator[tuple[Campaign, nn.Module]]:
    """One on 64 smooth pictures with the one operator, and a model like its own that no hook watches."""
    with tempfile.TemporaryDirectory(prefix="mlfuzz-peers-") as folder:
        base = Path(folder)
        (base / "seeds").mkdir()
        write_seeds(base / "seeds", 28, 1)
        built = []
        for _ in range(2):
            torch.manual_seed(0)
            built.append(MODELS[name]().eval())
        target = mlfuzz.ModuleTarget(f"bench:{name}", mlfuzz.Image(size=(28, 28)), built[0])
        known = {"limits": FREE, "batch": batch, **options}
        with Campaign.open(base / "campaign", target, seeds=base / "seeds", **known) as opened:
            yield opened, built[1]


def seeds_of(opened: Campaign) -> torch.Tensor:
    """(64, 1, 28, 28) in [0, 1]."""
    rows: Any = opened.pool.gather(np.arange(len(opened.loop.seeds)))
    return rows.data.clone()


def tensorfuzz(entries: int, *, grows: bool, seconds: float, batch: int, name: str = "mlp") -> dict[str, object]:
    """The published loop against the preset of its name: raw logits, nothing of them new or everything."""
    random.seed(0)
    np.random.seed(0)
    radius = 0.0 if grows else FAR
    coverage = {"name": "novelty", "features": "logits", "standardise": False, "radius": radius}
    options = {"preset": "tensorfuzz", "coverage": coverage, "oracles": ["nonfinite"], "mutators": [NOISE]}
    with campaign(name, batch=batch, **options) as (opened, model):
        seeds = seeds_of(opened).numpy().astype(np.float64)
        theirs = TensorFuzz(model, seeds[:1], sigma=SIGMA, threshold=-1.0 if grows else FAR)
        theirs.fill(entries)
        fill(opened, entries)
        before = len(opened.corpus), len(theirs.corpus)
        found = rates(opened.loop.step, theirs.step, seconds)
        if not grows:
            assert (len(opened.corpus), len(theirs.corpus)) == before
        return {
            "bench": "peers", "peer": "tensorfuzz", "model": name, "regime": "grows" if grows else "nothing added",
            "corpus": entries, **found.line(), "batch": batch, "entries": [before[0], len(opened.corpus)],
            "their_entries": [before[1], len(theirs.corpus)], "tier": criterion_of(opened).covered()["tier"],
        }  # fmt: skip


def deephunter(*, seconds: float, batch: int, name: str = "lenet") -> dict[str, object]:
    """The published loop under KMNC against the preset of its name, both with noise alone."""
    random.seed(0)
    np.random.seed(0)
    options = {"preset": "deephunter", "coverage": "kmnc", "oracles": ["label"], "mutators": [NOISE]}
    with campaign(name, batch=batch, **options) as (opened, model), tempfile.TemporaryDirectory() as folder:
        theirs = DeepHunter(
            model, 255.0 * seeds_of(opened).numpy().astype(np.float64), sigma=0.05, folder=Path(folder)
        )  # fmt: skip
        found = rates(opened.loop.step, theirs.step, seconds)
        return {
            "bench": "peers", "peer": "deephunter", "model": name, "regime": "kmnc", **found.line(), "batch": batch,
            "entries": len(opened.corpus), "their_entries": len(theirs.queue),
        }  # fmt: skip


def noise_attack(peer: str, *, seconds: float, batch: int, name: str = "lenet") -> dict[str, object]:
    """A library's noise on a batch of seeds against the same operator of ours from the same seeds, unguided."""
    gone = libraries.missing("foolbox" if peer == "foolbox" else "art.estimators.classification")
    if gone:
        raise ModuleNotFoundError(gone)
    operator = "image.uniform_noise" if peer == "foolbox" else NOISE
    options = {"preset": "random", "oracles": ["label"], "mutators": [operator]}
    with campaign(name, batch=batch, **options) as (opened, model):
        rows = seeds_of(opened)
        rows = rows.repeat(-(-batch // len(rows)), 1, 1, 1)[:batch].contiguous()
        build = attacks.foolbox_loop if peer == "foolbox" else attacks.art_loop
        with contextlib.redirect_stdout(None):
            theirs = build(model, rows, SIGMA)
        found = rates(opened.loop.step, theirs, seconds)
        return {
            "bench": "peers", "peer": peer, "model": name, "regime": "noise", **found.line(), "batch": batch,
        }  # fmt: skip
