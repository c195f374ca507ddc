"""Where to dig: classes, groups, findings and faults are found, what is none is refused, and most inputs go there."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from findings.samples import sample

import mlfuzz
from mlfuzz.campaign.setup.focus import SHARE, focus_of
from mlfuzz.errors import UsageError
from mlfuzz.examples.digits import fragile
from mlfuzz.slices import SeedFacts, SeedTable

NAMES = [f"{number}.png" for number in range(12)]
LABELS = [str(number % 3) for number in range(12)]
TABLE = SeedTable(
    {
        name: SeedFacts(label, {"brightness": number / 12})
        for number, (name, label) in enumerate(zip(NAMES, LABELS, strict=True))
    }
)


def findings():
    made = [
        sample(number, seed_name=NAMES[1], label="1", fault=f"label|1->{number}|image.fog")[0] for number in range(2)
    ]
    return [msgspec.structs.replace(one, id=f"abcd{number}{'0' * 11}") for number, one in enumerate(made)]


def inside(name):
    return np.flatnonzero(focus_of(name, TABLE, NAMES, LABELS, findings()).inside).tolist()


def test_what_can_be_named():
    assert inside("1") == inside("label:1") == [1, 4, 7, 10]
    assert inside("dark") == [0, 1, 2, 3]
    assert inside("dark+label:0") == [0, 3]
    assert inside("abcd0") == inside("label|1->0|image.fog") == inside("LABEL|1->0|IMAGE.FOG") == [1, 4, 7, 10]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("darl", "did you mean 'dark'"), ("label:9", "label:"), ("abcd", "may be abcd0"), ("abc", "no class"),
        ("dark+brigth", "did you mean 'bright'"), ("dark+", "no class"), ("bright+dark", "none of the seeds"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_what_there_is(name, words):
    with pytest.raises(UsageError) as caught:
        inside(name)
    assert words in str(caught.value)


def test_nine_in_ten_inputs_are_made_of_it():
    focus = focus_of("1", TABLE, NAMES, LABELS, [])
    seeds = np.arange(12)
    turned = focus.turned(np.tile(seeds, 1000), seeds, np.random.default_rng(0))
    share = focus.inside[seeds[turned]].mean()
    assert share == pytest.approx(SHARE + (1 - SHARE) / 3, abs=0.01)


@pytest.mark.slow
def test_more_is_found_there_than_without(tmp_path):
    found = {}
    for focus in ("", "label:7"):
        keys = set()
        for seed in range(2):
            folder = tmp_path / f"{focus or 'none'} {seed}".replace(":", "")
            with mlfuzz.Campaign.open(folder, fragile(), focus=focus, seed=seed, batch=128) as campaign:
                result = campaign.run(mlfuzz.Budget(inputs=2_000), triage_here=False)
                keys |= {(one.key, one.seed_name) for one in campaign.findings.records() if one.label == "7"}
            rows = {name: judged for name, (judged, _) in result.stats.by_seed.items()}
        found[focus] = len(keys)
        there = sum(judged for name, judged in rows.items() if name.startswith("7/"))
        assert (there > 0.8 * sum(rows.values())) == bool(focus)
    assert found["label:7"] > 1.5 * found[""]
