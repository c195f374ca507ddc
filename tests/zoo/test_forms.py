"""Each form in which a model is handed over: the lines that `mlfuzz init --from` writes lead to "ready"."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from served import served

import mlfuzz
from mlfuzz.batch import Rows, from_payloads
from mlfuzz.cli.main import main
from mlfuzz.cli.verbs.hand_over import BODIES, STARTERS, text_of
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.errors import AnswerError, ConfigError, MlfuzzError, TargetError, TargetLoadError, UnknownNameError
from mlfuzz.model_files import FORMS, form_of
from mlfuzz.targets.calibrate import speed
from mlfuzz.targets.check import check
from mlfuzz.targets.execute import execute
from mlfuzz.targets.fixed_batch import kept
from mlfuzz.targets.load import load
from mlfuzz.tasks.table import TASKS
from zoo import handed
from zoo.line import run, walk

PICTURE = "mlfuzz.Image(size=(8, 8))"
IMAGE = mlfuzz.Image(size=(8, 8))
MOST_LINES = 10
PAGE = (Path(__file__).parents[2] / "docs" / "targets.md").read_text()


@dataclass(frozen=True)
class Form:
    """make: writes the model into a folder. said: a line of the check. package: without which it is skipped."""

    make: Callable[[Path], Any]
    said: str
    kind: str = PICTURE
    package: str = ""
    extra: str = ""


HANDED = {
    "exported": Form(handed.exported, "runs 12 seeds in one batch"),
    "torchscript": Form(handed.torchscript, "coverage looks at the outputs"),
    "pickle": Form(handed.pickle, "2 units in 1 layers are watched"),
    "safetensors": Form(handed.safetensors, "2 units in 1 layers are watched"),
    "onnx": Form(handed.onnx, "2 units in 1 layers are watched", package="onnxruntime", extra="onnx"),
    "sklearn": Form(handed.sklearn, "a black box", package="sklearn", extra="sklearn"),
    "tflite": Form(handed.tflite, "a black box", package="ai_edge_litert", extra="tflite"),
    "callable": Form(handed.function, "a black box"),
    "item": Form(handed.function, "a black box"),
    "command": Form(handed.command, "a black box"),
}
"""Without the service and the Hugging Face folder, which have tests of their own, and timm, which is not locked."""


def need(package: str, extra: str) -> None:
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}: pip install 'mlfuzz[{extra}]'")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder of a project; what is imported from it is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    handed.forget("my_model", "mlfuzz_targets")
    yield tmp_path
    handed.forget("my_model", "mlfuzz_targets")


def written(project: Path, form: str, file: str = "", name: str = "bright") -> Any:
    """The target of a form, by the lines that `init` writes."""
    (project / "mlfuzz_targets.py").write_text(
        text_of(form, name, HANDED[form].kind if form in HANDED else PICTURE, file)
    )
    handed.forget("mlfuzz_targets", "my_model")
    return load(f"mlfuzz_targets:{name}", directory=project)


def seeds_of(target: Any, folder: Path) -> tuple[list[Any], list[str | None]]:
    found = load_seeds(folder, target.modality, labels=target.labels).seeds
    return [one.payload for one in found], [one.label for one in found]


def rows(count: int = 5, channels: int = 1, size: int = 8) -> Rows:
    drawn = np.random.default_rng(0).integers(0, 256, (count, channels, size, size)).astype(np.uint8)
    return from_payloads(list(drawn), mlfuzz.Image(size=(size, size), channels=channels), torch.device("cpu"))


@pytest.mark.parametrize("form", FORMS)
def test_the_lines_of_a_form_are_few_and_valid_python(form):
    text = text_of(form, "a_name", "mlfuzz.Image(size=(224, 224), channels=3)")
    compile(text, form, "exec")
    assert len([line for line in text.splitlines()[1:] if line.strip()]) <= MOST_LINES + text.count("\nimport mlfuzz\n")
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("form", FORMS)
def test_the_page_about_targets_shows_the_lines_that_are_written(form):
    text = text_of(form, "model", "mlfuzz.Image(size=(224, 224), channels=3)").partition('"""\n\n')[2]
    assert f"```python\n{text.strip()}\n```" in PAGE


