import hashlib
import io
import random
import zipfile

import numpy as np
import pytest

from mlfuzz.errors import CorruptRecordError
from mlfuzz.storage.checkpoint import Checkpoint, create_checkpoint, latest_checkpoint, read_checkpoint, save_checkpoint

SAMPLE = Checkpoint(
    {"low": np.arange(5, dtype=np.float32), "ids": np.array([[1, 2]], np.int64), "none": np.zeros((0, 3), np.uint8)},
    {"radius": 0.25, "layers": ["conv1", "fc"], "name": "größe"},
)


def test_arrays_and_facts_come_back_as_they_were(tmp_path):
    path = tmp_path / "new" / "worker.npz"
    save_checkpoint(path, SAMPLE)
    back = read_checkpoint(path)
    assert back.facts == SAMPLE.facts
    assert back.arrays.keys() == SAMPLE.arrays.keys()
    for name, array in SAMPLE.arrays.items():
        assert back.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(back.arrays[name], array)


def test_any_numpy_can_open_the_file(tmp_path):
    save_checkpoint(tmp_path / "file.npz", SAMPLE)
    with np.load(tmp_path / "file.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["low"], SAMPLE.arrays["low"])


def test_damage_anywhere_is_noticed_reported_and_ignored(tmp_path):
    path = tmp_path / "file.npz"
    save_checkpoint(path, SAMPLE)
    whole = path.read_bytes()
    rng = random.Random(3)
    for _ in range(200):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        path.write_bytes(data)
        with pytest.raises(CorruptRecordError, match=r"file\.npz"):
            read_checkpoint(path)
    for cut in (0, 10, len(whole) - 1):
        path.write_bytes(whole[:cut])
        messages = []
        assert latest_checkpoint(path, messages.append) is None
        assert len(messages) == 1
        assert "ignored" in messages[0]


def test_no_checkpoint_is_nothing_to_report(tmp_path):
    messages = []
    assert latest_checkpoint(tmp_path / "none.npz", messages.append) is None
    assert messages == []


def test_what_is_truth_is_written_once(tmp_path):
    path = tmp_path / "calibration" / "abc.npz"
    assert create_checkpoint(path, SAMPLE)
    assert not create_checkpoint(path, Checkpoint({}, {}))
    assert read_checkpoint(path).facts == SAMPLE.facts


def test_objects_are_refused_since_only_pickle_could_store_them(tmp_path):
    with pytest.raises(TypeError, match="bad"):
        save_checkpoint(tmp_path / "file.npz", Checkpoint({"bad": np.array([{}])}))


def signed(body: bytes) -> bytes:
    """As whoever makes a checkpoint up would sign it."""
    body = body[:-2] + (len(b"mlfuzz sha256 ") + 64).to_bytes(2, "little")
    return body + b"mlfuzz sha256 " + hashlib.sha256(body).hexdigest().encode()


def archived(compression: int = zipfile.ZIP_STORED, **arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, array in {"__facts__": np.frombuffer(b"{}", np.uint8), **arrays}.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", one.getvalue())
    return content.getvalue()


MADE_UP = {
    "of another method": archived().replace(b"PK\x01\x02\x14\x03\x14\0\0\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x63\0"),
    "of another version": archived().replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\x6f"),
    "with a password": archived().replace(b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\x01"),
    "packed": archived(zipfile.ZIP_DEFLATED, zeros=np.zeros(1 << 24, np.uint8)),
    "packed and damaged": archived(zipfile.ZIP_LZMA).replace(b"NUMPY", b"\xff\xff\xff\xff\xff")[:-2] + b"\0\0",
    "with a header that claims more": archived(a=np.zeros(7, np.uint8)).replace(b"(7,), } ", b"(99,), }"),
    "with a header that nests": archived().replace(b"{'descr'", b"((((((("),
    "of objects": archived(a=np.array([{}], object)),
    "with facts that are no table": archived(__facts__=np.frombuffer(b"[]", np.uint8)),
    "without facts": archived().replace(b"__facts__", b"__facts_2"),
}


@pytest.mark.parametrize("name", MADE_UP)
def test_a_signed_one_that_nobody_has_written_is_no_checkpoint(tmp_path, name):
    (tmp_path / "state.npz").write_bytes(signed(MADE_UP[name]))
    with pytest.raises(CorruptRecordError, match=r"state\.npz"):
        read_checkpoint(tmp_path / "state.npz")
