"""The voice detector, where its package is installed; what is said where it is not."""

import importlib.util
import sys

import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.batch import Batch, from_payloads
from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import voice_activity
from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.oracles.frames import Frames

needs_javad = pytest.mark.skipif(
    importlib.util.find_spec("javad") is None, reason="not installed: pip install 'mlfuzz[examples]'"
)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        made = voice_activity.balanced()
        made.seeds = made.seeds.resolve()
        yield made


def rows_of(target, files):
    payloads = [target.modality.decode(file.read_bytes()) for file in files]
    return from_payloads(payloads, target.modality, torch.device("cpu"))


@pytest.mark.slow
@needs_javad
def test_it_tells_spoken_digits_from_hums_and_clicks(target):
    files = sorted(target.seeds.glob("*/*.flac"))
    answers = target.run(rows_of(target, files)).outputs["main"].argmax(1).tolist()
    assert [target.labels[at] for at in answers] == [file.parent.name for file in files]
    assert len(files) == 28


@needs_javad
def test_its_spectrogram_and_frames_are_those_of_the_package(target):
    from javad import Processor

    file = sorted(target.seeds.glob("speech/*.flac"))[0]
    wave = rows_of(target, [file]).data
    with torch.inference_mode():
        frames = target.model.frames(target.model._spectrogram(wave[:, 0])[:, None])
        expected = Processor("balanced").logits(wave[0, 0])
    assert torch.allclose(frames[0], expected, atol=1e-5)


@needs_javad
def test_silence_gets_finite_answers(target):
    file = sorted(target.seeds.glob("speech/*.flac"))[0]
    quiet = rows_of(target, [file])
    assert torch.isfinite(target.run(quiet.with_data(quiet.data * 0)).outputs["main"]).all()


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "javad", None)
    with pytest.raises(TargetLoadError, match=r"javad.*pip install 'mlfuzz\[examples\]'"):
        voice_activity.balanced()


@pytest.fixture(scope="module")
def framewise(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        made = voice_activity.frames()
        made.seeds = made.seeds.resolve()
        yield made


@needs_javad
def test_frame_by_frame_it_says_where_somebody_speaks(framewise):
    seen = framewise.run(rows_of(framewise, sorted(framewise.seeds.glob("speech/*.flac"))[:4]))
    speech = seen.outputs["main"] > 0.5
    assert speech.shape == (4, 192)
    assert (speech.sum(1) >= voice_activity.SPEECH_FRAMES).all()


@pytest.mark.slow
@needs_javad
def test_what_is_said_later_or_faster_is_compared_where_it_went(framewise):
    rows = rows_of(framewise, sorted(framewise.seeds.glob("speech/*.flac"))[:8])
    reference = framewise.run(rows)
    count, numbers = len(rows), np.arange(len(rows))

    def margins(name, **params):
        steps = MUTATORS.get(name).space
        columns = {key: np.full(count, params[key], np.float32) for key in steps}
        moved = MUTATORS.get(name).apply(rows, columns)
        chain = (Mutation(name, params),)
        batch = Batch(
            moved, numbers, numbers, np.zeros((count, 1), np.float32), np.ones(count, bool), chains=lambda row: chain
        )
        seen = framewise.run(moved)
        naive = ((seen.outputs["main"] > 0.5) != (reference.outputs["main"] > 0.5)).float().mean(1)
        return Frames().check(seen, reference, batch).margin + 0.1, naive

    for name, params in (("audio.shift", {"milliseconds": 100.0}), ("audio.speed", {"factor": 0.8})):
        aligned, naive = margins(name, **params)
        assert aligned.isfinite().all()
        assert aligned.median() < 0.5 * naive.median()


@pytest.mark.slow
@pytest.mark.turns(2)
@needs_javad
def test_a_campaign_on_its_frames_finds_and_confirms(framewise, tmp_path):
    with mlfuzz.Campaign.open(tmp_path / "c", framewise, batch=16) as campaign:
        result = campaign.run(mlfuzz.Budget(inputs=256, seconds=15))
    confirmed = [finding for finding in result.findings if finding.verdict == "confirmed"]
    assert confirmed
    assert {finding.kind for finding in confirmed} == {"frames"}
