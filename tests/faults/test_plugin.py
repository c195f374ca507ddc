"""Test runs of other people are the same with the pytest plugin and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

PLUGIN = matrix("plugin")


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(PLUGIN.cases(), 4))
def test_a_run_without_regressions_is_the_same_with_mlfuzz_installed(case: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    assert PLUGIN.broken(case, folder) == ""
