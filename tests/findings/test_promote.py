import msgspec
import pytest
from findings.samples import sample

from mlfuzz.errors import UsageError
from mlfuzz.findings.promote import Regressions, records_in
from mlfuzz.findings.regression import read_regression
from mlfuzz.findings.triage import triage_record
from mlfuzz.storage.names import folder_name


def confirmed(number=0, **changes):
    return sample(number, **{"verdict": "confirmed", "confirmed": "3/3", **changes})


def test_a_finding_is_kept_in_a_folder_named_for_its_target(tmp_path):
    finding, files = confirmed(target="digits:fragile")
    path = Regressions(tmp_path).keep(finding, files)
    assert path == tmp_path / "digits-fragile" / f"{finding.id}.json"
    assert read_regression(path)[0].verdict == "confirmed"


@pytest.mark.parametrize(
    ("target", "name"),
    [("digits", "digits"), ("zoo.digits:robust", "zoo.digits-robust"), ("../../etc", "etc"), ("::", "target")],
)
def test_a_targets_name_cannot_lead_out_of_the_corpus(target, name):
    assert folder_name(target) == name


@pytest.mark.parametrize("verdict", ["candidate", "flaky"])
def test_what_does_not_fail_each_time_is_not_kept(tmp_path, verdict):
    finding, files = confirmed(verdict=verdict)
    with pytest.raises(UsageError, match=f"is {verdict}"):
        Regressions(tmp_path).keep(finding, files)
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_is_refused_with_its_size_and_what_to_do(tmp_path):
    finding, files = confirmed()
    with pytest.raises(UsageError, match=r"input\.png has 7 bytes, at most 6 .* mlfuzz shrink"):
        Regressions(tmp_path, max_bytes=6).keep(finding, files)


def test_of_one_fault_only_a_few_are_kept_and_the_message_names_them(tmp_path):
    kept = [confirmed(number, fault="label|7->1|image.rotate") for number in range(4)]
    shelf = Regressions(tmp_path, per_fault=3)
    for finding, files in kept[:3]:
        shelf.keep(finding, files)
    with pytest.raises(UsageError, match=f"3 of its fault .*{kept[0][0].id[:10]}.*--per-fault 4"):
        Regressions(tmp_path, per_fault=3).keep(*kept[3])
    other = confirmed(5, fault="label|7->2|image.rotate")
    assert shelf.keep(*other).exists()
    assert Regressions(tmp_path, per_fault=4).keep(*kept[3]).exists()


def test_keeping_one_again_takes_no_room_and_keeps_what_people_decided(tmp_path):
    finding, files = confirmed()
    shelf = Regressions(tmp_path, per_fault=1)
    path = shelf.keep(finding, files)
    triage_record(path, "quarantined", "waits for the new scanner")
    again = Regressions(tmp_path, per_fault=1).keep(msgspec.structs.replace(finding, shrunk=True), files)
    kept, _ = read_regression(again)
    assert (again, kept.triage, kept.note, kept.shrunk) == (path, "quarantined", "waits for the new scanner", True)


def test_a_damaged_neighbour_does_not_stand_in_the_way(tmp_path):
    finding, files = confirmed()
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "0123456789abcdef.json").write_text("{")
    (folder / "notes.json").write_text("{}")
    path = Regressions(tmp_path, per_fault=1).keep(finding, files)
    assert records_in(tmp_path) == sorted([folder / "0123456789abcdef.json", path])