def test_every_task_stands_on_the_page_about_targets():
    assert [name for name in TASKS if f"| `{name}` |" not in PAGE] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("form", HANDED)
def test_a_form_is_ready_and_its_faults_are_found_and_fail_again(form, project):
    given = HANDED[form]
    need(given.package, given.extra)
    given.make(project)
    target = written(project, form)
    walked = walk(target, handed.pictures(project / "seeds"), project / "c", inputs=200)
    assert walked.ready, walked.lines
    assert walked.said(given.said), walked.lines
    assert walked.confirmed
    assert walked.retried


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("form", ["exported", "torchscript", "pickle", "safetensors", "onnx", "sklearn", "tflite"])
def test_a_file_is_the_same_target_in_another_place_and_another_one_where_it_differs(form, project, tmp_path):
    given = HANDED[form]
    need(given.package, given.extra)
    file = given.make(project)
    first = written(project, form).digest
    assert written(project, form).digest == first
    if form in ("exported", "torchscript", "sklearn"):
        return  # made by code, they have no byte that could be turned alone
    data = file.read_bytes()
    at = data.find(np.float32(0.8).tobytes()) if form != "tflite" else data.find(np.float32(8.8).tobytes())
    file.write_bytes(data[:at] + np.float32(0.9).tobytes() + data[at + 4 :])
    assert written(project, form).digest != first


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("form", ["onnx", "exported"])
def test_a_graph_of_one_size_of_batch_is_called_with_no_other(form, batch, project):
    need(HANDED[form].package, HANDED[form].extra)
    make = getattr(handed, form)
    make(project)
    free = written(project, form).run(rows(11)).outputs["main"]
    make(project, batch=batch)
    target = written(project, form)
    assert kept(target) == batch
    for count in (1, 2, 4, 11):
        torch.testing.assert_close(target.run(rows(11).part(0, count)).outputs["main"], free[:count])
    assert all(size % batch == 0 for size in speed(target, rows(11)).table)
    payloads = rows(11).payloads(np.arange(11))
    lines = list(check(target, payloads, [None] * 11))
    assert any(f"always called with {batch} input" in line.text for line in lines)
    assert not [line for line in lines if line.level == "fail"]


@pytest.mark.slow
def test_a_declared_size_of_batch_is_kept_to_by_modules_and_functions():
    sizes = set()

    def answer(x):
        sizes.add(len(x))
        return x.mean((1, 2, 3))[:, None] * torch.tensor([1.0, -1.0])

    class Net(torch.nn.Module):
        forward = staticmethod(answer)

    for target in (mlfuzz.ModuleTarget("m", IMAGE, Net(), batch=8), mlfuzz.CallableTarget("c", IMAGE, answer, batch=8)):
        whole = target.run(rows(11)).outputs["main"]
        assert torch.equal(target.run(rows(11).part(9, 11)).outputs["main"], whole[9:])
        assert not [
            line for line in check(target, rows(11).payloads(np.arange(11)), [None] * 11) if line.level == "fail"
        ]
    assert sizes == {8}


@pytest.mark.parametrize("size", [0, -1, 2.5, "8"])
def test_what_is_no_size_of_batch_is_refused_with_the_line_to_write(size):
    with pytest.raises(ConfigError, match="write batch=8"):
        mlfuzz.CallableTarget("c", IMAGE, len, batch=size)


@pytest.mark.slow
def test_a_compiled_module_is_kept_to_one_size_of_batch():
    target = mlfuzz.ModuleTarget("m", IMAGE, torch.compile(torch.nn.Flatten(), backend="eager"))
    assert target.batch == 32
    assert target.run(rows(3)).outputs["main"].shape == (3, 64)


