"""ONNX graphs as people have them: types, several inputs and outputs, texts, sounds, weights in a file of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.batch import from_payloads
from mlfuzz.errors import TargetError, TargetLoadError

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'mlfuzz[onnx]'")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'mlfuzz[onnx]'")

from onnx import TensorProto, numpy_helper  # noqa: E402
from onnx.helper import (  # noqa: E402
    make_graph,
    make_map_type_proto,
    make_model,
    make_node,
    make_opsetid,
    make_sequence_type_proto,
    make_tensor_type_proto,
    make_tensor_value_info,
    make_value_info,
)  # fmt: skip

IMAGE = mlfuzz.Image(size=(8, 8))
DENSE = [
    make_node("Flatten", ["x"], ["flat"]), make_node("MatMul", ["flat", "w"], ["product"]),
    make_node("Relu", ["product"], ["active"]), make_node("MatMul", ["active", "v"], ["y"]),
]  # fmt: skip


def weights(kind: Any = np.float32, **shapes: tuple[int, ...]) -> list[Any]:
    drawn = np.random.default_rng(0)
    return [numpy_helper.from_array(drawn.normal(size=shape).astype(kind), name) for name, shape in shapes.items()]


def saved(path: Path, nodes: list[Any], given: list[Any], answers: list[Any], held: Any = (), **options: Any) -> Path:
    opset = options.pop("opset", 17)
    domains = [make_opsetid("", opset), make_opsetid("ai.onnx.ml", 3)]
    model = make_model(make_graph(nodes, "zoo", given, answers, list(held)), opset_imports=domains, ir_version=8)
    onnx.save(model, path, **options)
    return path


def value(name: str, kind: int, *shape: Any) -> Any:
    return make_tensor_value_info(name, kind, list(shape))


def pictures(count: int = 5) -> Any:
    drawn = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8)).astype(np.uint8)
    return from_payloads(list(drawn), IMAGE, torch.device("cpu"))


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [(TensorProto.FLOAT, np.float32), (TensorProto.FLOAT16, np.float16), (TensorProto.DOUBLE, np.float64)],
)
def test_floats_of_any_size_are_taken_and_watched(kind, numbers, tmp_path):
    held = weights(numbers, w=(64, 5), v=(5, 3))
    path = saved(tmp_path / "m", DENSE, [value("x", kind, "n", 1, 8, 8)], [value("y", kind, "n", 3)], held)
    seen = mlfuzz.forms.onnx("m", IMAGE, path, labels="abc").run(pictures())
    assert seen.outputs["main"].shape == (5, 3)
    assert seen.activations.shape == (5, 5)
    assert seen.activations.dtype == torch.float32


def test_whole_numbers_are_refused_with_the_line_and_taken_with_it(tmp_path):
    nodes = [make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT), make_node("Flatten", ["real"], ["flat"]),
             make_node("MatMul", ["flat", "w"], ["y"])]  # fmt: skip
    given = [value("x", TensorProto.UINT8, "n", 8, 8, 1)]
    path = saved(tmp_path / "m", nodes, given, [value("y", TensorProto.FLOAT, "n", 3)], weights(w=(64, 3)))
    with pytest.raises(TargetError) as told:
        mlfuzz.forms.onnx("m", IMAGE, path).run(pictures())
    line = str(told.value).rpartition("preprocess=")[2]
    assert line == 'lambda x: (x.transpose(0, 2, 3, 1) * 255).round().astype("uint8")'
    assert mlfuzz.forms.onnx("m", IMAGE, path, preprocess=eval(line)).run(pictures()).outputs["main"].shape == (5, 3)


def scored(path: Path, last: list[Any], answers: list[Any]) -> Path:
    nodes = [make_node("Flatten", ["x"], ["flat"]), make_node("MatMul", ["flat", "w"], ["product"]), *last]
    return saved(path, nodes, [value("x", TensorProto.FLOAT, "n", 1, 8, 8)], answers, weights(w=(64, 3)))


LABEL = make_node("ArgMax", ["product"], ["label"], axis=1, keepdims=0)
SCORES = make_node("Softmax", ["product"], ["scores"], axis=1)
MAPPED = make_node("ZipMap", ["product"], ["scores"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2])
MAP = make_value_info(
    "scores", make_sequence_type_proto(make_map_type_proto(TensorProto.INT64, make_tensor_type_proto(1, None)))
)
NUMBER, TABLE = value("label", TensorProto.INT64, "n"), value("scores", TensorProto.FLOAT, "n", 3)


@pytest.mark.parametrize(
    ("last", "answers"), [([LABEL, SCORES], [NUMBER, TABLE]), ([SCORES], [TABLE]), ([MAPPED], [MAP])]
)
def test_scores_are_judged_before_the_label_that_follows_from_them(last, answers, tmp_path):
    target = mlfuzz.forms.onnx("m", IMAGE, scored(tmp_path / "m", last, answers), labels="abc")
    assert target.run(pictures()).outputs["main"].shape == (5, 3)


def test_class_numbers_are_taken_where_the_graph_gives_nothing_else(tmp_path):
    target = mlfuzz.forms.onnx("m", IMAGE, scored(tmp_path / "m", [LABEL], [NUMBER]), labels="abc")
    main = target.run(pictures()).outputs["main"]
    assert len(main) == 5


def test_token_numbers_and_their_mask_are_taken_by_name_and_made_as_wide_as_the_graph_wants(tmp_path):
    nodes = [
        make_node("Gather", ["table", "ids"], ["found"]), make_node("Relu", ["found"], ["active"]),
        make_node("Cast", ["mask"], ["weight"], to=TensorProto.FLOAT),
        make_node("Unsqueeze", ["weight", "two"], ["wide"]),
        make_node("Mul", ["active", "wide"], ["kept"]), make_node("ReduceSum", ["kept", "one"], ["sum"], keepdims=0),
        make_node("MatMul", ["sum", "w"], ["y"]),
    ]  # fmt: skip
    given = [value("ids", TensorProto.INT64, "n", "t"), value("mask", TensorProto.INT64, "n", "t")]
    held = [*weights(table=(128, 6), w=(6, 2)), *(numpy_helper.from_array(np.array([at]), name) for at, name in
            ((2, "two"), (1, "one")))]  # fmt: skip
    path = saved(tmp_path / "m", nodes, given, [value("y", TensorProto.FLOAT, "n", 2)], held)

    def tokens(texts):
        ids = np.zeros((len(texts), max(map(len, texts))), np.int32)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = [ord(char) % 128 for char in text]
        return {"mask": (ids > 0).astype(int), "ids": ids}

    target = mlfuzz.forms.onnx("m", mlfuzz.Text(), path, labels="ab", preprocess=tokens)
    rows = from_payloads(["one", "another"], target.modality, target.device)
    whole = target.run(rows)
    assert torch.allclose(target.run(rows.part(0, 1)).outputs["main"], whole.outputs["main"][:1], atol=1e-5)
    assert whole.activations.shape == (2, 6)
    with pytest.raises(TargetError, match=r"preprocess=lambda x: \{'ids': \.\.\., 'mask': \.\.\.\}"):
        mlfuzz.forms.onnx("m", mlfuzz.Text(), path).run(rows)


def test_texts_go_in_and_come_out_as_they_are(tmp_path):
    texts = [value(name, TensorProto.STRING, "n") for name in ("s", "t")]
    path = saved(tmp_path / "m", [make_node("Identity", ["s"], ["t"])], texts[:1], texts[1:])
    target = mlfuzz.forms.onnx("m", mlfuzz.Text(), path)
    assert target.run(from_payloads(["a", "漢"], target.modality, target.device)).outputs["main"] == ("a", "漢")


def test_weights_in_a_file_of_their_own_are_part_of_the_target(tmp_path):
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    answers = [value("y", TensorProto.FLOAT, "n", 3)]
    path = saved(tmp_path / "m", DENSE, [value("x", TensorProto.FLOAT, "n", 1, 8, 8)], answers,
                 weights(w=(64, 5), v=(5, 3)), **options)  # fmt: skip
    target = mlfuzz.forms.onnx("m", IMAGE, path)
    before, answer = target.digest, target.run(pictures()).outputs["main"]
    data = bytearray((tmp_path / "weights.bin").read_bytes())
    data[3] ^= 0x80  # the sign of the first weight
    (tmp_path / "weights.bin").write_bytes(data)
    other = mlfuzz.forms.onnx("m", IMAGE, path)
    assert other.digest != before
    assert not torch.equal(other.run(pictures()).outputs["main"], answer)


def test_an_answer_without_rows_stands_beside_in_a_graph_of_one_size_of_batch(tmp_path):
    nodes = [make_node("Flatten", ["x"], ["flat"]), make_node("MatMul", ["flat", "w"], ["y"])]
    held = [*weights(w=(64, 3)), numpy_helper.from_array(np.float32([3.0]), "k")]
    answers = [value("y", TensorProto.FLOAT, 2, 3), value("k", TensorProto.FLOAT, 1)]
    path = saved(tmp_path / "m", nodes, [value("x", TensorProto.FLOAT, 2, 1, 8, 8)], answers, held, opset=13)
    assert mlfuzz.forms.onnx("m", IMAGE, path).run(pictures()).outputs["main"].shape == (5, 3)


def test_what_is_no_graph_is_said(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"nonsense")
    with pytest.raises(TargetLoadError, match=r"m\.onnx is no ONNX file"):
        mlfuzz.forms.onnx("m", IMAGE, tmp_path / "m.onnx")
