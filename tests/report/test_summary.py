"""What a campaign's directory says."""

from __future__ import annotations

import shutil

import msgspec
import pytest
import specimen

from mlfuzz.errors import StorageError
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.progress import Stats
from mlfuzz.report.summary import group, summarise
from mlfuzz.storage.workdir import Workdir


def test_crashes_come_first_then_faults_with_their_most_telling_input(summary):
    kinds = [fault.best.kind for fault in summary.faults]
    assert kinds[0] == "exception"
    assert not CRASH_KINDS & set(kinds[1:])
    flip = next(fault for fault in summary.faults if fault.best.observed == "1")
    assert (flip.title, flip.operator, len(flip.members)) == ("label: 7 → 1", "image.rotate", 7)
    assert flip.best.margin == max(one.margin for one in flip.members)


def test_the_flaky_the_unconfirmed_and_the_ignored_are_no_faults(summary):
    assert (summary.verdict, len(summary.faults), summary.confirmed) == ("faults", 4, 11)
    assert (len(summary.flaky), len(summary.candidates)) == (2, 1)


def test_triage_sets_a_finding_aside(summary):
    best = summary.faults[0].best
    assert group([best])
    root = summary.root
    workdir = Workdir(root.parent / "triaged")
    shutil.copytree(root, workdir.root)
    from mlfuzz.findings.finding import dumps

    ignored = msgspec.structs.replace(best, triage="ignored", note="by design")
    (workdir.finding(best.id) / "finding.json").write_bytes(dumps(ignored))
    again = summarise(workdir)
    assert [one.id for one in again.set_aside] == [best.id]
    assert len(again.faults) == len(summary.faults) - 1


def test_a_damaged_record_becomes_a_warning_and_hides_nothing_else(tmp_path):
    workdir = specimen.build(tmp_path)
    broken = sorted(workdir.findings.iterdir())[0] / "finding.json"
    broken.write_bytes(b'{"schema": "mlfuzz.finding/1", "id": 3}')
    workdir.progress.write_bytes(b"{}\n" + workdir.progress.read_bytes())
    summary = summarise(workdir)
    warnings = "\n".join(summary.warnings)
    assert str(broken) in warnings
    assert "progress.jsonl, line 1" in warnings
    assert len(summary.faults) + len(summary.flaky) + len(summary.candidates) >= 6


def test_a_campaign_that_ran_nothing_is_broken_not_clean(clean):
    import dataclasses

    assert clean.verdict == "clean"
    idle = dataclasses.replace(clean, stats=Stats(campaign="x", started=""))
    assert idle.verdict == "broken"


def test_a_campaign_without_statistics_says_so(tmp_path):
    with pytest.raises(StorageError, match=r"stats\.json"):
        summarise(Workdir.create(tmp_path / "empty"))