@pytest.mark.parametrize("opset", [13, 18])
def test_onnx_is_watched_inside_where_it_is_asked_to_be(opset, project):
    need("onnxruntime", "onnx")
    path = handed.onnx(project, opset=opset)
    seen = mlfuzz.forms.onnx("m", IMAGE, path).run(rows())
    data = rows().data.double()
    assert torch.allclose(seen.activations[:, 0].double(), data.mean((1, 2, 3)), atol=1e-6)
    named = mlfuzz.forms.onnx("m", IMAGE, path, layers=["seen", "active"])
    assert [layer.units for layer in (named.run(rows()), named.layers)[1]] == [2, 2]
    bare = mlfuzz.forms.onnx("m", IMAGE, path, layers=())
    assert bare.run(rows()).activations.shape == (5, 0)
    assert torch.equal(bare.run(rows()).outputs["main"], seen.outputs["main"])
    with pytest.raises(UnknownNameError, match="did you mean 'active'"):
        mlfuzz.forms.onnx("m", IMAGE, path, layers=["activ"])
    with pytest.raises(UnknownNameError, match="unknown output 'z'"):
        mlfuzz.forms.onnx("m", IMAGE, path, outputs=["z"])


@pytest.mark.parametrize(
    ("modality", "preprocess", "message"),
    [
        (mlfuzz.Image(size=(8, 8), channels=3), None, "channels=1"),
        (mlfuzz.Image(size=(9, 9)), None, r"mlfuzz\.Image\(size=\(8, 8\)"),
        (IMAGE, lambda x: x.transpose(0, 2, 3, 1), "is given"),
        (IMAGE, lambda x: (x * 255).astype("uint8"), r'astype\("float32"\)'),
        (IMAGE, lambda x: {"y": x}, "input 'x' is not given"),
        (IMAGE, lambda x: (x, x), "has 1 inputs"),
    ],
)
def test_what_an_onnx_graph_does_not_take_is_refused_with_the_line_to_write(modality, preprocess, message, project):
    need("onnxruntime", "onnx")
    target = mlfuzz.forms.onnx("m", modality, handed.onnx(project), preprocess=preprocess)
    with pytest.raises(TargetError, match=message):
        target.run(rows(2, modality.channels, modality.size[0]))


@pytest.mark.slow
def test_a_tflite_file_answers_any_number_of_rows(project):
    need("ai_edge_litert", "tflite")
    path = handed.tflite(project)
    target = mlfuzz.forms.tflite("m", IMAGE, path)
    mean = rows(6).data.mean((1, 2, 3))
    for count in (6, 1, 4):
        main = target.run(rows(6).part(0, count)).outputs["main"]
        torch.testing.assert_close(main, torch.stack([8.8 - 8 * mean, 8 * mean], 1)[:count], atol=1e-4, rtol=0)


@pytest.mark.slow
def test_whole_numbers_with_a_scale_are_real_ones_outside_of_a_tflite_file(project):
    need("ai_edge_litert", "tflite")
    target = mlfuzz.forms.tflite("m", IMAGE, handed.dequantised(project))
    torch.testing.assert_close(target.run(rows(3)).outputs["main"], rows(3).data, atol=1e-6, rtol=0)


@pytest.mark.slow
def test_margins_of_an_estimator_are_scores_and_its_classes_labels():
    need("sklearn", "sklearn")
    from sklearn.linear_model import RidgeClassifier
    from sklearn.svm import SVC

    drawn = np.random.default_rng(0).uniform(size=(60, 64))
    for count in (2, 3):
        classes = np.array(["a", "b", "c"])[np.arange(60) % count]
        for estimator in (RidgeClassifier().fit(drawn, classes), SVC().fit(drawn, classes)):
            target = mlfuzz.forms.sklearn("m", IMAGE, estimator)
            main = target.run(rows()).outputs["main"]
            assert target.labels == ("a", "b", "c")[:count]
            told = estimator.predict(rows().data.numpy().reshape(5, -1))
            assert [target.labels[at] for at in main.argmax(1).tolist()] == told.tolist()
    other = mlfuzz.forms.sklearn("m", IMAGE, SVC(C=2.0).fit(drawn, classes))
    assert other.digest != target.digest


