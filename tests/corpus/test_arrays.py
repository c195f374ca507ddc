import contextlib
import io
import pickle
import random
import warnings
import zipfile

import numpy as np
import pytest

from mlfuzz.corpus import arrays
from mlfuzz.corpus.arrays import read_stack
from mlfuzz.errors import BadInputError


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def archived(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_labels_are_named_as_they_are_counted():
    stack = read_stack(archived(x=np.zeros((3, 2)), y=np.array([0.0, 1.0, 7.0])), suffix=".npz")
    assert stack.labels == ["0", "1", "7"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"weights": np.zeros(3)}, "no inputs in the archive"),
        ({"x": np.zeros((0, 3))}, "empty array"),
        ({"x": np.array(3.0)}, "empty array"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, "labels do not fit"),
        ({"x": np.array([{}])}, "pickled objects"),
    ],
)
def test_what_holds_no_inputs_is_refused_with_a_reason(content, reason):
    with pytest.raises(BadInputError) as refused:
        read_stack(archived(**content), suffix=".npz")
    assert refused.value.reason == reason


def test_a_pickle_is_never_run():
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was run",))

    for data in (pickle.dumps(Trap()), saved(np.array([Trap()]), allow_pickle=True)):
        with pytest.raises(BadInputError):
            read_stack(data, suffix=".npy")


@pytest.mark.parametrize("shape", [b"(9999999999, 8),", b"(-1, 8),", b"(2, 9),"])
def test_a_header_that_claims_another_size_is_refused_before_anything_is_allocated(shape):
    data = saved(np.zeros((2, 8), np.uint8)).replace(b"(2, 8), }".ljust(9 + len(shape)), shape + b" }".ljust(9))
    assert shape in data
    with pytest.raises(BadInputError, match="claims"):
        read_stack(data, suffix=".npy")


def test_an_archive_that_unpacks_to_more_than_allowed_is_refused(monkeypatch):
    monkeypatch.setattr(arrays, "MAX_ARRAY_BYTES", 1 << 20)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes((1 << 20) + 1))
    assert len(file.getvalue()) < 4096
    with pytest.raises(BadInputError, match="larger than 1 MiB"):
        read_stack(file.getvalue(), suffix=".npz")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_damaged_files_are_refused_and_nothing_else(suffix):
    array = np.arange(60, dtype=np.float32).reshape(5, 12)
    whole = saved(array) if suffix == ".npy" else archived(x=array, y=np.arange(5))
    rng = random.Random(4)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            stack = read_stack(bytes(data[: rng.randrange(len(data) // 2, len(data) + 1)]), suffix=suffix)
        except BadInputError:
            continue
        assert len(stack.inputs) >= 1


def packed(names, *, encrypted=False):
    array = io.BytesIO()
    np.save(array, np.zeros((1, 2), np.uint8))
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, array.getvalue())
    data = bytearray(file.getvalue())
    if encrypted:
        at = data.index(b"PK\x01\x02")
        data[at + 8] |= 1
        data[6] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packed(["x.npy", "x.npy"]), "two arrays of one name"), (packed(["x.npy", "X.npy"]), "two arrays of one name"),
        (packed([f"{number}.npy" for number in range(1001)]), "more than 1000 arrays"),
        (packed(["x.npy"], encrypted=True), "encrypted archive"),
    ],
    ids=["a name twice", "a name in two cases", "many", "encrypted"],
)  # fmt: skip
def test_an_archive_that_is_not_what_it_seems_is_refused_with_the_reason(data, reason):
    with pytest.raises(BadInputError, match=reason):
        read_stack(data, suffix=".npz")


def test_names_in_an_archive_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="no inputs"):
        read_stack(packed(["../../x.npy", "/x.npy", "..\\y.npy"]), suffix=".npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_to_packed_arrays_is_refused_and_nothing_else(method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("x.npy", saved(np.arange(600, dtype=np.float32)))
    rng = random.Random(5)
    for _ in range(100):
        data = bytearray(file.getvalue())
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(BadInputError):
            read_stack(bytes(data), suffix=".npz")
