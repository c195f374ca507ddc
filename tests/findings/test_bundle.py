import zipfile

import pytest
from findings.samples import sample

from mlfuzz.errors import CorruptRecordError, UsageError
from mlfuzz.findings.bundle import write_folder, write_zip
from mlfuzz.findings.lookup import find
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore


@pytest.fixture
def found(tmp_path):
    store = FindingStore(tmp_path / "findings")
    store.save(*sample(0, evidence={"traceback": "Traceback:\n  here"}))
    kept = write_regression(tmp_path / "kept", *sample(1))
    return [find(store.folder(sample(0)[0].id)), find(kept)]


def test_a_folder_holds_each_finding_with_its_files_and_its_script(found, tmp_path):
    folders = write_folder(found, tmp_path / "out")
    assert sorted(path.name for path in folders[0].iterdir()) == [
        "finding.json", "input.png", "repro.py", "seed.png", "traceback.txt",
    ]  # fmt: skip
    again = find(folders[1])
    assert again.finding == found[1].finding
    assert again.files() == found[1].files()


def test_a_zip_of_the_same_findings_has_the_same_bytes(found, tmp_path):
    one, other = write_zip(found, tmp_path / "a" / "one.zip"), write_zip(found, tmp_path / "other.zip")
    assert one.read_bytes() == other.read_bytes()
    assert f"{found[0].finding.id}/finding.json" in zipfile.ZipFile(one).namelist()


def test_nothing_is_mixed_with_what_lies_there(found, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="--output"):
        write_folder(found, tmp_path / "out")


def test_an_edited_file_is_not_handed_on(found, tmp_path):
    found[1].record.with_suffix(".png").write_bytes(b"edited")
    with pytest.raises(CorruptRecordError, match="edited"):
        write_zip(found, tmp_path / "one.zip")
    assert not (tmp_path / "one.zip").exists()
