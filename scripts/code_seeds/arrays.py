"""numpy's files, and weights: npy, npz, checkpoints, safetensors, ONNX."""

from __future__ import annotations

import io
import re
import zipfile
from collections import OrderedDict

import numpy as np

Files = dict[str, bytes]


def npy_numpy() -> Files:
    return {
        "float32.npy": _npy(np.arange(6, dtype="<f4").reshape(2, 3)),
        "fortran.npy": _npy(np.asfortranarray(np.arange(6, dtype="<i8").reshape(2, 3))),
        "big-endian.npy": _npy(np.arange(4, dtype=">i2")),
        "structured.npy": _npy(np.zeros(2, dtype=[("label", "<i4"), ("box", "<f4", (2,))])),
        "text.npy": _npy(np.array(["yes", "no"])),
        "scalar.npy": _npy(np.float64(0.5)),
        "version-2.npy": _npy(np.arange(3, dtype="<u1"), version=(2, 0)),
    }


def _npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version=version, allow_pickle=False)
    return file.getvalue()


def npz_numpy() -> Files:
    images = _npy(np.arange(12, dtype="<u1").reshape(3, 4))
    labels = _npy(np.arange(3, dtype="<i8"))
    return {
        "stored.npz": _zip({"images.npy": images, "labels.npy": labels}),
        "deflated.npz": _zip({"images.npy": images, "labels.npy": labels}, zipfile.ZIP_DEFLATED),
        "bzip2.npz": _zip({"x.npy": images}, zipfile.ZIP_BZIP2),
        "with-text.npz": _zip({"x.npy": labels, "README": b"not an array"}),
        "lzma.npz": _zip({"weights.npy": _npy(np.ones((2, 2), ">f2"))}, zipfile.ZIP_LZMA),
    }


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)  # ZipInfo: always of 1980
    return file.getvalue()


def checkpoint_torch() -> Files:
    import torch

    def save(content: object, *, zipped: bool) -> bytes:
        file = io.BytesIO()
        torch.save(content, file, _use_new_zipfile_serialization=zipped)
        # The old format calls storages by their addresses: the same name every time, of the same length.
        names: dict[bytes, bytes] = {}
        return re.sub(
            rb"(?<!\d)\d{10,}(?!\d)",
            lambda found: names.setdefault(found[0], str(len(names) + 1).encode().zfill(len(found[0]))),
            file.getvalue(),
        )

    weights = {"weight": torch.arange(4.0).reshape(2, 2), "bias": torch.zeros(2, dtype=torch.float16)}
    state = {"state": OrderedDict(weights), "epoch": 3, "rates": [0.1, 0.01], "name": "net"}
    return {
        "zipped.pt": save(weights, zipped=True),
        "legacy.pt": save(weights, zipped=False),
        "legacy-state.pt": save(state, zipped=False),
        "legacy-view.pt": save({"row": torch.arange(6).reshape(2, 3)[1], "flags": [True, None]}, zipped=False),
        "legacy-parameter.pt": save(torch.nn.Parameter(torch.ones(1)), zipped=False),
    }


def safetensors_load() -> Files:
    from safetensors.numpy import save

    return {
        "float32.safetensors": save({"w": np.ones((2, 2), np.float32)}),
        "several.safetensors": save(
            {"a": np.arange(3, dtype=np.int64), "b": np.zeros(2, np.uint8), "c": np.float16([1])}
        ),
        "with-metadata.safetensors": save({"w": np.zeros(1, np.float64)}, metadata={"format": "np"}),
        "empty.safetensors": save({}),
        "narrow.safetensors": save({"scalar": np.array(0.5, np.float16), "flags": np.array([[True, False]])}),
    }


def onnx_load() -> Files:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def model(*nodes: onnx.NodeProto, width: int, weights: dict[str, np.ndarray] | None = None) -> bytes:
        taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
        given = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["M", width])
        kept = [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()]
        graph = helper.make_graph(list(nodes), "net", [taken], [given], kept)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        made.producer_name = "mlfuzz"
        return made.SerializeToString(deterministic=True)

    reshape = helper.make_node("Reshape", ["x", "shape"], ["y"])
    gemm = helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1)
    weights = {"w": np.ones((2, 4), np.float32), "b": np.zeros(2, np.float32)}
    doubled = helper.make_node("Concat", ["x", "x"], ["y"], axis=1)
    cut = helper.make_node("Slice", ["x", "from", "to"], ["y"])
    return {
        "relu.onnx": model(helper.make_node("Relu", ["x"], ["y"]), width=4),
        "gemm.onnx": model(gemm, helper.make_node("Softmax", ["h"], ["y"], axis=-1), width=2, weights=weights),
        "reshape.onnx": model(reshape, width=8, weights={"shape": np.array([-1, 8], np.int64)}),
        "concat.onnx": model(doubled, width=8),
        "slice.onnx": model(cut, width=4, weights={"from": np.array([0]), "to": np.array([1])}),
    }
