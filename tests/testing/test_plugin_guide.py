"""What docs/plugins.md tells people to write is what works: its code is run, its configuration read."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

from mlfuzz.config import resolve
from mlfuzz.coverage.base import CRITERIA
from mlfuzz.modality.base import Modality
from mlfuzz.modality.parts import ModalityParts
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.oracles.base import ORACLES
from mlfuzz.schedulers.base import SCHEDULERS

GUIDE = Path(__file__).parents[2] / "docs" / "plugins.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def laws(tmp_path, monkeypatch):
    """The guide's test file as a module; its parts are taken from the registries again."""
    parts, _, tests = blocks("python")
    (tmp_path / "acme_parts.py").write_text(parts)
    (tmp_path / "acme_laws.py").write_text(tests)
    monkeypatch.syspath_prepend(tmp_path)
    for registry in (CRITERIA, MUTATORS, ORACLES, SCHEDULERS):
        registry.names()
        monkeypatch.setattr(registry, "_parts", dict(registry._parts))
    for name in ("acme_parts", "acme_laws"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("acme_laws")
    for name in ("acme_parts", "acme_laws"):
        sys.modules.pop(name, None)


def test_the_parts_of_the_guide_keep_the_laws(laws):
    for law in laws.LAWS:
        laws.test_my_operator_keeps_the_laws(law)
    for case in (laws.TestFall(), laws.TestLatest(), laws.TestPairs()):
        tests = [name for name in dir(case) if name.startswith("test_")]
        assert tests
        for name in tests:
            getattr(case, name)()


def test_the_configuration_of_the_guide_is_understood(tmp_path):
    (text,) = blocks("toml")
    (tmp_path / "mlfuzz.toml").write_text(text)
    config = resolve(tmp_path).config
    assert list(config.plugins) == tomllib.loads(text)["plugins"]
    assert config.targets["digits"].oracles == ({"name": "acme.fall", "fall": 4.0},)


def test_the_modality_of_the_guide_is_one():
    """Its names are those of the protocol and of its parts; a whole one stands in tests/modality/outside."""
    _, text, _ = blocks("python")
    found = {}
    exec(text, {"ModalityParts": ModalityParts, "plain_reading": None}, found)
    promised = {name for name in vars(Modality) if not name.startswith("_")}
    assert promised | {"parts"} == {name for name in vars(found["Series"]) if not name.startswith("_")}
