"""What every preset owes a campaign: laws as functions, and `PresetLaws` to inherit from.

class TestMine(PresetLaws):
    def preset(self):
        return PRESETS.get("mine")
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np

from mlfuzz.campaign.presets import PRESETS, Preset, guidance_hash, settings, settings_of
from mlfuzz.campaign.search.scheduler import MODES
from mlfuzz.campaign.setup.operators import DEALS, ranged
from mlfuzz.campaign.spec import spec_of
from mlfuzz.config.settings import FuzzConfig
from mlfuzz.coverage.base import CRITERIA
from mlfuzz.modality.base import MODALITIES
from mlfuzz.mutators.base import Mutator, select
from mlfuzz.mutators.limits.distance import distance
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.schedulers.base import SCHEDULERS

Law: TypeAlias = Callable[[Preset], None]

DRAWN = 64


def it_is_found_by_its_name(preset: Preset) -> None:
    assert PRESETS.get(preset.name) is preset
    assert preset.summary
    assert "\n" not in preset.summary
    assert preset.source, "say where it is from: a paper and its section, or mlfuzz"


def what_it_sets_are_keys_of_the_configuration(preset: Preset) -> None:
    """And values that could stand in [fuzz] themselves."""
    unknown = set(preset.fuzz) - set(FuzzConfig.__struct_fields__)
    assert not unknown, f"[fuzz] has no {sorted(unknown)}"
    table = json.loads(json.dumps(dict(preset.fuzz)))
    assert table == {name: _listed(value) for name, value in preset.fuzz.items()}
    settings(preset.name)


def what_it_names_is_there(preset: Preset) -> None:
    settings = settings_of(preset)
    SCHEDULERS.get(str(settings["scheduler"]["name"]))
    CRITERIA.get(str(settings["coverage"]["name"]))
    assert settings["deal"]["name"] in DEALS
    assert settings["search"]["name"] in MODES


def its_operators_are_of_their_modality(preset: Preset) -> None:
    for modality, ranges in preset.operators.items():
        MODALITIES.get(modality)
        for part in select(modality, tuple(ranges)):
            unknown = set(ranges[part.name]) - set(part.space)
            assert not unknown, f"{part.name} takes no {sorted(unknown)}"


def its_ranges_can_be_drawn_from(preset: Preset) -> None:
    for modality in MODALITIES.names():
        for part in _operators(preset, modality):
            ranges = preset.operators.get(modality, {}).get(part.name, {})
            for name, (low, high) in ranges.items():
                assert low <= high, f"{part.name}: {name} from {low} to {high}"
            columns = part.draw(DRAWN, np.random.default_rng(3))
            for name, (low, high) in ranges.items():
                drawn = np.asarray(columns[name], np.float64)
                assert np.float32(low) <= drawn.min() <= drawn.max() <= np.float32(high), f"{part.name}: {name}"


def its_limits_hold_for_every_modality(preset: Preset) -> None:
    """With those that it sets of one modality alone; and a chain can begin within them."""
    for modality in MODALITIES.names():
        limits = Limits.of({**preset.bound.get(modality, {}), **preset.limits})
        if limits.by_distance:
            distance(modality, limits)
        ledger = DistanceLedger(limits, _operators(preset, modality))
        assert not ledger.spent(np.zeros((1, ledger.width), np.float32)).any(), "a seed is at its limits already"
    for modality in preset.bound:
        MODALITIES.get(modality)


def its_hash_is_of_what_guides(preset: Preset) -> None:
    """The same each time; another where anything is set otherwise."""
    spec = spec_of({"target": "laws", "preset": preset.name})
    try:
        first = guidance_hash(spec)
    except TypeError as error:
        raise AssertionError(f"what it sets is not JSON: {error}") from error
    assert first == guidance_hash(spec)
    assert first != guidance_hash(msgspec.structs.replace(spec, depth=spec.depth + 1))


LAWS: tuple[Law, ...] = (
    it_is_found_by_its_name,
    what_it_sets_are_keys_of_the_configuration,
    what_it_names_is_there,
    its_operators_are_of_their_modality,
    its_ranges_can_be_drawn_from,
    its_limits_hold_for_every_modality,
    its_hash_is_of_what_guides,
)


class PresetLaws:
    """Inherit and give `preset`; pytest collects the laws."""

    def preset(self) -> Preset:
        raise NotImplementedError("give the preset to check")

    def test_it_keeps_the_laws_of_presets(self) -> None:
        for law in LAWS:
            law(self.preset())


def _operators(preset: Preset, modality: str) -> list[Mutator]:
    ranges = preset.operators.get(modality, {})
    return [ranged(part, ranges.get(part.name, {})) for part in select(modality, tuple(ranges))]


def _listed(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Mapping):
        return {name: _listed(item) for name, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
