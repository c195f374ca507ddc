import random

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
