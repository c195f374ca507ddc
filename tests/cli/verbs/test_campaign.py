"""`mlfuzz campaign verify` and `repair`, and what the other verbs say of damage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_USAGE
from mlfuzz.storage.lock import Lock

NAME = "digits-fragile"


@pytest.fixture
def damaged(finished: Path, tmp_path: Path) -> Path:
    """A project with a damaged journal, and one finding's input edited."""
    root = shutil.copytree(finished, tmp_path / "p")
    (path,) = root.glob(".mlfuzz/*/journal/*/000001.mlj")
    data = path.read_bytes()
    path.write_bytes(data[:900] + b"####" + data[904:])
    min(root.glob(".mlfuzz/*/findings/*/input.png")).write_bytes(b"edited")
    return root


def test_verify_says_what_and_where_and_how_much_is_whole(damaged: Path, command: Callable[..., Any]) -> None:
    ran = command("-C", damaged, "campaign", "verify")
    assert ran.code == EXIT_BROKEN
    for words in ("000001.mlj at ", "input.png: was edited", "411 entries", "13 findings",
                  f"mlfuzz campaign repair {NAME}"):  # fmt: skip
        assert words in ran.out, ran.out
    document = json.loads(command("-C", damaged, "--json", "campaign", "verify", NAME).out)
    assert document["counts"] == {"damaged": 2, "unreadable": 0, "gone": 1, "pending": 0}
    assert [loss["what"] for loss in document["losses"]] == ["finding", "journal"]


def test_repair_makes_it_whole_and_says_what_it_moved(damaged: Path, command: Callable[..., Any]) -> None:
    ran = command("-C", damaged, "campaign", "repair", NAME)
    assert ran.code == EXIT_CLEAN
    assert "411 records are whole" in ran.out + ran.err
    for verb in (("campaign", "verify"), ("status",), ("findings", "list"), ("report", NAME)):
        assert command("-C", damaged, *verb).code == EXIT_CLEAN


def test_a_campaign_in_use_is_not_repaired(damaged: Path, command: Callable[..., Any]) -> None:
    with Lock.acquire(damaged / ".mlfuzz" / NAME / "lock"):
        assert command("-C", damaged, "campaign", "repair", NAME).code == EXIT_BROKEN
        assert command("-C", damaged, "campaign", "verify", NAME).code == EXIT_BROKEN


def test_a_campaign_is_named_by_its_folder_too(damaged: Path, command: Callable[..., Any]) -> None:
    assert command("campaign", "verify", damaged / ".mlfuzz" / NAME).code == EXIT_BROKEN
    assert command("-C", damaged, "campaign", "verify", "x" * 300).code == EXIT_USAGE


@pytest.mark.parametrize(
    "verb", [("status",), ("findings", "list"), ("findings", "list", "-a"), ("report", NAME), ("corpus", "list")]
)
def test_verbs_that_read_show_what_they_can_and_end_with_3(
    verb: tuple[str, ...], damaged: Path, finished: Path, command: Callable[..., Any]
) -> None:
    whole, ran = command("-C", finished, *verb), command("-C", damaged, *verb)
    assert (whole.code, ran.code) == (EXIT_CLEAN, EXIT_BROKEN)
    assert len(ran.out.splitlines()) == len(whole.out.splitlines())
    assert "1 place of the journal and 1 finding are damaged, 1 entry is gone; mlfuzz campaign verify" in ran.err


def test_machines_get_the_counts(damaged: Path, command: Callable[..., Any]) -> None:
    (state,) = json.loads(command("-C", damaged, "--json", "status").out)
    assert (state["damaged"], state["gone"], state["pending"]) == (2, 1, 0)
    report = damaged / "r.json"
    assert command("-C", damaged, "report", NAME, "--format", "json", "--output", report).code == EXIT_BROKEN
    assert json.loads(report.read_bytes())["damage"]["damaged"] == 2


def test_a_record_that_was_asked_for_and_is_damaged_ends_with_3(
    finished: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    root = shutil.copytree(finished, tmp_path / "p")
    path = min(root.glob(".mlfuzz/*/findings/*/finding.json"))
    path.write_bytes(b"{")
    for verb in (("findings", "show"), ("findings", "export"), ("triage", "--status", "open")):
        ran = command("-C", root, *verb, path.parent.name)
        assert ran.code == EXIT_BROKEN
        assert "finding.json" in ran.err
