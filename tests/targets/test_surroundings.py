"""A call leaves what mlfuzz runs on as it was."""

from __future__ import annotations

import locale
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.targets.load import load
from mlfuzz.targets.surroundings import SETTINGS, changes, steady

IMAGE = Image(size=(4, 4))


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


CHANGES = {
    "the current folder": "os.chdir(tempfile.mkdtemp())",
    "the umask": "os.umask(0o177)",
    "torch's default type": "torch.set_default_dtype(torch.float64)",
    "torch's default device": "torch.set_default_device('meta')",
    "deterministic algorithms": "torch.use_deterministic_algorithms(True, warn_only=True)",
    "filters of warnings": "warnings.simplefilter('error', ResourceWarning)",
    "NumPy's error state": "np.seterr(all='raise')",
    "the recursion limit": "sys.setrecursionlimit(5000)",
    "the locale": "locale.setlocale(locale.LC_ALL, 'C')",
    "sys.argv": "sys.argv = ['model', '--fast']",
    "gradients": "torch.set_grad_enabled(False)",
    "torch's threads": "torch.set_num_threads(3)",
    "handlers of signals": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "sys.excepthook": "sys.excepthook = print",
    "sys.stderr": "sys.stderr = io.StringIO()",
}
"""What an import does, by the setting that it changes."""

HEAD = (
    "import io, locale, os, signal, sys, tempfile, warnings\nimport numpy as np, torch, mlfuzz\nfrom torch import nn\n"
)
FOOT = """
from mlfuzz.targets.surroundings import SETTINGS
SEEN = {}

def read():
    SEEN.update({one.name: one.read() for one in SETTINGS})

class Net(nn.Module):
    def forward(self, x):
        read()
        return x.flatten(1)

read()
target = mlfuzz.ModuleTarget("t", mlfuzz.Image(size=(4, 4)), Net())
"""


SLOW = ("deterministic algorithms",)
"""Torch imports its compiler for this."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in CHANGES]
)
def test_what_an_import_sets_is_put_back_for_us_and_set_around_its_own_code(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    if name == "the locale":
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    module = f"changing_{list(CHANGES).index(name)}"
    (tmp_path / f"{module}.py").write_text(f"{HEAD}{CHANGES[name]}\n{FOOT}")
    before = {setting.name: setting.read() for setting in SETTINGS}
    target = load(f"{module}:target", directory=tmp_path)
    assert {setting.name: setting.read() for setting in SETTINGS} == before
    assert name in changes(target.surroundings)
    seen = sys.modules[module].SEEN
    imported = dict(seen)
    assert imported[name] != before[name]
    rows = TensorRows(torch.zeros(2, 1, 4, 4), IMAGE)
    kept = name in target.surroundings.theirs
    for call in (target.run, target.forward, target.trace):
        seen.clear()
        call(rows)
        assert {setting.name: setting.read() for setting in SETTINGS} == before
        if name != "gradients":
            assert seen[name] == (imported if kept else before)[name]
    assert kept == (name not in ("gradients", "torch's threads", "handlers of signals", "sys.excepthook", "sys.stderr"))
    assert target.run(rows).activations.dtype == torch.float32
    del sys.modules[module]


def test_an_import_finds_no_arguments_to_parse_and_prints_to_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["mlfuzz", "fuzz", "parsing:target", "--lr", "bad"])
    text = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float, default=1.0)\n"
    (tmp_path / "parsing.py").write_text(f"{HEAD}{text}args = p.parse_args()\nprint('imported')\n{FOOT}")
    target = load("parsing:target", directory=tmp_path)
    assert sys.modules.pop("parsing").args.lr == 1.0
    assert changes(target.surroundings) == ""
    assert sys.argv[0] == "mlfuzz"
    assert capsys.readouterr() == ("", "imported\n")
