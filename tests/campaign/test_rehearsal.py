"""A check in small goes wrong where a campaign would: one fault planted in each stage, and none in a sound target."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from zoo.line import run

pytestmark = pytest.mark.slow

SOUND = """
import mlfuzz, os, torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.act, self.fc = nn.AdaptiveAvgPool2d(2), nn.ReLU(), nn.Linear(4, 2)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[8.0, 8.0, -8.0, -8.0], [-8.0, -8.0, 8.0, 8.0]]))
            self.fc.bias.zero_()

    def forward(self, x):
        return self.fc(self.act(self.pool(x)).flatten(1))

def make():
    model = Net()
    {more}
    return mlfuzz.ModuleTarget("quad", mlfuzz.Image(size=(8, 8)), model, labels=["top", "bottom"], {options})
"""

RANDOM = "model.fc.weight.data.mul_(10 ** (int.from_bytes(os.urandom(4), 'big') / 2**32 * 6))"

STAGES = {
    "sound": ("", "", ("a campaign runs", "is confirmed alone in a fresh process, 3 of 3")),
    "another model in each process": (RANDOM, "", ("the target is another each time it is made",)),
    "not made twice": (
        "os.mkdir('made')", "", ("cannot be run in a fresh process", "made"),
    ),
    "an oracle that says nothing": (
        "", "oracles=[{'name': 'tolerance', 'bound': 'much'}]", ("a campaign cannot run",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_a_check_fails_where_a_campaign_would(tmp_path, stage):
    more, options, words = STAGES[stage]
    (tmp_path / "zoo.py").write_text(SOUND.format(more=more or "pass", options=options))
    rng = np.random.default_rng(0)
    for label, rows in (("top", slice(0, 4)), ("bottom", slice(4, 8))):
        (tmp_path / "seeds" / label).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 40, (8, 8, 3), np.uint8)
            pixels[rows] += 180
            Image.fromarray(pixels).save(tmp_path / "seeds" / label / f"{number}.png")
    ran = run(tmp_path, "check", "zoo:make", "--seeds", "seeds")
    assert ran.returncode == (0 if stage == "sound" else 3), ran.stdout + ran.stderr
    for word in words:
        assert word in " ".join((ran.stdout + ran.stderr).split()), ran.stdout + ran.stderr
    assert ("ready: mlfuzz fuzz zoo:make" in ran.stdout) == (stage == "sound")