@pytest.mark.slow
def test_an_estimator_of_texts_takes_a_list_of_them():
    need("sklearn", "sklearn")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good film", "bad film"], ["dog", "cat"])
    target = mlfuzz.forms.sklearn("m", mlfuzz.Text(), model)
    texts = from_payloads(["good", "bad", ""], target.modality, target.device)
    assert target.run(texts).outputs["main"].argmax(1).tolist()[:2] == [1, 0]
    with pytest.raises(TargetLoadError, match=r"joblib\.load\(path\) only for files that you made"):
        mlfuzz.forms.sklearn("m", mlfuzz.Text(), "model.pkl")


PROGRAM = """
import json, os, sys, time
number = 0
for line in sys.stdin:
    number += 1
    text = json.loads(line)["text"]
    print("saw", text, file=sys.stderr, flush=True)
    if text == "die":
        os._exit(3)
    if text == "crash":
        os.abort()
    if text == "hang":
        time.sleep(600)
    if text == "talk":
        print("hello", flush=True)
    answer = {"error": "no such word"} if text == "error" else [float(len(text)), float(number)]
    print(json.dumps(answer), flush=True)
"""


def program(tmp_path: Path, **options: Any) -> Any:
    (tmp_path / "serve.py").write_text(PROGRAM)
    return mlfuzz.forms.command("m", mlfuzz.Text(), [sys.executable, "-S", tmp_path / "serve.py"], **options)


def said(target: Any, *texts: str) -> Rows:
    return from_payloads(list(texts), target.modality, target.device)


def test_a_program_is_started_once_and_answers_in_order(tmp_path):
    target = program(tmp_path)
    many = [f"{'x' * (at % 7)}{'y' * 9000}" for at in range(40)]  # more than a pipe holds
    answers = target.run(said(target, *many)).outputs["main"]
    assert answers[:, 0].tolist() == [len(text) for text in many]
    first = answers[-1, 1].item()
    assert target.run(said(target, "on")).outputs["main"][0, 1].item() == first + 1
    target.function.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("die", mlfuzz.forms.CommandDied, "exit code 3; it said: saw die"),
        ("crash", mlfuzz.forms.CommandDied, "died of SIGABRT"),
        ("hang", mlfuzz.forms.CommandTimeout, "no answer within 0.3 s; it said: saw hang"),
        ("error", mlfuzz.forms.CommandError, "no such word"),
        ("talk", AnswerError, "no JSON|beyond its"),
    ],
)
def test_a_program_that_fails_on_an_input_is_that_inputs_finding_and_goes_on(tmp_path, text, kind, message):
    target = program(tmp_path, seconds=0.3)
    for _ in range(2):  # the second time it has been asked well before
        target.run(said(target, "well"))
    with pytest.raises(kind, match=message):
        target.run(said(target, text))
    done = execute(target, said(target, "a", "bb", text, "dddd"))
    assert done.ran.tolist() == [0, 1, 3]
    assert done.seen.outputs["main"][:, 0].tolist() == [1, 2, 4]
    assert [row for row, _ in done.crashes] == [2]
    target.function.close()


def test_a_program_that_is_not_there_is_refused_with_the_line_to_write():
    with pytest.raises(TargetLoadError, match=r'there is no program .*; write: \["python3"'):
        mlfuzz.forms.command("m", mlfuzz.Text(), ["no-such-program"])


def test_a_program_is_another_target_where_its_file_has_changed(tmp_path):
    first = program(tmp_path).digest
    assert program(tmp_path).digest == first
    assert program(tmp_path, version="2").digest != first
    (tmp_path / "weights.bin").write_bytes(b"1")
    assert program(tmp_path, files=[tmp_path / "weights.bin"]).digest != first


def brightness(request: Any) -> list[float]:
    import base64
    import io

    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(request["image"])))
    mean = float(np.asarray(picture, np.float32).mean()) / 255
    return [8 * (1 - mean) + 0.8, 8 * mean]


@pytest.mark.slow
def test_the_lines_for_a_service_lead_to_ready(project):
    with served(lambda request: brightness(request.body)) as service:
        target = written(project, "http", service.url)
        payloads, labels = seeds_of(target, handed.pictures(project / "seeds", 4))
        lines = list(check(target, payloads, labels))
    assert not [line for line in lines if line.level == "fail"], lines
    assert any("clean accuracy 100" in line.text for line in lines)


