"""The presets that are shipped: the default, published systems, and baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlfuzz.campaign.presets import DEFAULT, PRESETS, UNBOUNDED, Preset, Ranges

HONEST = "baseline (Klees et al., Evaluating Fuzz Testing, CCS 2018, sections 4 to 6)"
"""Why baselines are here at all."""

WHITE_NOISE: Mapping[str, Ranges] = {
    "image": {"image.gauss_noise": {"sigma": (0.1, 0.1)}},
    "audio": {"audio.white_noise": {"snr_db": (10.0, 10.0)}},
    "text": {"text.insert": {}, "text.delete": {}, "text.typo": {}},
}


def _baseline(scheduler: str, *, coverage: str = "none", **arguments: Any) -> Mapping[str, Any]:
    named = {"name": scheduler, **arguments}
    return {"scheduler": named, "coverage": {"name": coverage}, "deal": {"name": "cost"}, "depth": 1}


SHIPPED = (
    Preset(
        DEFAULT,
        "novelty, margins and uncertainty, a floor for each seed, and operators by what they find a second",
        "mlfuzz; measured against all the others",
    ),
    Preset(
        "random",
        "independent mutants of the seeds, one operator each, round robin: what every rule must beat",
        HONEST,
        fuzz=_baseline("random"),
    ),
    Preset(
        "walk",
        "mutants of mutants, four steps from each seed and then anew: no feedback",
        HONEST,
        fuzz=_baseline("walk"),
    ),
    Preset(
        "accept",
        "every mutant that does not fail becomes an entry, any entry is mutated: novelty without judgement",
        HONEST + '; DeepHunter\'s strategy "random"',
        fuzz=_baseline("accept"),
    ),
    Preset(
        "greedy",
        "of each seed the mutant that came nearest to failing, and nothing else",
        HONEST,
        fuzz=_baseline("greedy"),
    ),
    Preset(
        "gradient",
        "from each seed along the gradient towards each oracle's failure, for nine tenths of the inputs; else random",
        "baseline: DeepFool (Moosavi-Dezfooli et al., CVPR 2016) and PGD (Madry et al., ICLR 2018); HotFlip for texts",
        fuzz={**_baseline("random"), "search": {"name": "white", "share": 0.9}},
    ),
    Preset(
        "tensorfuzz",
        "white noise on what came last; kept is what lies further than a fixed radius from all that is known",
        "Odena, Olsson, Andersen and Goodfellow, TensorFuzz, ICML 2019, section 3 and 4.1; the released nans example",
        fuzz={
            "scheduler": {"name": "recency"},
            "coverage": {
                "name": "novelty",
                "features": "sum_abs_logits",
                "standardise": False,
                "radius": round(math.sqrt(0.5), 6),
            },
            "deal": {"name": "cost"},
            "depth": 1,
        },
        limits=UNBOUNDED,
        operators=WHITE_NOISE,
        departs="a batch has many parents, not 100 mutants of one; rows of a batch are judged against what was known "
        "before it and against each other; a chain ends after 256 steps; sound gets white noise at 10 dB, text one "
        "character a step",
    ),
)

for preset in SHIPPED:
    PRESETS.add(preset.name, preset)
