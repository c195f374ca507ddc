"""Model files as strangers send them: pickles of several protocols, checkpoints, arrays, tensors.

The globals in them are harmless ones of modules that a loader shall not reach; nothing is called by the harness.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
from code_seeds.arrays import Files


def model_files() -> Files:
    from safetensors.numpy import save

    state = OrderedDict(weight=[1.0, 2.0], bias=(0, None), name="net")
    array = io.BytesIO()
    np.lib.format.write_array(array, np.arange(4, dtype="<f4"), version=(1, 0), allow_pickle=False)
    return {
        "state-0.pkl": pickle.dumps(state, 0),
        "state-2.pkl": pickle.dumps(state, 2),
        "state-4.pkl": pickle.dumps(state, 4),
        "twice.pkl": pickle.dumps(1, 2) + pickle.dumps(state, 4),
        "named-0.pkl": b"(dp0\nVrun\ncos\ngetcwd\ns.",
        "named-4.pkl": b"\x80\x04}\x8c\x03run\x8c\x02os\x94\x8c\x06getcwd\x94\x93s.",
        "checkpoint.pt": _checkpoint(pickle.dumps(state, 2)),
        "named.pt": _checkpoint(b"\x80\x02cbuiltins\nprint\nq\x00."),
        "array.npy": array.getvalue(),
        "tensors.safetensors": save({"w": np.ones((2, 2), np.float32), "b": np.zeros(2, np.float16)}),
    }


def _checkpoint(pickled: bytes) -> bytes:
    """As torch.save lays it out."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (
            ("data.pkl", pickled),
            ("byteorder", b"little"),
            ("data/0", bytes(8)),
            ("version", b"3\n"),
        ):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
    return file.getvalue()
