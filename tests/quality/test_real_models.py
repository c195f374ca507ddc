"""A network that nobody here trained, on photographs that nobody here took."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import mlfuzz
from mlfuzz.budget import Budget

needs_packages = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("skimage", "efficientnet_lite_pytorch")),
    reason="not installed: pip install 'mlfuzz[examples]'",
)


@pytest.mark.slow
@pytest.mark.turns(2)
@needs_packages
def test_efficientnet_is_fuzzed_on_photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlfuzz.examples.photos import efficientnet

    monkeypatch.chdir(tmp_path)
    target = efficientnet()
    with mlfuzz.Campaign.open(tmp_path / "c", target, max_seeds=12, batch=8) as campaign:
        result = campaign.run(Budget(seconds=40))
    assert result.stats.inputs >= 100
    assert result.stats.seeds.usable == 12
    confirmed = [one for one in result.findings if one.verdict == "confirmed"]
    assert confirmed, result.stats.nearest
    assert all(one.expected != one.observed for one in confirmed)
    assert len(result.stats.layers) > 10
