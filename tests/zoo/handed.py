"""Model files of every form, tiny and made in the test: each says whether a picture or a text is bright, or long."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

MY_MODEL = '''
import numpy as np
import torch


class Net(torch.nn.Module):
    """Bright (class 1) from a mean of 0.55 on."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 1)
        self.relu = torch.nn.ReLU()
        self.head = torch.nn.Linear(2, 2)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
            self.conv.bias.copy_(torch.tensor([0.0, 1.0]))
            self.head.weight.copy_(torch.tensor([[0.0, 8.0], [8.0, 0.0]]))
            self.head.bias.copy_(torch.tensor([0.8, 0.0]))

    def forward(self, x):
        return self.head(self.relu(self.conv(x)).mean((2, 3)))


def predict(x):
    mean = np.asarray(x).mean((-3, -2, -1))
    return np.stack([8 * (1 - mean) + 0.8, 8 * mean], -1)
'''

SERVE = """
import base64, io, json, sys

import numpy as np
from PIL import Image

print("loaded", file=sys.stderr)
for line in sys.stdin:
    picture = Image.open(io.BytesIO(base64.b64decode(json.loads(line)["image"])))
    mean = float(np.asarray(picture, np.float32).mean()) / 255
    print(json.dumps([8 * (1 - mean) + 0.8, 8 * mean]), flush=True)
"""


def net(folder: Path) -> Any:
    """An instance of my_model.Net, which is written into the folder."""
    (folder / "my_model.py").write_text(MY_MODEL)
    scope: dict[str, Any] = {"__name__": "my_model"}
    exec(compile(MY_MODEL, str(folder / "my_model.py"), "exec"), scope)
    return scope["Net"]().eval()


def exported(folder: Path, *, batch: int = 0) -> Path:
    shapes = None if batch else ({0: torch.export.Dim("batch")},)
    example = (torch.zeros(batch or 2, 1, 8, 8),)
    torch.export.save(torch.export.export(_module(), example, dynamic_shapes=shapes), folder / "model.pt2")
    return folder / "model.pt2"


def torchscript(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(_module(), torch.zeros(2, 1, 8, 8)).save(folder / "model.pt")
    return folder / "model.pt"


def pickle(folder: Path) -> Path:
    torch.save(net(folder).state_dict(), folder / "model.pth")
    return folder / "model.pth"


def safetensors(folder: Path) -> Path:
    save_file(net(folder).state_dict(), folder / "model.safetensors")
    return folder / "model.safetensors"


def onnx(folder: Path, *, batch: int = 0, opset: int = 18) -> Path:
    import onnx
    from onnx import TensorProto, numpy_helper
    from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info

    weights = {name.replace(".", "_"): value.numpy() for name, value in _module().state_dict().items()}
    weights["head_weight"] = np.ascontiguousarray(weights["head_weight"].T)
    nodes = [
        make_node("Conv", ["x", "conv_weight", "conv_bias"], ["seen"]), make_node("Relu", ["seen"], ["active"]),
        make_node("GlobalAveragePool", ["active"], ["mean"]), make_node("Flatten", ["mean"], ["flat"]),
        make_node("MatMul", ["flat", "head_weight"], ["product"]), make_node("Add", ["product", "head_bias"], ["y"]),
    ]  # fmt: skip
    first = batch or "batch"
    graph = make_graph(
        nodes, "bright", [make_tensor_value_info("x", TensorProto.FLOAT, [first, 1, 8, 8])],
        [make_tensor_value_info("y", TensorProto.FLOAT, [first, 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    onnx.save(make_model(graph, opset_imports=[make_opsetid("", opset)], ir_version=9), folder / "model.onnx")
    return folder / "model.onnx"


def tflite(folder: Path, *, batch: int = 1) -> Path:
    """(batch, 1, 8, 8) -> two scores, by one fully connected layer: 0.8 + 8 (1 - mean) and 8 mean."""
    weights = np.stack([np.full(64, -8 / 64), np.full(64, 8 / 64)])
    tensors = [("serving_default_x:0", [batch, 1, 8, 8]), ("w", [2, 64]), ("b", [2]), ("scores", [batch, 2])]
    return _flat(folder, "FULLY_CONNECTED", "FullyConnectedOptions", tensors, {1: weights, 2: [8.8, 0.0]})


def dequantised(folder: Path) -> Path:
    """(1, 1, 8, 8) of unsigned bytes, 255 of which are 1 -> the same as real numbers."""
    tensors = [("x", [1, 1, 8, 8]), ("y", [1, 1, 8, 8])]
    return _flat(folder, "DEQUANTIZE", "DequantizeOptions", tensors, {}, scale=1 / 255)


def _flat(
    folder: Path, operator: str, options: str, tensors: list[Any], held: dict[int, Any], *, scale: float = 0.0
) -> Path:
    """A TFLite file of one operator over the tensors, the last of which it gives. scale: of a first one of bytes."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def buffer(values: Any) -> Any:
        one = schema.BufferT()
        one.data = None if values is None else np.frombuffer(np.asarray(values, np.float32).tobytes(), np.uint8)
        return one

    graph = schema.SubGraphT()
    graph.tensors = []
    for at, (name, shape) in enumerate(tensors):
        one = schema.TensorT()
        one.name, one.shape, one.buffer, one.type = name, shape, at + 1, schema.TensorType.FLOAT32
        graph.tensors.append(one)
    if scale:
        graph.tensors[0].type, graph.tensors[0].quantization = schema.TensorType.UINT8, schema.QuantizationParametersT()
        graph.tensors[0].quantization.scale, graph.tensors[0].quantization.zeroPoint = [scale], [0]
    code, step, model = schema.OperatorCodeT(), schema.OperatorT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, operator)
    step.opcodeIndex, step.inputs, step.outputs = 0, list(range(len(tensors) - 1)), [len(tensors) - 1]
    step.builtinOptionsType = getattr(schema.BuiltinOptions, options)
    step.builtinOptions = getattr(schema, f"{options}T")()
    graph.inputs, graph.outputs, graph.operators = [0], [len(tensors) - 1], [step]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [buffer(None), *(buffer(held.get(at)) for at in range(len(tensors)))]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    (folder / "model.tflite").write_bytes(bytes(builder.Output()))
    return folder / "model.tflite"


def sklearn(folder: Path) -> Path:
    import joblib
    from sklearn.linear_model import LogisticRegression

    drawn = np.random.default_rng(0).uniform(0, 1, (40, 64)) * np.linspace(0.2, 1.6, 40)[:, None]
    model = LogisticRegression(C=100.0).fit(drawn, np.where(drawn.mean(1) > 0.55, "dog", "cat"))
    joblib.dump(model, folder / "model.joblib")
    return folder / "model.joblib"


def function(folder: Path) -> None:
    (folder / "my_model.py").write_text(MY_MODEL)


def command(folder: Path) -> Path:
    (folder / "serve.py").write_text(SERVE)
    return folder / "serve.py"


def huggingface(folder: Path) -> Path:
    """A text classifier of transformers with a tokenizer of words, beside each other as save_pretrained writes them."""
    import transformers
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "[PAD]", "a", "good", "bad", "film", "it", "was", "not", "very", "plot", "the", "and"]
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    torch.manual_seed(0)
    config = transformers.DistilBertConfig(
        vocab_size=len(words), dim=16, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=64, pad_token_id=1,
        num_labels=2, id2label={0: "cat", 1: "dog"}, label2id={"cat": 0, "dog": 1},
    )  # fmt: skip
    where = folder / "model"
    transformers.DistilBertForSequenceClassification(config).eval().save_pretrained(where)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]"
    ).save_pretrained(where)
    return where


def pictures(folder: Path, count: int = 12) -> Path:
    """Seeds of 8x8 pixels, darker and brighter than the edge, in folders by label."""
    from PIL import Image

    drawn = np.random.default_rng(1)
    for number in range(count):
        mean = 110 if number % 2 else 170
        pixels = np.clip(drawn.normal(mean, 12, (8, 8)), 0, 255).astype(np.uint8)
        place = folder / ("cat" if number % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return folder


def texts(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    said = (
        "a good film",
        "a very bad plot",
        "it was not good",
        "the plot was bad and the film good",
        "good",
        "bad film",
    )
    for number, text in enumerate(said):
        (folder / f"{number}.txt").write_text(text)
    return folder


def _module() -> Any:
    scope: dict[str, Any] = {"__name__": "my_model"}
    exec(MY_MODEL, scope)
    return scope["Net"]().eval()


def forget(*names: str) -> None:
    """Modules of a project's own folder, so that another project's of the same name can be imported."""
    for name in names:
        sys.modules.pop(name, None)
