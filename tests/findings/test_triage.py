import pytest
from findings.samples import sample

from mlfuzz.errors import UsageError
from mlfuzz.findings.record import read_record
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore
from mlfuzz.findings.triage import set_fault, set_triage, triage_record


@pytest.fixture
def store(tmp_path):
    store = FindingStore(tmp_path / "findings")
    store.save(*sample())
    return store


def test_a_decision_is_kept_with_its_reason(store):
    finding, _ = sample()
    assert set_triage(store, finding.id, "ignored", "not ours").triage == "ignored"
    now = store.load(finding.id)
    assert (now.triage, now.note) == ("ignored", "not ours")
    set_triage(store, finding.id, "quarantined")
    assert store.load(finding.id).note == "not ours"


@pytest.mark.parametrize("state", ["quarantined", "ignored"])
def test_hiding_a_failure_needs_a_reason(store, state):
    with pytest.raises(UsageError, match="--note"):
        set_triage(store, sample()[0].id, state, "  ")
    assert store.load(sample()[0].id).triage == "open"


def test_another_state_is_answered_with_the_nearest(store):
    with pytest.raises(UsageError, match="did you mean 'fixed'"):
        set_triage(store, sample()[0].id, "fix")


def test_regressions_and_campaigns_are_triaged_alike(store, tmp_path):
    finding, files = sample()
    for record in (write_regression(tmp_path / "kept", finding, files), store.folder(finding.id) / "finding.json"):
        triage_record(record, "fixed", "in 1.2")
        assert (read_record(record).triage, read_record(record).note) == ("fixed", "in 1.2")


def test_several_findings_are_merged_under_one_fault_by_its_name(store, tmp_path):
    finding, files = sample()
    record = write_regression(tmp_path / "kept", finding, files)
    set_fault(record, "the sticker")
    set_fault(store.folder(finding.id) / "finding.json", "the sticker")
    assert read_record(record).fault == store.load(finding.id).fault == "the sticker"
    with pytest.raises(UsageError, match="needs a name"):
        set_fault(record, " ")
