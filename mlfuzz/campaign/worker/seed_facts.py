"""What is known of the seeds of a campaign, kept once with it: what failures are grouped by afterwards."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from mlfuzz.corpus.attributes import attributes_of
from mlfuzz.corpus.seeds import Seed
from mlfuzz.modality.base import Modality
from mlfuzz.slices import SeedFacts, SeedTable
from mlfuzz.storage.durable import write_atomic
from mlfuzz.storage.workdir import Workdir


def keep_seed_facts(workdir: Workdir, seeds: Sequence[Seed], modality: Modality) -> None:
    """Written where it is not there yet: of a campaign that goes on nobody knows the columns of a table any more."""
    if os.path.lexists(workdir.seed_facts):
        return
    table = {
        seed.name: SeedFacts(seed.label, attributes_of(seed.payload, modality), dict(seed.columns)) for seed in seeds
    }
    write_atomic(workdir.seed_facts, msgspec.json.encode(SeedTable(table)) + b"\n", sync=False)
