"""Whoever the user's umask lets in may read what mlfuzz writes, and nobody else; what it notes of its user nobody."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import specimen
from findings.samples import sample

from mlfuzz.cli.main import main
from mlfuzz.findings.store import FindingStore
from mlfuzz.findings.trust import note_begun
from mlfuzz.storage.durable import append_line, create_exclusive, write_atomic
from mlfuzz.storage.journal import Journal
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.reserve import Reserve

UMASKS = [0o077, 0o002]


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def otherwise(folder: Path, umask: int) -> dict[str, str]:
    """What lies below a folder and has other permissions than the umask gives."""
    wrong = {}
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        wanted = (0o777 if path.is_dir() else 0o666) & ~umask
        executable = path.suffix == ".py" and path.parent.name == "harnesses" and mode == 0o777 & ~umask
        if mode != wanted and not executable:
            wrong[str(path.relative_to(folder))] = f"{mode:o}, not {wanted:o}"
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("umask", UMASKS, indirect=True, ids="{:03o}".format)
def test_every_file_of_a_campaign_and_of_what_is_exported_has_the_umasks_permissions(
    umask: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "here"
    root.mkdir()
    workdir = specimen.build(root / ".mlfuzz")
    store = FindingStore(workdir.findings)
    finding, files = sample()
    store.save(finding, files)
    store.annotate(finding.id, note="seen")
    with Lock.acquire(workdir.lock), Journal(workdir, workdir.new_life()):
        pass
    Reserve(workdir.reserve, size_bytes=1 << 12).hold()
    write_atomic(workdir.root / "atomic", b"")
    create_exclusive(workdir.root / "exclusive", b"")
    append_line(workdir.root / "lines", b"")
    best = next(path.name for path in workdir.findings.iterdir() if path.name != finding.id and path.is_dir())
    for arguments in (
        ("report",), ("report", "--format", "sarif"), ("report", "--format", "junit"), ("report", "--format", "json"),
        ("findings", "export", "--output", "x.zip"), ("findings", "export", "--format", "dir", "--output", "dir"),
        ("findings", "export", "--format", "dataset", "--output", "set"), ("harness", "new", "mine", "--for", "text"),
        ("triage", best, "--status", "open"), ("init",),
    ):  # fmt: skip
        assert main(["-C", str(root), *arguments]) == 0, capsys.readouterr()
    assert otherwise(root, umask) == {}


@pytest.mark.parametrize("umask", UMASKS, indirect=True, ids="{:03o}".format)
def test_what_is_noted_of_a_user_is_the_users_alone(
    umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    note_begun(tmp_path / "here", ["zoo:make"])
    places = [tmp_path / "state/mlfuzz", *(tmp_path / "state/mlfuzz").rglob("*")]
    assert len(places) == 4
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in places} == {0}