def test_a_service_is_asked_in_parts_with_its_secret_and_never_says_it(monkeypatch):
    monkeypatch.setenv("ZOO_TOKEN", "hush")
    with served(lambda request: {"out": [brightness(one) for one in request.body["instances"]]}) as service:
        target = mlfuzz.forms.http(
            "m", IMAGE, service.url, per_request=4, request=lambda records: {"instances": records},
            answer=lambda reply: reply["out"], auth="ZOO_TOKEN", at_once=2, version="7",
        )  # fmt: skip
        assert target.run(rows(11)).outputs["main"].shape == (11, 2)
        assert sorted(len(one.body["instances"]) for one in service.seen[-3:]) == [3, 4, 4]
        assert {one.headers["Authorization"] for one in service.seen} == {"Bearer hush"}
        assert "hush" not in target.function.identity
        monkeypatch.delenv("ZOO_TOKEN")
        with pytest.raises(ConfigError, match="export ZOO_TOKEN="):
            target.run(rows(1))


def test_a_service_that_takes_files_gets_a_form():
    with served(lambda request: [1.0, float(request.body.count(b"\x89PNG"))]) as service:
        target = mlfuzz.forms.http("m", IMAGE, service.url, multipart="picture")
        assert target.run(rows(2)).outputs["main"].tolist() == [[1, 1], [1, 1]]
        assert service.seen[0].headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert b'name="picture"; filename="input.png"' in service.seen[0].body


def test_what_says_nothing_of_the_input_is_asked_again(monkeypatch):
    monkeypatch.setattr("mlfuzz.targets.forms.services.FIRST_PAUSE_SECONDS", 0.01)
    turns = iter([(503, "busy"), (429, "slow down"), None])
    with served(lambda _: next(turns, [1.0, 2.0])) as service:
        target = mlfuzz.forms.http("m", mlfuzz.Text(), service.url)
        assert target.run(said(target, "a")).outputs["main"].tolist() == [[1, 2]]
        assert len(service.seen) >= 4


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ((500, "boom"), mlfuzz.forms.ServiceError, "500 Internal Server Error: '\"boom\"'"),
        ((422, "no"), mlfuzz.forms.ServiceRefused, "422"),
        ((401, "who"), TargetError, 'auth="TOKEN"'),
        ((404, "where"), TargetError, "does not take this request: 404"),
        ((307, "there", {"Location": "http://elsewhere/"}), TargetError, "does not take this request: 307"),
        ((429, "wait", {"Retry-After": "60"}), TargetError, "rate="),
        ((429, "wait"), TargetError, "rate="),
        ((503, "down"), mlfuzz.forms.ServiceError, "503"),
        (None, mlfuzz.forms.ServiceError, "closed the connection"),
    ],
)
def test_a_service_that_fails_says_whose_fault_it_is(answer, kind, message, monkeypatch):
    monkeypatch.setattr("mlfuzz.targets.forms.services.FIRST_PAUSE_SECONDS", 0.001)
    with served(lambda _: answer) as service:
        target = mlfuzz.forms.http("m", mlfuzz.Text(), service.url)
        with pytest.raises(kind, match=message):
            target.run(said(target, "a"))


def test_a_service_that_is_slow_or_gone_is_told_apart(monkeypatch):
    import threading

    monkeypatch.setattr("mlfuzz.targets.forms.services.FIRST_PAUSE_SECONDS", 0.001)
    done = threading.Event()
    with served(lambda _: done.wait(30) and [1.0]) as service:
        target = mlfuzz.forms.http("m", mlfuzz.Text(), service.url, seconds=0.1, retries=1)
        with pytest.raises(mlfuzz.forms.ServiceTimeout, match=r"no answer within 0\.1 s, asked 2 times"):
            target.run(said(target, "a"))
        done.set()
    with pytest.raises(TargetLoadError, match="no service answers at"):
        target.run(said(target, "a"))


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("ftp://a/b", {}, "no address of a service"),
        ("127.0.0.1:80", {}, "no address of a service"),
        ("http://user:word@a/b", {}, "no password stands in an address"),
        ("http://a/b", {"multipart": "file", "per_request": 2}, "a form takes one file"),
    ],
)
def test_an_address_that_is_none_is_refused_with_what_to_write(url, options, message):
    with pytest.raises(ConfigError, match=message):
        mlfuzz.forms.http("m", IMAGE, url, **options)


