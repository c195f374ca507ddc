"""`lamp`: a project with regressions. `run`: pytest on it, in this process, so that torch is imported once."""

from __future__ import annotations

import pytest
from pytest_plugin.lamp import Lamp

import mlfuzz.campaign.confirm.batch_replay
import mlfuzz.campaign.confirm.replay

# Imported before any inner run: pytester forgets what a run imports, and torch cannot be imported twice.
import mlfuzz.campaign.supervisor.triage_worker
import mlfuzz.mutators.image
import mlfuzz.oracles.metamorphic
import mlfuzz.pytest_plugin.selection
import mlfuzz.targets.load  # noqa: F401


@pytest.fixture
def lamp(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for name in ("PYTEST_ADDOPTS", "MLFUZZ_REGRESSION_STRICT"):
        monkeypatch.delenv(name, raising=False)
    return Lamp(pytester.path)


@pytest.fixture
def run(pytester, lamp):
    """Run `pytest ARGUMENTS...`; "corpus" where none are given."""

    def run(*arguments):
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *(arguments or ("corpus",)))

    return run
