"""Folders of sessions."""

from __future__ import annotations

import os
import subprocess
import sys

from mlfuzz.codefuzz.forkserver import scratch


def dead() -> int:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


def test_folders_of_dead_processes_go_and_others_stay(tmp_path):
    gone, alive, other = (tmp_path / f"mlfuzz-code-{name}" for name in (f"{dead()}-x", f"{os.getpid()}-x", "odd"))
    for folder in (gone, alive, other):
        folder.mkdir()
        (folder / "file").touch()
    assert scratch.sweep(tmp_path) == 1
    assert not gone.exists()
    assert alive.exists()
    assert other.exists()


def test_a_link_in_place_of_a_folder_is_left_alone(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / f"mlfuzz-code-{dead()}-x").symlink_to(tmp_path / "precious")
    assert scratch.sweep(tmp_path) == 0
    assert (tmp_path / "precious").exists()


def test_a_new_folder_has_a_part_for_workers_and_is_private():
    folder = scratch.create()
    try:
        assert (folder / "work" / "tmp").is_dir()
        assert folder.stat().st_mode & 0o077 == 0
    finally:
        scratch.remove_folder(folder)
