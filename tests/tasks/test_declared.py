"""What a configuration says of a target's answers goes with the target's name, wherever that is loaded again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlfuzz.config.settings import TargetConfig
from mlfuzz.errors import ConfigError, MlfuzzError
from mlfuzz.targets.load import load
from mlfuzz.tasks.declared import bare, declarations, declared

CODE = """
import mlfuzz
from torch import nn

def make():
    return mlfuzz.ModuleTarget("t", mlfuzz.Image(size=(4, 4)), nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
"""


def test_a_name_carries_what_is_declared_and_gives_it_back() -> None:
    said = TargetConfig(use="zoo:make", task="binary:threshold=0.3", output="head.logits", labels=("no", "yes, sir"))
    assert bare(said.load) == "zoo:make"
    assert declarations(said.load)["task"] == "binary:threshold=0.3"
    assert declarations(said.load)["output"] == "head.logits"
    assert "+" not in said.load  # which stands between names where an oracle compares several targets
    assert declared("zoo:make") == TargetConfig(use="zoo:make").load == "zoo:make"


def test_a_key_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'task'"):
        declarations("zoo:make?tsk=binary")


def test_a_target_is_loaded_as_the_name_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "declared_zoo.py").write_text(CODE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    plain = load("declared_zoo:make", directory=tmp_path)
    said = load(declared("declared_zoo:make", task="multi-label", labels=("a", "b, c")), directory=tmp_path)
    assert said.task is not None
    assert said.task.name == "multi-label"
    assert said.labels == said.answers.labels == ("a", "b, c")
    assert plain.task is None
    assert said.digest != plain.digest
    with pytest.raises(MlfuzzError, match="unknown task"):
        load(declared("declared_zoo:make", task="multilabel"), directory=tmp_path)
