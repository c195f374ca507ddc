"""A campaign's directory, built once; tests read it and write beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import specimen

from mlfuzz.report.summary import Summary, summarise
from mlfuzz.storage.workdir import Workdir


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Workdir:
    return specimen.build(tmp_path_factory.mktemp("campaigns"))


@pytest.fixture(scope="session")
def summary(campaign: Workdir) -> Summary:
    return summarise(campaign)


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return summarise(specimen.build(tmp_path_factory.mktemp("campaigns"), clean=True, name="clean"))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "report.html"