@pytest.mark.slow
def test_a_folder_of_transformers_is_ready_and_typed_as_a_newcomer_would(project, capsys):
    need("transformers", "hf")
    handed.huggingface(project)
    handed.texts(project / "corpus" / "seeds" / "model")
    assert main(["-C", str(project), "init", "--from", "model"]) == 0
    assert "mlfuzz.Text(" in (project / "mlfuzz_targets.py").read_text()
    assert main(["-C", str(project), "check", "model"]) == 0
    told = capsys.readouterr().out
    assert "ready: mlfuzz fuzz model" in told
    assert "layers are watched" in told


@pytest.mark.slow
def test_folders_of_pictures_and_sounds_bring_their_processors(tmp_path):
    need("transformers", "hf")
    import transformers

    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    seeing = transformers.ViTConfig(**small, image_size=16, patch_size=8, num_labels=2)
    transformers.ViTForImageClassification(seeing).save_pretrained(tmp_path / "seeing")
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(tmp_path / "seeing")
    for channels in (1, 3):
        kind = mlfuzz.Image(size=(20, 20), channels=channels)
        target = mlfuzz.forms.huggingface("m", kind, tmp_path / "seeing")
        assert target.run(rows(3, channels, 20)).outputs["main"].shape == (3, 2)
        assert target.labels == ("LABEL_0", "LABEL_1")
    (tmp_path / "seeing" / "model.safetensors").unlink()
    with pytest.raises(TargetLoadError, match="pickled=True"):
        mlfuzz.forms.huggingface("m", kind, tmp_path / "seeing")
    hearing = transformers.Wav2Vec2Config(
        **small, conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8), num_conv_pos_embeddings=4, num_labels=2,
        num_conv_pos_embedding_groups=2, classifier_proj_size=8, num_feat_extract_layers=2,
    )  # fmt: skip
    transformers.Wav2Vec2ForSequenceClassification(hearing).save_pretrained(tmp_path / "hearing")
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(tmp_path / "hearing")
    target = mlfuzz.forms.huggingface("m", mlfuzz.Audio(seconds=0.1), tmp_path / "hearing")
    waves = np.random.default_rng(0).integers(-3000, 3000, (3, 1, 1600)).astype(np.int16)
    assert target.run(from_payloads(list(waves), target.modality, target.device)).outputs["main"].shape == (3, 2)


@pytest.mark.slow
def test_an_onnx_file_is_ready_as_a_newcomer_types_it(project):
    need("onnxruntime", "onnx")
    handed.onnx(project)
    handed.pictures(project / "corpus" / "seeds" / "model")
    assert run(project, "init", "--from", "model.onnx").returncode == 0
    text = (project / "mlfuzz_targets.py").read_text()
    (project / "mlfuzz_targets.py").write_text(text.replace("size=(224, 224), channels=3", "size=(8, 8)"))
    done = run(project, "check", "model")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready: mlfuzz fuzz model" in done.stdout


