"""Records that a stranger sent: nothing is written outside the folder asked for, and the good ones among them go on."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlfuzz.errors import EXIT_BROKEN
from mlfuzz.findings.bundle import write_folder
from mlfuzz.findings.lookup import LocatedFinding
from mlfuzz.findings.record import read_record

HOSTILE: dict[str, dict[str, Any]] = {
    "id leads out": {"id": "../../escaped"},
    "id is absolute": {"id": "/tmp/escaped"},
    "id has a line feed": {"id": "0123456789abcdef\n"},
    "input leads out": {"input": {"file": "../escaped.png", "sha256": "0" * 64}},
    "digest leads out": {"blobs": [{"file": "x.png", "sha256": "../../" + "0" * 58}]},
    "input is the script": {"input": {"file": "repro.py", "sha256": "0" * 64}},
    "target too long": {"target": "x" * 300},
}


@pytest.fixture
def bundle(finished: Path, tmp_path: Path) -> Path:
    """Two good findings, and a folder for each hostile one between them."""
    records = sorted(finished.glob(".mlfuzz/digits-fragile/findings/*/finding.json"))
    confirmed = [
        LocatedFinding(read_record(path), path) for path in records if read_record(path).verdict == "confirmed"
    ][:2]
    folder = tmp_path / "bundle"
    write_folder(confirmed, folder)
    record = msgspec.json.decode(confirmed[0].record.read_bytes())
    for number, changes in enumerate(HOSTILE.values()):
        (folder / f"{number}").mkdir()
        (folder / f"{number}/finding.json").write_bytes(msgspec.json.encode({**record, **changes}))
    (folder / "escaped.png").write_bytes(b"")
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("hostile", range(len(HOSTILE)), ids=list(HOSTILE))
@pytest.mark.parametrize("form", ["dir", "zip", "dataset"])
def test_export_of_a_record_that_leads_out_writes_nothing(
    form: str, hostile: int, bundle: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    before = files(tmp_path)
    ran = command(
        "-C", tmp_path, "findings", "export", f"bundle/{hostile}", "--format", form, "--output", "deep/er/out"
    )
    assert ran.code == EXIT_BROKEN
    assert f"bundle/{hostile}/finding.json" in ran.err
    assert files(tmp_path) == before


@pytest.mark.parametrize("form", ["dir", "zip"])
def test_export_of_a_bundle_takes_the_good_ones_and_names_the_others(
    form: str, bundle: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    before = files(tmp_path)
    ran = command("-C", tmp_path, "findings", "export", "bundle", "--format", form, "--output", "out")
    assert [f"bundle/{number}/finding.json" in ran.err for number in range(len(HOSTILE))] == [True] * len(HOSTILE)
    names = files(tmp_path / "out") if form == "dir" else set(zipfile.ZipFile(tmp_path / "out").namelist())
    assert {name.partition("/")[0] for name in names} == {
        path.name for path in bundle.iterdir() if len(path.name) == 16
    }
    assert {name for name in files(tmp_path) - before if name.partition("/")[0] != "out"} == set()


def test_promote_of_several_keeps_the_good_ones_and_names_the_others(
    bundle: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    before = files(tmp_path)
    wanted = sorted(f"bundle/{path.name}" for path in bundle.iterdir() if path.is_dir())
    ran = command("-C", tmp_path, "findings", "promote", *wanted, "--no-replay")
    assert [f"bundle/{number}/finding.json" in ran.err for number in range(len(HOSTILE))] == [True] * len(HOSTILE)
    new = files(tmp_path) - before
    assert {name for name in new if not name.startswith("corpus")} == set()
    assert sum(name.endswith(".json") for name in new) == 2


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["replay", "shrink", "triage"])
def test_verbs_refuse_a_record_that_leads_out(
    verb: str, bundle: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    before = files(tmp_path)
    more = ("--status", "fixed") if verb == "triage" else ()
    for number in range(len(HOSTILE)):
        ran = command("-C", tmp_path, verb, f"bundle/{number}", *more)
        assert ran.code == EXIT_BROKEN
        assert f"bundle/{number}/finding.json" in ran.err
    assert files(tmp_path) == before


@pytest.mark.parametrize("verb", [("list",), ("export", "--format", "dir", "--output", "out")], ids=["list", "export"])
def test_verbs_on_all_findings_of_a_campaign_name_those_that_cannot_be_read(
    verb: tuple[str, ...], finished: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    root = shutil.copytree(finished, tmp_path / "p")
    first, *_ = sorted((root / ".mlfuzz/digits-fragile/findings").glob("*/finding.json"))
    first.write_bytes(first.read_bytes()[:100])
    ran = command("-C", root, "findings", *verb)
    assert ran.err.count("left out: ") == ran.err.count(f"{first.parent.name}/finding.json") == 1
