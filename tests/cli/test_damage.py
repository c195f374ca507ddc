"""Verbs that only read go on where a file that is made again is damaged, and say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlfuzz.errors import EXIT_BROKEN

DAMAGE: dict[str, bytes | None] = {
    "emptied": b"", "cut": b'{"schema": "mlfuzz.stats/1", "camp', "garbage": b"\xff\xfe\0\n" * 99, "list": b"[1]\n",
    "deleted": None,
}  # fmt: skip

VERBS = {
    "status": ("status",), "report": ("report", "digits-fragile"), "stop": ("stop", "digits-fragile"),
    "list": ("findings", "list"), "corpus": ("corpus", "list"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("verb", VERBS)
def test_figures_that_cannot_be_read_stop_no_verb(
    verb: str, damage: str, finished: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    root = shutil.copytree(finished, tmp_path / "p")
    whole = command("-C", root, *VERBS[verb])
    for name in ("stats.json", "progress.jsonl", "worker.json", "target.json"):
        path = root / ".mlfuzz/digits-fragile" / name
        path.unlink(missing_ok=True)
        if (data := DAMAGE[damage]) is not None and (name != "progress.jsonl" or data):
            path.write_bytes(data)
    ran = command("-C", root, *VERBS[verb])
    assert ran.code == whole.code
    assert ran.err.count("stats.json") == (verb == "report" or (verb == "status" and damage != "deleted")), ran.err


def test_a_damaged_configuration_of_a_campaign_is_said_with_how_to_go_on(
    finished: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    root = shutil.copytree(finished, tmp_path / "p")
    for data in (b"\xb5\0", b"[fuzz\n", b""):
        (root / ".mlfuzz/digits-fragile/campaign.toml").write_bytes(data)
        ran = command("-C", root, "fuzz", "--name", "digits-fragile")
        assert ran.code == EXIT_BROKEN
        assert "campaign.toml" in ran.err
        assert "mlfuzz fuzz TARGET --name digits-fragile" in ran.err
