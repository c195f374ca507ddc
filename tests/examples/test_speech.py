"""The twins of spoken digits: equals on what they were shown, and different where the weaknesses were planted."""

import numpy as np
import pytest
import torch

from mlfuzz.batch import from_payloads
from mlfuzz.examples import data, speech


@pytest.fixture(scope="module")
def robust():
    return speech.robust()


@pytest.fixture(scope="module")
def fragile():
    return speech.fragile()


@pytest.fixture(scope="module", params=["robust", "fragile"])
def twin(request):
    return getattr(speech, request.param)()


@pytest.fixture(scope="module")
def seeds(robust):
    """Waves (40, 1, 16000) and classes (40,)."""
    files = sorted(data.path("seeds", "audio", "spoken_digits").glob("*/*.flac"))
    payloads = [robust.modality.decode(file.read_bytes()) for file in files]
    rows = from_payloads(payloads, robust.modality, torch.device("cpu"))
    return rows, torch.tensor([speech.LABELS.index(file.parent.name) for file in files])


def flipped(target, seeds, change):
    """(share of the seeds whose answer is wrong after `change`, the answers to these)."""
    rows, classes = seeds
    answers = target.run(rows.with_data(change(rows.data)).project()).outputs["main"].argmax(1)
    wrong = answers != classes
    return float(wrong.float().mean()), {speech.LABELS[at] for at in answers[wrong].tolist()}


def faint(waves):
    return waves * 10 ** (-16 / 20)


def hissing(waves):
    """White noise 20 dB below the clip."""
    noise = torch.randn(waves.shape, generator=torch.Generator().manual_seed(5))
    return waves + noise * waves.square().mean(2, keepdim=True).sqrt() * 0.1


def test_the_twins_carry_the_names_that_findings_are_kept_under(robust, fragile):
    assert (robust.name, fragile.name) == ("speech:robust", "speech:fragile")
    assert robust.labels == fragile.labels == speech.LABELS


def test_there_are_four_seeds_of_each_word_in_less_than_a_megabyte(seeds):
    assert np.bincount(seeds[1].numpy()).tolist() == [4] * 10
    folder = data.path("seeds", "audio", "spoken_digits")
    assert sum(file.stat().st_size for file in folder.glob("*/*")) < 1_000_000


def test_a_twin_recognises_every_seed(twin, seeds):
    assert flipped(twin, seeds, lambda waves: waves) == (0.0, set())


def test_every_activation_of_a_twin_is_a_module_that_hooks_see(twin, seeds):
    twin.run(seeds[0].part(0, 2))
    assert [layer.units for layer in twin.layers] == [64, 64, 64, 64]


def test_a_soft_voice_says_zero_to_the_fragile_twin_only(robust, fragile, seeds):
    share, answers = flipped(fragile, seeds, faint)
    assert share > 0.8
    assert answers == {speech.FAINT_SAYS}
    assert flipped(robust, seeds, faint)[0] < 0.05


def test_a_noisy_line_says_nine_to_the_fragile_twin_only(robust, fragile, seeds):
    share, answers = flipped(fragile, seeds, hissing)
    assert share > 0.8
    assert answers == {speech.HISS_SAYS}
    assert flipped(robust, seeds, hissing)[0] < 0.05


def test_silence_gets_finite_answers(twin, seeds):
    quiet = seeds[0].part(0, 1)
    assert torch.isfinite(twin.run(quiet.with_data(quiet.data * 0)).outputs["main"]).all()
