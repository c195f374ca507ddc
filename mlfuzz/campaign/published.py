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


PIXELS_320, PIXELS_28 = 320.0, 28.0
"""Sides that the papers' shifts in pixels refer to: DeepTest's frames and DeepHunter's digits."""

DEEPTEST: Mapping[str, Ranges] = {
    "image": {
        "image.translate": {"right": (-50 / PIXELS_320, 49 / PIXELS_320), "down": (-50 / PIXELS_320, 49 / PIXELS_320)},
        "image.scale": {"factor": (0.5, 1.9)},
        "image.shear": {"slope": (-0.5, 0.4)},
        "image.rotate": {"degrees": (-30.0, 29.0)},
        "image.contrast_gain": {"gain": (0.1, 1.9)},
        "image.brightness": {"amount": (-21 / 255, 20 / 255)},
        "image.blur_mean": {},
        "image.blur_gauss": {},
        "image.blur_median": {},
        "image.blur_bilateral": {},
    }
}

DEEPHUNTER: Mapping[str, Ranges] = {
    "image": {
        "image.translate": {"right": (-3 / PIXELS_28, 2 / PIXELS_28), "down": (-3 / PIXELS_28, 2 / PIXELS_28)},
        "image.scale": {"factor": (0.7, 1.1)},
        "image.shear": {"slope": (-0.6, 0.5)},
        "image.rotate": {"degrees": (-50.0, 49.0)},
        "image.contrast_gain": {"gain": (0.5, 1.2)},
        "image.brightness": {"amount": (-20 / 255, 19 / 255)},
        "image.blur_gauss": {},
        "image.gauss_noise": {"sigma": (0.0, 0.1)},
        "image.pixel_change": {"count": (1, 9)},
    }
}

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
    Preset(
        "deeptest",
        "depth first: two operators a step, the first from a queue of those that were lucky here, ten tries an input",
        "Tian, Pei, Jana and Ray, DeepTest, ICSE 2018, algorithm 1 and section 4; ranges of its released guided/",
        fuzz={
            "scheduler": {"name": "stack", "tries": 10},
            "coverage": {"name": "nc", "threshold": 0.2},
            "deal": {"name": "lucky"},
            "depth": 2,
        },
        limits=UNBOUNDED,
        operators=DEEPTEST,
        departs="a batch tries as many inputs from the top of the stack as have tries left, and is exact at a batch "
        "of 1; an empty stack is filled again; fog and rain were never released; its oracle is `tolerance` (lambda "
        "5), the default where outputs are numbers; sound and text take their default operators",
    ),
    Preset(
        "deephunter",
        "entries by how seldom they were fuzzed, 20 mutants each; one affine operator a lineage, pixels within a bound",
        "Xie et al., DeepHunter, ISSTA 2019, sections 3.2 to 3.4, equations 1 to 3; ranges of the released mutators.py",
        fuzz={
            "scheduler": {"name": "probability", "gamma": 20.0, "p_min": 0.5, "mutants": 20},
            "coverage": {"name": "kmnc", "k": 1000},
            "deal": {"name": "lineage"},
            "depth": 1,
        },
        limits={**UNBOUNDED, "uses": {"geometry": 1}},
        operators=DEEPHUNTER,
        bound={"image": {"alpha_beta": (0.02, 0.2)}},
        departs="a mutant beyond the bound is dropped, not drawn again up to 50 times; after the affine operator the "
        "bound starts anew; a seed's truth is its label, not the model's answer; noise is added to values, not wrapped "
        "in 8 bits; sound and text take their default operators, and no bound",
    ),
)

for preset in SHIPPED:
    PRESETS.add(preset.name, preset)
