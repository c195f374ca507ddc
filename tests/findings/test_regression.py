import os

import msgspec
import pytest
from findings.samples import ref, sample

from mlfuzz.errors import CorruptRecordError, StorageError
from mlfuzz.findings.regression import read_regression, write_regression


def test_a_regression_is_one_record_beside_ordinary_files(tmp_path):
    finding, files = sample()
    record = write_regression(tmp_path / "digits", finding, files)
    assert sorted(os.listdir(tmp_path / "digits")) == sorted(
        [f"{finding.id}.json", f"{finding.id}.png", f"{finding.id}.seed.png"]
    )
    kept, content = read_regression(record)
    assert content == {f"{finding.id}.png": files["input.png"], f"{finding.id}.seed.png": files["seed.png"]}
    assert msgspec.structs.replace(kept, input=finding.input, seed=finding.seed) == finding


def test_a_regression_may_have_no_seed_and_no_suffix(tmp_path):
    finding, _ = sample(input=ref("crash", b"\x00"), seed=None)
    record = write_regression(tmp_path, finding, {"crash": b"\x00", "other": b"not named"})
    assert sorted(os.listdir(tmp_path)) == [f"{finding.id}.bin", f"{finding.id}.json"]
    assert list(read_regression(record)[1].values()) == [b"\x00"]


def test_an_input_that_is_itself_json_does_not_take_the_records_name(tmp_path):
    finding, _ = sample(input=ref("input.json", b"{}"), seed=None)
    record = write_regression(tmp_path, finding, {"input.json": b"{}"})
    assert read_regression(record)[0].id == finding.id


def test_keeping_it_again_replaces_it(tmp_path):
    finding, files = sample()
    write_regression(tmp_path, finding, files)
    shrunk = msgspec.structs.replace(finding, input=ref("input-2.png", b"small"))
    record = write_regression(tmp_path, shrunk, {**files, "input-2.png": b"small"})
    assert read_regression(record)[1][f"{finding.id}.png"] == b"small"
    assert len(os.listdir(tmp_path)) == 3


def test_missing_and_edited_files_are_errors(tmp_path):
    finding, files = sample()
    with pytest.raises(StorageError, match=r"seed\.png"):
        write_regression(tmp_path, finding, {"input.png": files["input.png"]})
    record = write_regression(tmp_path, finding, files)
    record.with_suffix(".png").write_bytes(b"edited")
    with pytest.raises(CorruptRecordError, match="edited"):
        read_regression(record)
