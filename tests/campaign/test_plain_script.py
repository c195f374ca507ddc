"""A finding of a model that can be imported comes with a script that needs no mlfuzz."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.targets.load import load
from mlfuzz.testing.puzzles import puzzle_seeds

PLAIN = """
import torch
from torch import nn

class Bright(nn.Module):
    def forward(self, x):
        mean = x.flatten(1).mean(1)
        return torch.stack([0.5 - mean, mean - 0.5], 1)

net = Bright()

def prepare(images):
    return images * 0.9
"""
TARGET = """
import mlfuzz
from plain_zoo import net, prepare
target = mlfuzz.ModuleTarget("bright", mlfuzz.Image(size=(28, 28)), net, preprocess=prepare, labels=("dark", "bright"))
"""


@pytest.mark.slow
def test_the_script_runs_the_plain_model_on_the_stored_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain_zoo.py").write_text(PLAIN)
    (tmp_path / "plain_target.py").write_text(TARGET)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    target = load("plain_target:target")
    puzzle_seeds(tmp_path / "seeds")
    with mlfuzz.Campaign.open(tmp_path / "c", target, seeds=tmp_path / "seeds", batch=64) as campaign:
        result = campaign.run(Budget(inputs=2_000, seconds=60))
    found = next(one for one in result.findings if one.verdict == "confirmed")
    script = tmp_path / "c" / "findings" / found.id / "repro.py"
    text = script.read_text()
    assert "mlfuzz" not in text
    assert len(text.splitlines()) <= 20
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "tensor([[" in done.stdout
    for name in ("plain_zoo", "plain_target"):
        sys.modules.pop(name, None)
