"""MiniLM's embeddings of the shipped English sentences, N = 25: what keeps the meaning must not turn them away.

minilm: away from the seed's own embedding, a cosine below 0.8. minilm search: so far that another of the 25 sentences
is nearer than the seed, and a search would answer otherwise.
Nobody judges whether the meaning is kept: no second model of sentences is at hand. Rows say so.
"""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mlfuzz.batch import from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.examples import minilm
from mlfuzz.storage.durable import write_atomic
from tasks.task import Setup, Task
from tasks.twins import LIMITS

BATCH = 20
EVALUATIONS, SHORT = 600, 200


def build(repeat: int, cache: Path, *, search: bool = False) -> Setup:
    """The seeds are the same in every repeat. Raises TargetLoadError where a package is missing."""
    seeds = minilm.sentences().seeds
    assert seeds is not None
    oracle = {"name": "neighbour", "gallery": str(gallery(cache))} if search else {"name": "cosine"}
    options = {"oracles": [oracle], "mutators": ["default"], "limits": LIMITS, "batch": BATCH}
    return Setup(minilm.sentences, Path(seeds), options, unjudged=True)


def gallery(cache: Path) -> Path:
    """The embeddings (25, 384) of the seeds."""
    target = minilm.sentences()
    assert target.seeds is not None
    found = load_seeds(target.seeds, target.modality, labels=target.labels).seeds
    rows = from_payloads([seed.payload for seed in found], target.modality, torch.device("cpu"))
    buffer = io.BytesIO()
    np.save(buffer, target.run(rows).main.numpy())
    path = cache / "minilm-gallery.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, buffer.getvalue(), sync=False)
    return path


TASKS = (
    Task(
        "minilm", build, evaluations=EVALUATIONS, short=SHORT, chief="roots", goal="more seeds broken than random",
    ),
    Task(
        "minilm search", partial(build, search=True), evaluations=EVALUATIONS, short=SHORT, chief="pairs",
        goal="more (seed, answer) pairs than random",
    ),
)  # fmt: skip
