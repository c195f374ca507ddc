"""What a candidate's record holds of an answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from mlfuzz.campaign.evidence import run_of
from mlfuzz.findings.finding import FileRef, Finding, dumps, loads
from mlfuzz.testing import examples


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_answer_that_is_no_number_can_be_written_and_read_again(value: float) -> None:
    run = run_of(examples.observation(torch.tensor([[0.5, value, 0.1]])), SimpleNamespace(labels=("a", "b", "c")), 1.0)
    finding = Finding(
        id="0" * 16, side="model", kind="nonfinite", target="t", input=FileRef("input.png", "0" * 64), after=run
    )
    assert loads(dumps(finding)) == finding
    assert str(value) in run.text
