"""Relations written in mlfuzz.toml: each kind of claim is broken by a meter that breaks it, and replays by its id."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlfuzz.modality.audio import Audio

METERS = '''
import mlfuzz


def per_row(waves):
    return waves.flatten(1)


def lopsided(waves):
    """Two classes, by which half of the wave is the larger one: upside down, another class."""
    balance = per_row(waves).amax(1) + per_row(waves).amin(1)
    return balance[:, None] * balance.new_tensor([[1.0, -1.0]])


def peak(waves):
    """Looks at what is above zero only."""
    return per_row(waves).amax(1)[:, None]


def sticking(waves):
    """Loudness, but of anything loud."""
    power = per_row(waves).square().mean(1)
    return power.where(power < 0.03, power * 0)[:, None]


def unsigned(waves):
    """The offset, without its sign."""
    return per_row(waves).mean(1).abs()[:, None]


def make(function):
    audio = mlfuzz.Audio(sample_rate_hz=16_000, seconds=0.25)
    return lambda: mlfuzz.CallableTarget(function.__name__, audio, function, seeds="seeds")


invariant, bounded, monotone, equivariant = (make(each) for each in (lopsided, peak, sticking, unsigned))
'''

CLAIMS = {
    "invariant": ("invariant = true", "audio.polarity"),
    "bounded": ("bounded = 0.05", "audio.polarity"),
    "monotone": ('monotone = "decibels"', "audio.gain"),
    "equivariant": ('equivariant = "negate"\nwithin = 0.01', "audio.polarity"),
}


def write_project(folder: Path, claim: str) -> None:
    written, operator = CLAIMS[claim]
    (folder / "meters.py").write_text(METERS)
    (folder / "mlfuzz.toml").write_text(f"""
[targets.meter]
use = "meters:{claim}"
mutators = ["audio.gain", "audio.polarity", "audio.tremolo"]

[[targets.meter.oracles]]
name = "as-it-should-be"
part = "relation"
mutators = ["{operator}"]
{written}
""")
    (folder / "seeds").mkdir()
    audio, time = Audio(sample_rate_hz=16_000, seconds=0.25), np.arange(4000) / 16_000
    for number, hertz in enumerate((110, 220, 330, 440)):
        wave = 0.2 * np.sin(2 * np.pi * hertz * time).clip(-0.4) + 0.1 * (np.sin(2 * np.pi * hertz * time) > 0.8)
        (folder / "seeds" / f"{number}.flac").write_bytes(audio.encode(np.rint(32767 * wave).astype(np.int16)[None]))


def mlfuzz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlfuzz", "-C", str(folder), "--json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.turns(2)
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_configured_relation_is_broken_confirmed_and_replayed(claim: str, tmp_path: Path) -> None:
    write_project(tmp_path, claim)
    ran = mlfuzz(tmp_path, "fuzz", "meter", "--inputs", "1000", "--name", "c")
    assert ran.returncode == 1, ran.stderr
    found = [json.loads(path.read_text()) for path in tmp_path.glob(".mlfuzz/c/findings/*/finding.json")]
    confirmed = [one for one in found if one.get("verdict") == "confirmed"]
    assert {one["kind"] for one in confirmed} == {"as-it-should-be"}
    assert {step["name"] for one in confirmed for step in one["chain"]} == {CLAIMS[claim][1]}
    again = mlfuzz(tmp_path, "replay", *(one["id"] for one in confirmed[:2]))
    assert again.returncode == 1, again.stderr
