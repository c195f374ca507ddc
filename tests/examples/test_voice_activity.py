"""The voice detector, where its package is installed; what is said where it is not."""

import importlib.util
import sys

import pytest
import torch

from mlfuzz.batch import from_payloads
from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import voice_activity

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
    said = target.run(rows_of(target, files)).outputs["main"].argmax(1).tolist()
    assert [target.labels[at] for at in said] == [file.parent.name for file in files]
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