FILES = {
    "model.onnx": "an ONNX file", "model.pt2": "a program of torch.export", "model.pt": "TorchScript",
    "model.pth": "what torch.save wrote", "model.safetensors": "a file of weights", "model.tflite": "a TFLite file",
    "model.joblib": "a pickled estimator",
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "verb"), [("model.onnx", "check"), *(pytest.param(one, "fuzz", marks=pytest.mark.slow) for one in FILES)]
)
def test_a_model_file_typed_for_a_target_names_what_makes_it_one(file, verb, project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    if file == "model.pt":
        handed.torchscript(project)
    elif file == "model.pth":
        handed.pickle(project)
    else:
        (project / file).write_bytes(b"any")
    assert main([verb, file]) == 2
    told = capsys.readouterr().err
    assert f"'{file}' is {FILES[file]}, and no target yet" in told
    assert f"mlfuzz init model --from {file}, then: mlfuzz check model" in told


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("http://127.0.0.1:1/x", "mlfuzz init model --from http://127.0.0.1:1/x"),
        ("not-there.onnx", "no such file is there"),
        ("folder", "is a Hugging Face folder, and no target yet"),
    ],
)
def test_addresses_folders_and_missing_files_are_told_too(typed, message, project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    (project / "folder").mkdir()
    (project / "folder" / "config.json").write_text("{}")
    assert main(["check", typed]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("form", [one if one == "onnx" else pytest.param(one, marks=pytest.mark.slow) for one in FORMS])
def test_init_writes_the_lines_of_a_form(form, project):
    assert main(["-C", str(project), "init", "bright", "--kind", "text", "--from", form]) == 0
    text = (project / "mlfuzz_targets.py").read_text()
    assert text == text_of(form, "bright", "mlfuzz.Text(max_chars=512)", STARTERS[form]) or "mlfuzz.Text(" in text
    assert main(["-C", str(project), "init", "second", "--from", form]) == 0
    assert "def second()" in (project / "second_target.py").read_text()


@pytest.mark.parametrize("source", ["nothing", "gone.onnx"])
def test_init_from_what_is_no_model_writes_nothing(source, project, capsys):
    assert main(["-C", str(project), "init", "bright", "--from", source]) == 2
    assert "--from" in capsys.readouterr().err
    assert list(project.iterdir()) == []


@pytest.mark.slow
def test_every_form_has_lines_and_a_suffix_leads_to_each_that_has_files(tmp_path):
    assert set(BODIES) == set(FORMS)
    handed.torchscript(tmp_path)
    handed.exported(tmp_path)
    handed.pickle(tmp_path)
    for file, form in (("model.pt", "torchscript"), ("model.pt2", "exported"), ("model.pth", "pickle")):
        assert form_of(file, tmp_path / file) == form


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "form", "advice"),
    [
        (handed.torchscript, "exported", "mlfuzz.forms.torchscript"),
        (handed.exported, "torchscript", "mlfuzz.forms.exported"),
        (handed.pickle, "torchscript", "weights_only=True"),
        (handed.pickle, "exported", "weights_only=True"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_file_of_another_form_names_its_own(make, form, advice, project):
    with pytest.raises(TargetLoadError, match=re.escape(advice)):
        getattr(mlfuzz.forms, form)("m", IMAGE, make(project))


def test_weights_of_another_module_are_refused_with_what_is_apart(project):
    path = handed.safetensors(project)
    with pytest.raises(
        TargetLoadError, match=r"without weight, bias and with unknown conv\.bias, .*, \.\.\.; hand over"
    ):
        mlfuzz.forms.safetensors("m", IMAGE, path, torch.nn.Linear(2, 2))
    with pytest.raises(TargetLoadError, match="no safetensors file"):
        mlfuzz.forms.safetensors("m", IMAGE, project / "my_model.py", torch.nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        ("onnx", ("gone.onnx",)), ("exported", ("gone.pt2",)), ("torchscript", ("gone.pt",)),
        ("safetensors", ("gone.safetensors", torch.nn.Identity())), ("tflite", ("gone.tflite",)),
    ],
)  # fmt: skip
def test_a_missing_file_is_named_with_where_it_was_looked_for(form, arguments):
    with pytest.raises(MlfuzzError, match=r"gone.* is not there|pip install 'mlfuzz\["):
        getattr(mlfuzz.forms, form)("m", IMAGE, *arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "package", "extra"),
    [("onnx", "onnxruntime", "onnx"), ("tflite", "ai_edge_litert", "tflite"), ("huggingface", "transformers", "hf")],
)
def test_a_package_that_is_missing_is_named_with_its_extra(form, package, extra, tmp_path, monkeypatch):
    (tmp_path / "model").write_bytes(b"")
    monkeypatch.setitem(sys.modules, package, None)
    for name in [one for one in sys.modules if one.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(TargetLoadError, match=rf"pip install 'mlfuzz\[{extra}\]'"):
        getattr(mlfuzz.forms, form)("m", IMAGE, tmp_path / "model")
