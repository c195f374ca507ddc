"""A small model and a small harness that say when they come to a phase, and stay there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

TARGET = '''
"""Which quarter of a picture is bright. PHASE says where it stays: "import-c", "call-3", "batch", "confirm", ..."""
import os, signal, sys, time
from pathlib import Path

HERE, PHASE = Path(__file__).parent, os.environ.get("PHASE", "")
STARTED_AS = " ".join(sys.orig_argv)
ROLE = "worker" if "campaign.worker" in STARTED_AS else "triage" if "triage_worker" in STARTED_AS else "command"


def stay():
    (HERE / "at").touch()
    while True:
        time.sleep(600)


if PHASE == "import-sleep":
    stay()
if PHASE == "import-c":
    (HERE / "at").touch()
    9 ** 99999999
if PHASE == "import-handlers":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    stay()
if PHASE == "import-ignores":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stay()
if PHASE == "import-swallows":
    (HERE / "at").touch()
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass


def make():
    import mlfuzz
    import torch
    from torch import nn

    class Net(nn.Module):
        calls = 0

        def __init__(self):
            super().__init__()
            self.pool, self.act = nn.AdaptiveAvgPool2d(2), nn.ReLU()
            self.fc = nn.Linear(4, 4)
            with torch.no_grad():
                self.fc.weight.copy_(torch.eye(4) * 10)
                self.fc.bias.zero_()

        def forward(self, x):
            self.reach()
            return self.fc(self.act(self.pool(x)).flatten(1))

        def reach(self):
            Net.calls += 1
            begun = bool(list(HERE.glob(".mlfuzz/c/findings/*/finding.json")))
            if PHASE == f"call-{Net.calls}" and ROLE != "triage":
                stay()
            if PHASE == "batch" and ROLE == "worker" and begun:
                stay()
            if PHASE in ("death", "autopsy") and ROLE == "worker" and begun:
                (HERE / "at").touch() if PHASE == "death" else None
                os._exit(3)
            if PHASE in ("confirm", "autopsy") and ROLE == "triage":
                stay()
            if PHASE == "handlers" and ROLE == "worker":
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, lambda *_: sys.exit(0))
            if PHASE in ("run", "handlers") and begun:
                (HERE / "at").touch()

    return mlfuzz.ModuleTarget("quad", mlfuzz.Image(size=(16, 16)), Net(), labels="0123")
'''

HARNESS = """
HARNESS = {"name": "lines", "about": "made up", "instrument": ["lines_format"], "seconds": 3.0, "seeds": "lines"}

import os, time
from pathlib import Path

HERE, PHASE = Path(__file__).parent.parent, os.environ.get("PHASE", "")


def stay():
    (HERE / "at").touch()
    while True:
        time.sleep(600)


if PHASE == "import-sleep":
    stay()

import lines_format


def fuzz(data: bytes) -> None:
    if PHASE == "run":
        (HERE / "at").touch()
    if PHASE == "input":
        stay()
    lines_format.parse(data)
"""

FORMAT = """
def parse(data):
    rows = []
    for line in data.split(b"\\n"):
        if b"z" in line:
            raise KeyError("z")
        rows.append(line[::-1])
        if line.startswith(b"a") and len(line) > 3:
            raise IndexError("deep")
    return rows
"""


def project(folder: Path) -> None:
    """A project with both, and seeds for them."""
    (folder / "quad.py").write_text(TARGET)
    rng = np.random.default_rng(0)
    for label in range(4):
        for number in range(4):
            picture = rng.integers(0, 60, (16, 16), dtype=np.uint8)
            row, column = divmod(label, 2)
            picture[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += 100
            place = folder / "seeds" / str(label) / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place)
    (folder / "harnesses").mkdir()
    (folder / "harnesses" / "lines.py").write_text(HARNESS)
    (folder / "lines_format.py").write_text(FORMAT)
    (folder / "lines").mkdir()
    (folder / "lines" / "few.txt").write_bytes(b"x y\nb")
    (folder / "mlfuzz.toml").write_text('[targets.quad]\nuse = "quad:make"\nseeds = "seeds"\n')
