"""A call leaves what mlfuzz runs on as it was."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch

from mlfuzz.targets.steady import steady


def umask() -> int:
    now = os.umask(0o022)
    os.umask(now)
    return now


def surroundings() -> tuple[object, ...]:
    return os.getcwd(), umask(), torch.get_default_dtype(), torch.get_default_device()


def change(folder: Path) -> None:
    os.chdir(folder)
    os.umask(0o777)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")


def test_what_a_call_changes_is_put_back(tmp_path: Path) -> None:
    before = surroundings()
    with steady():
        change(tmp_path)
    assert surroundings() == before


def test_it_is_put_back_where_the_call_raises_too(tmp_path: Path) -> None:
    before = surroundings()
    with suppress(ValueError), steady():
        change(tmp_path)
        raise ValueError
    assert surroundings() == before
