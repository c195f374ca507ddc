"""Plain functions as targets, whose answers are words: no module, no gradients, no scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.campaign.worker.result import Result
from mlfuzz.findings.store import read
from mlfuzz.modality.text import Text
from mlfuzz.replay import Case, replay
from mlfuzz.request import CampaignRequest
from mlfuzz.targets.callable import CallableTarget

TONES = ("calm", "loud")
SENTENCES = ("please close the door", "the train leaves at noon", "a cup of tea for everyone", "this is the last page")

PROJECT = '''
import mlfuzz

def tone(text: str) -> str:
    """Takes any capital letter for shouting."""
    return "loud" if any(char.isupper() for char in text) else "calm"

def target():
    return mlfuzz.CallableTarget("tone", mlfuzz.Text(max_chars=60), mlfuzz.per_item(tone))
'''


def loud(text: str) -> bool:
    return any(char.isupper() for char in text)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    folder.mkdir()
    for number, sentence in enumerate(SENTENCES):
        (folder / f"{number}.txt").write_text(sentence)
    return folder


def campaign(target: CallableTarget, seeds: Path, folder: Path) -> Result:
    with mlfuzz.Campaign.open(folder, target, seeds=seeds, batch=32) as opened:
        return opened.run(Budget(inputs=400, seconds=30))


@pytest.mark.slow
def test_a_function_that_gives_words_is_fuzzed_by_name_and_its_findings_replay(seeds: Path, tmp_path: Path) -> None:
    (tmp_path / "tones.py").write_text(PROJECT)
    spec = WorkerSpec(target="tones:target", seeds=str(seeds), batch=32, directory=str(tmp_path))
    outcome = run(CampaignRequest(spec, tmp_path / "c", Budget(inputs=1_000, seconds=20)), lambda event: None)
    found = [one for one in outcome.findings if one.verdict == "confirmed"]
    assert found
    for finding in found:
        assert (finding.kind, finding.expected, finding.observed) == ("cer", "calm", "loud")
        assert len(finding.chain) == 1
    paths = [tmp_path / "c" / "findings" / one.id for one in found]
    again = replay([Case(read(path)[0], path) for path in paths], directory=tmp_path)
    assert {result.state for result in again} == {"fails"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: np.array([TONES[loud(text)] for text in texts]),
        lambda texts: np.array([TONES[loud(text)] for text in texts], object),
        lambda texts: np.array([loud(text) for text in texts], np.int64),
        lambda texts: torch.tensor([int(loud(text)) for text in texts]),
        mlfuzz.per_item(lambda text: int(loud(text))),
    ],
    ids=["words in an array", "objects in an array", "numbers in an array", "numbers in a tensor", "number by number"],
)
def test_classes_without_scores_are_judged_by_their_names(answer, seeds: Path, tmp_path: Path) -> None:
    target = CallableTarget("tone", Text(max_chars=60), answer, labels=TONES)
    result = campaign(target, seeds, tmp_path / "c")
    assert result.findings
    assert {(one.kind, one.expected, one.observed) for one in result.findings} == {("label", "calm", "loud")}


@pytest.mark.slow
def test_a_seed_filed_under_another_label_than_the_function_says_is_reported(seeds: Path, tmp_path: Path) -> None:
    (seeds / "loud").mkdir()
    (seeds / "loud" / "quiet.txt").write_text("hush")
    (seeds / "loud" / "shout.txt").write_text("STOP")
    target = CallableTarget("tone", Text(max_chars=60), mlfuzz.per_item(lambda text: TONES[loud(text)]), labels=TONES)
    result = campaign(target, seeds, tmp_path / "c")
    assert [failing[1:] for failing in result.stats.seeds.failing] == [["loud", "calm"]]


def test_a_target_may_say_what_judges_it_and_a_campaign_otherwise(seeds: Path, tmp_path: Path) -> None:
    def lengths(texts: tuple[str, ...]) -> torch.Tensor:
        return torch.tensor([[float(len(text)), 1.0] for text in texts])

    own = CallableTarget("length", Text(max_chars=60), lengths, oracles=[{"name": "cosine", "bound": 0.99}])
    for name, options, expected in (("a", {}, ["cosine"]), ("b", {"oracles": ["tolerance"]}, ["tolerance"])):
        with mlfuzz.Campaign.open(tmp_path / name, own, seeds=seeds, batch=32, **options) as opened:
            opened.run(Budget(inputs=32, seconds=20))
            assert [oracle.name for oracle in opened.loop.parts.oracles] == expected
