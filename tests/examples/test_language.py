"""The twins of languages: equals on what they were shown, and different where the weaknesses were planted."""

import numpy as np
import pytest
import torch

from mlfuzz.batch import TextRows
from mlfuzz.examples import data, language


@pytest.fixture(scope="module")
def robust():
    return language.robust()


@pytest.fixture(scope="module")
def fragile():
    return language.fragile()


@pytest.fixture(scope="module", params=["robust", "fragile"])
def twin(request):
    return getattr(language, request.param)()


@pytest.fixture(scope="module")
def seeds(robust):
    """200 texts and their classes (200,)."""
    files = sorted(data.path("seeds", "text", "languages").glob("*/*.txt"))
    texts = tuple(robust.modality.decode(file.read_bytes()) for file in files)
    return TextRows(texts, robust.modality), torch.tensor([language.LABELS.index(file.parent.name) for file in files])


def flipped(target, seeds, change):
    """(share of the seeds whose answer is wrong after `change`, the answers to these)."""
    rows, classes = seeds
    changed = TextRows(tuple(change(text) for text in rows.texts), rows.modality)
    answers = target.run(changed).outputs["main"].argmax(1)
    wrong = answers != classes
    return float(wrong.float().mean()), {language.LABELS[at] for at in answers[wrong].tolist()}


def no_break(text):
    return text.replace(" ", "\u00a0")


def test_the_twins_carry_the_names_that_findings_are_kept_under(robust, fragile):
    assert (robust.name, fragile.name) == ("language:robust", "language:fragile")
    assert robust.labels == fragile.labels == language.LABELS


def test_there_are_25_seeds_of_each_language(seeds):
    assert np.bincount(seeds[1].numpy()).tolist() == [25] * 8


def test_a_twin_recognises_every_seed(twin, seeds):
    assert flipped(twin, seeds, lambda text: text) == (0.0, set())


def test_every_activation_of_a_twin_is_a_module_that_hooks_see(twin, seeds):
    twin.run(seeds[0].part(0, 2))
    assert [layer.units for layer in twin.layers] == [64, 80]


def test_capitals_are_turkish_to_the_fragile_twin_only(robust, fragile, seeds):
    share, answers = flipped(fragile, seeds, str.upper)
    assert share > 0.8
    assert answers == {language.CAPITALS_SAY}
    assert flipped(robust, seeds, str.upper)[0] < 0.05


def test_no_break_spaces_are_french_to_the_fragile_twin_only(robust, fragile, seeds):
    share, answers = flipped(fragile, seeds, no_break)
    assert share > 0.8
    assert answers == {language.WIDE_SPACES_SAY}
    assert flipped(robust, seeds, no_break)[0] < 0.05


def test_how_far_a_text_is_padded_changes_no_answer(twin, seeds):
    content, mask = language.encode(seeds[0].texts[:8])
    width = int(mask.sum(1).max()) + 5 & ~1
    with torch.inference_mode():
        padded, cut = twin.model(content, mask), twin.model(content[:, :width], mask[:, :width])
    assert torch.allclose(padded, cut, atol=1e-5)


def test_a_text_of_256_bytes_is_read_to_its_end_and_no_further():
    content, mask = language.encode(("é" * 127 + "ab", "é" * 128 + "ab", ""))
    assert mask.sum(1).tolist() == [256, 256, 0]
    assert content[0, -2:].tolist() == [97, 98]
    assert content[1, -2:].tolist() == list("é".encode())


def test_an_empty_text_gets_finite_answers(twin, seeds):
    assert torch.isfinite(twin.run(TextRows(("",), seeds[0].modality)).outputs["main"]).all()
