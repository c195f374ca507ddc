"""Licences and advisories of what is installed are judged, and what is not judged is said."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

POLICY: dict[str, Any] = {"allowed": ["MIT", "BSD License"], "ignored-advisories": [], "stated": {"asked": "for"}}

OPEN = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": "reads beyond the end"}


@pytest.fixture
def audited() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audited", ROOT / "scripts/audited.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answers(monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str = "") -> None:
    def run(command: list[object], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run)


def licences_of(**packages: str) -> str:
    return json.dumps([{"Name": name, "Version": "1", "License": text} for name, text in packages.items()])


def dependencies(*found: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(found)})


@pytest.mark.parametrize("text", ["GPL-3.0", "MIT; GNU Affero General Public License v3", "UNKNOWN", ""])
def test_a_licence_that_is_not_allowed_is_named_with_what_to_write(
    audited: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    answers(monkeypatch, licences_of(fine="MIT", other=text))
    (line,) = audited.licences(POLICY)
    assert "other 1" in line
    assert "[tool.mlfuzz-audit]" in line


def test_allowed_and_stated_licences_pass(audited: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, licences_of(fine="MIT; BSD License", Asked="MPL-2.0"))
    assert audited.licences(POLICY) == []


def test_an_open_advisory_is_named_with_the_version_that_mends_it(
    audited: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, dependencies({"name": "reader", "version": "1.0", "vulns": [OPEN]}))
    (line,) = audited.advisories(POLICY)
    assert all(word in line for word in ("PYSEC-1", "reader 1.0", "2.0", "scripts/lock"))


@pytest.mark.parametrize("stdout", ["", dependencies({"name": "reader", "skip_reason": "not found"})])
def test_what_was_not_judged_is_said_and_fails_where_that_is_required(
    audited: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stdout: str
) -> None:
    answers(monkeypatch, stdout, "ConnectionError: no route")
    assert audited.advisories(POLICY) == []
    said = capsys.readouterr().out
    assert "NOT judged" in said
    assert "none open" not in said
    monkeypatch.setenv("MLFUZZ_AUDIT", "require")
    assert audited.advisories(POLICY)


def test_each_file_that_is_installed_by_hash_is_the_pinned_version() -> None:
    pins = set((ROOT / "scripts/constraints.txt").read_text().splitlines())
    lines = [line for line in (ROOT / "scripts/hashes.txt").read_text().splitlines() if not line.startswith("#")]
    assert {line.partition(" ")[0] for line in lines} == pins
    assert all(len(line.partition("--hash=sha256:")[2]) == 64 for line in lines)
