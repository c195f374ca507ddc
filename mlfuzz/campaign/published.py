"""The presets that are shipped: the default, published systems, and baselines."""

from __future__ import annotations

from mlfuzz.campaign.presets import DEFAULT, PRESETS, Preset

HONEST = "Klees et al., Evaluating Fuzz Testing, CCS 2018, section 5"
"""Why baselines are here at all."""

for preset in (
    Preset(
        DEFAULT,
        "novelty, margins and uncertainty, a floor for each seed, and operators by what they find a second",
        "mlfuzz; measured against all the others",
    ),
    Preset(
        "random",
        "independent mutants of the seeds, one operator each, round robin: what every rule must beat",
        f"baseline ({HONEST})",
        fuzz={"scheduler": {"name": "random"}, "coverage": {"name": "none"}, "deal": {"name": "cost"}, "depth": 1},
    ),
):
    PRESETS.add(preset.name, preset)
