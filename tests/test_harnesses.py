"""Scripts of shipped harnesses: those written now, and those on people's disks."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from findings.samples import ref, sample

from mlfuzz import harnesses
from mlfuzz.errors import UnknownNameError
from mlfuzz.findings.repro import repro_script

FAILS = bytes.fromhex("544e5352010204000400510d0001f8ff0710000400510d0010f8450000")
"""The demo's parser divides by zero on it."""

OLD = """from pathlib import Path

from mlfuzz.codefuzz import library

data = Path(__file__).with_name('input.tnsr').read_bytes()
getattr(library.module('harnesses/demo_parser.py'), 'fuzz')(data)
"""


def written_now() -> str:
    shipped = {
        "side": "code", "kind": "exception", "load": "harnesses/demo_parser.py:fuzz",
        "input": ref("input.tnsr", FAILS), "evidence": {"shipped": True},
    }  # fmt: skip
    return repro_script(sample(**shipped)[0])


@pytest.mark.parametrize("text", [OLD, written_now()], ids=["old", "now"])
def test_a_script_hands_the_bytes_to_a_shipped_harness(tmp_path, text):
    (tmp_path / "input.tnsr").write_bytes(FAILS)
    (tmp_path / "repro.py").write_text(text)
    done = subprocess.run([sys.executable, "repro.py"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "ZeroDivisionError" in done.stderr


def test_a_script_written_now_names_the_public_door():
    assert "from mlfuzz import harnesses\n" in written_now()


@pytest.mark.parametrize("where", ["stranger.py", "./stranger.py", "harnesses/stranger.py", "stranger", "demo_parser"])
def test_only_what_is_shipped_is_imported_for_a_script(where, tmp_path, monkeypatch):
    (tmp_path / "harnesses").mkdir()
    for path in ("stranger.py", "harnesses/stranger.py", "demo_parser.py", "harnesses/demo_parser.py"):
        (tmp_path / path).write_text(f"open({str(tmp_path / 'canary')!r}, 'w').close()\ndef TestOneInput(data): pass\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError) if "stranger" in where else contextlib.nullcontext():
        assert hasattr(harnesses.module(where), "fuzz")
    assert not (tmp_path / "canary").exists()
