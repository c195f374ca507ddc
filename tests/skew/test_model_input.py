"""Forms of one content are the same input, or a failure that says what is not."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
import torch
from faults.drawn import drawn
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlfuzz
from mlfuzz import skew
from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.examples import digits, serving
from mlfuzz.skew import pictures, sounds, texts
from mlfuzz.skew.model_input import ModelInput, named_exceptions

PICTURE = mlfuzz.Image(size=(8, 8), channels=3)
SOUND = mlfuzz.Audio(sample_rate_hz=16000, seconds=0.1)
TEXT = mlfuzz.Text()


def same(rows):
    return rows


def of(modality, prepare=same, decode=None, refuses=()):
    target = mlfuzz.CallableTarget("t", modality, same)
    target.function = prepare
    path = ModelInput(target, decode, 1.0, refuses)
    path._prepare = lambda rows: prepare(rows.texts if modality is TEXT else rows.data)
    return path


@pytest.mark.parametrize("kind", [pictures, sounds, texts], ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_each_form_holds_the_same_content(kind):
    modality = {pictures: PICTURE, sounds: SOUND, texts: TEXT}[kind]

    def decode(data):
        if kind is not texts:
            return modality.decode(data)
        return texts.content(data.decode("utf-16").encode() if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data)

    path = of(modality, decode=decode)
    for data in drawn([*kind.natural().values()][1:], 2):
        one = path.of(data)
        for form in path.forms:
            one.same(form)
        one.finite()
        one.steady()
    with pytest.raises(BadInputError):
        path.of(next(iter(kind.natural().values())))


def palette_as_grey(data):
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        shown = np.asarray(opened.convert("RGB") if opened.mode != "P" else np.stack([np.asarray(opened)] * 3, 2))
    return np.asarray(Image.fromarray(shown).resize((8, 8))).transpose(2, 0, 1)


def without_exif(data):
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened.convert("RGB").resize((8, 8))).transpose(2, 0, 1)


def deep_cut(data):
    """Sixteen bits are cut at the top, as Pillow's convert once did."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        wide = np.asarray(opened)
        shown = np.minimum(wide, 255).astype(np.uint8) if wide.dtype != np.uint8 else np.asarray(opened.convert("RGB"))
    shown = np.stack([shown] * 3, 2) if shown.ndim == 2 else shown
    return np.asarray(Image.fromarray(shown).resize((8, 8))).transpose(2, 0, 1)


