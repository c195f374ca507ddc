"""Every registered preset keeps every law; and the laws can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlfuzz.campaign.presets import PRESETS
from mlfuzz.errors import ConfigError, UnknownNameError, UsageError
from mlfuzz.testing import presets as laws

PLAIN = PRESETS.get("random")


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", PRESETS.names())
def test_a_registered_preset_keeps_the_law(name, law):
    law(PRESETS.get(name))


NOT_THERE = {"image.blur_mean": {"radius_": (1, 2)}}
UPSIDE_DOWN = {"image.brightness": {"amount": (0.2, 0.1)}}


@pytest.mark.parametrize(
    ("law", "changed", "error", "message"),
    [
        (laws.it_is_found_by_its_name, {"source": ""}, AssertionError, "say where it is from"),
        (laws.what_it_sets_are_keys_of_the_configuration, {"fuzz": {"dept": 1}}, AssertionError, "has no.*dept"),
        (laws.what_it_names_is_there, {"fuzz": {"scheduler": {"name": "randum"}}}, UnknownNameError, "'random'"),
        (laws.its_operators_are_of_their_modality, {"operators": {"image": NOT_THERE}}, AssertionError, "takes no"),
        (laws.its_operators_are_of_their_modality, {"operators": {"audio": NOT_THERE}}, UsageError, "is for image"),
        (laws.its_ranges_can_be_drawn_from, {"operators": {"image": UPSIDE_DOWN}}, AssertionError, "from 0.2 to 0.1"),
        (laws.its_limits_hold_for_every_modality, {"limits": {"ssim": 0.5}}, ConfigError, "ssim is not for audio"),
        (laws.its_limits_hold_for_every_modality, {"limits": {"total": 1e-6}}, AssertionError, "at its limits"),
        (laws.its_hash_is_of_what_guides, {"bound": {"image": {1j: 1}}}, AssertionError, "not JSON"),
    ],
)
def test_a_broken_preset_is_caught(law, changed, error, message, monkeypatch):
    broken = replace(PLAIN, **changed)
    monkeypatch.setitem(PRESETS._parts, PLAIN.name, broken)
    with pytest.raises(error, match=message):
        law(broken)


class TestPlain(laws.PresetLaws):
    def preset(self):
        return PLAIN
