import msgspec
import pytest
from findings.samples import sample

from mlfuzz.errors import UsageError
from mlfuzz.findings.dataset import dataset, write_dataset
from mlfuzz.findings.lookup import LocatedFinding, find
from mlfuzz.findings.store import FindingStore


def findings(folder, count, *, per_fault=1, **changes):
    store = FindingStore(folder)
    for number in range(count):
        given = {"verdict": "confirmed", "label": str(number % 10), "fault": f"fault {number // per_fault}", **changes}
        store.save(*sample(number, **given))
    return [find(store.folder(finding.id)) for finding in store.records()]


def test_held_out_faults_share_nothing_with_those_to_train_on(tmp_path):
    data = dataset(findings(tmp_path, 40, per_fault=2), held_out=0.25)
    assert (len(data.train), len(data.heldout)) == (30, 10)
    assert not set(data.faults[0]) & set(data.faults[1])
    assert {one.finding.fault for one in data.heldout} == set(data.faults[1])


def test_a_later_export_holds_out_the_same_faults(tmp_path):
    few = dataset(findings(tmp_path / "few", 8), held_out=0.5)
    many = dataset(list(reversed(findings(tmp_path / "many", 8))), held_out=0.5)
    assert few.faults == many.faults


def test_of_one_fault_only_the_most_severe_are_taken(tmp_path):
    found = findings(tmp_path, 6, per_fault=6)
    ranked = [
        LocatedFinding(msgspec.structs.replace(one.finding, severity=float(at)), one.record)
        for at, one in enumerate(found)
    ]
    data = dataset(ranked, per_fault=2, held_out=0)
    assert [one.finding.severity for one in data.train] == [5.0, 4.0]
    assert data.left_out == 4


@pytest.mark.parametrize(
    "changes", [{"verdict": "flaky"}, {"oracle": {"name": "tolerance"}}, {"label": None}], ids=lambda each: str(each)
)
def test_what_has_no_sure_label_is_no_training_data(tmp_path, changes):
    with pytest.raises(UsageError, match="none of 3 findings"):
        dataset(findings(tmp_path, 3, **changes))


def test_each_input_lies_under_its_true_label_and_stands_in_the_manifest(tmp_path):
    found = findings(tmp_path / "findings", 4)
    manifest = write_dataset(dataset(found), tmp_path / "out")
    rows = [msgspec.json.decode(line) for line in manifest.read_bytes().splitlines()]
    assert len(rows) == 4
    for row in rows:
        path = tmp_path / "out" / row["file"]
        assert (path.parts[-3], path.parts[-2]) == (row["split"], row["label"])
        assert path.read_bytes() == next(one for one in found if one.finding.id == row["id"]).files()["input.png"]


def test_a_budget_takes_the_most_worth_and_leaves_what_is_held_out(tmp_path):
    found = findings(tmp_path / "findings", 40, per_fault=2)
    whole, few = (
        dataset(found, held_out=0.25),
        dataset(found, held_out=0.25, choose=lambda given: list(range(len(given)))[::2][:5]),
    )
    assert len(few.train) == 5
    assert len(few.faults[0]) == 5
    assert few.heldout == whole.heldout
    rows = [msgspec.json.decode(line) for line in write_dataset(few, tmp_path / "out").read_bytes().splitlines()]
    assert [row["rank"] for row in rows if row["split"] == "train"] == [1, 2, 3, 4, 5]