def alpha_as_ink(data):
    """The fourth channel is averaged in."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        wide = np.asarray(opened if opened.mode == "RGBA" else opened.convert("RGB"), np.float64)
    grey = wide.mean(2).astype(np.uint8)
    return np.asarray(Image.fromarray(np.stack([grey] * 3, 2)).resize((8, 8))).transpose(2, 0, 1)


def header_of_44(data):
    samples = np.frombuffer(data[44 : 44 + 2 * (len(data[44:]) // 2)], "<i2")[:1600]
    return np.pad(samples, (0, 1600 - len(samples)))[None]


def eight_signed(data):
    with wave.open(io.BytesIO(data)) as file:
        frames, width = file.readframes(1600), file.getsampwidth()
    samples = np.frombuffer(frames, np.int8).astype(np.int16) * 256 if width == 1 else np.frombuffer(frames, "<i2")
    return np.pad(samples[:1600], (0, max(0, 1600 - len(samples))))[None].astype(np.int16)


PLANTED = {
    "palette": (PICTURE, palette_as_grey, "a PNG with a palette", "ramp.png"),
    "turned": (PICTURE, without_exif, "EXIF turns", "ramp.png"),
    "deep": (PICTURE, deep_cut, "16 bits", "ramp.png"),
    "rgba": (PICTURE, alpha_as_ink, "opaque alpha", "ramp.png"),
    "tagged": (SOUND, header_of_44, "a chunk before its samples", "tone-16000.wav"),
    "bits8": (SOUND, eight_signed, "8 bits", "tone-16000.wav"),
    "bits24": (SOUND, serving.sound, "24 bits", "tone-16000.wav"),
    "swapped": (SOUND, serving.sound, "other order", "tone-16000.wav"),
    "decomposed": (TEXT, serving.text, "decomposed", "marks.txt"),
    "bom": (TEXT, serving.text, "byte-order mark", "words.txt"),
    "crlf": (TEXT, serving.text, "line ends", "words.txt"),
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_skew_is_told_in_the_form_that_shows_it(form):
    modality, decode, words, seed = PLANTED[form]
    kind = {PICTURE: pictures, SOUND: sounds, TEXT: texts}[modality]
    one = of(modality, decode=decode, refuses=(wave.Error,)).of(kind.natural()[seed])
    with pytest.raises(skew.SkewFailure) as raised:
        one.same(form)
    assert words in str(raised.value)
    assert " where " in str(raised.value)
    assert any(unit in str(raised.value) for unit in ("% of the range", "% of the values", "shape"))


def test_a_changed_answer_is_told(monkeypatch):
    path = skew.of_target("mlfuzz.examples.digits:robust", decode="mlfuzz.examples.serving:picture")
    said = iter(["3", "8"])
    monkeypatch.setattr(ModelInput, "answer", lambda *_: next(said))
    with pytest.raises(skew.Skew, match="the answer changes from 3 to 8"):
        path.of(pictures.natural()["ramp.png"]).same("palette")


def test_a_model_says_its_label():
    path = ModelInput(digits.robust())
    assert path.answer(pictures.natural()["ramp.png"]) in digits.LABELS


def test_what_a_target_refuses_in_another_form_is_no_difference():
    one = of(SOUND, decode=serving.sound, refuses=(wave.Error, EOFError)).of(sounds.natural()["tone-16000.wav"])
    one.same("flac")
    one = of(SOUND, decode=serving.sound).of(sounds.natural()["tone-16000.wav"])
    with pytest.raises(wave.Error):
        one.same("flac")


BROKEN = {
    "nan": (lambda rows: rows / 0 * 0, lambda one: one.finite(), skew.NotFinite, "nan"),
    "shape": (lambda rows: rows[..., 1:], lambda one: one.shaped({"input": [1, 3, 8, 8]}), skew.OtherShape, "due"),
    "free": (lambda rows: rows[0], lambda one: one.shaped({"input": [1, 3, None, 8]}), skew.OtherShape, "due"),
    "parts": (lambda rows: {"a": rows}, lambda one: one.shaped({"input": [1]}), skew.OtherShape, "parts a"),
    "type": (lambda rows: rows.double(), lambda one: one.typed({"input": "float32"}), skew.OtherType, "float64"),
    "range": (lambda rows: rows * 255, lambda one: one.within({"input": (0.0, 1.0)}), skew.OutOfRange, "% of the"),
    "random": (lambda rows: rows + torch.rand_like(rows), lambda one: one.steady(), skew.Unsteady, "twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_an_invariant_that_does_not_hold_says_which_and_where(name):
    prepare, check, kind, words = BROKEN[name]
    one = of(PICTURE, prepare).of(pictures.natural()["checks.png"])
    with pytest.raises(kind) as raised:
        check(one)
    assert words in str(raised.value)


def module_target():
    return mlfuzz.ModuleTarget("m", PICTURE, torch.nn.Flatten(), preprocess=lambda x: {"pixels": x - 1, "rows": 2})


def ragged_target():
    return mlfuzz.CallableTarget("r", TEXT, same)


def pipeline_target():
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(np.eye(192)[:4], [0, 1, 0, 1])
    return mlfuzz.forms.sklearn("p", PICTURE, scaled)


def words_target():
    made = make_pipeline(HashingVectorizer(n_features=16), LogisticRegression()).fit(["a b", "c d"], [0, 1])
    return mlfuzz.forms.sklearn("w", TEXT, made)


def classless_target():
    return mlfuzz.CallableTarget("c", PICTURE, mlfuzz.per_item(lambda x: x.mean()), numpy=True)


TARGETS = {
    "module": (module_target, {"pixels": (1, 3, 8, 8), "rows": ()}, True),
    "texts": (ragged_target, {"input": (1,)}, False),
    "pipeline": (pipeline_target, {"input": (1, 192)}, True),
    "words": (words_target, {"input": (1, 16)}, True),
    "function": (classless_target, {"input": (1, 3, 8, 8)}, False),
}


@pytest.mark.parametrize("name", TARGETS)
def test_the_path_of_each_form_of_target_ends_at_what_its_model_takes(name):
    made, shapes, prepared = TARGETS[name]
    path = ModelInput(made())
    one = path.of([*(texts if path.kind == "text" else pictures).natural().values()][2])
    have = {part: (1,) if isinstance(value, str) else value.shape for part, value in one.parts.items()}
    assert have == shapes
    assert path.prepared is prepared


def test_a_program_prepares_its_inputs_where_nobody_sees_it(tmp_path):
    target = mlfuzz.forms.command("x", TEXT, ["cat"], labels=("a",))
    with pytest.raises(ConfigError, match="--compare"):
        ModelInput(target)


def test_the_checks_of_one_content_are_others_than_those_of_another():
    path = of(PICTURE)
    checks = [*range(11)]
    first = {tuple(path.of(data).in_turn(checks, 4)) for data in [*pictures.natural().values()][1:]}
    assert len(first) > 1
    assert all(len(one) == 4 for one in first)


@pytest.mark.parametrize("name", ["nonsense", "wave.nothing", "str"])
def test_what_names_no_exception_is_refused(name):
    with pytest.raises(ConfigError, match="no exception"):
        named_exceptions([name])
