"""Six bugs that end at one line are one bucket with its ways: kept, counted, shown, and news where that is asked."""

from __future__ import annotations

import msgspec
import pytest
from codefuzz.scripted import ScriptedEngine

from mlfuzz.budget import Budget
from mlfuzz.codefuzz.campaign.campaign import run
from mlfuzz.codefuzz.campaign.spec import HarnessSpec
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.triage.call_paths import MOST, MOST_MESSAGES, PathTally, paths_of, way_of
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin
from mlfuzz.codefuzz.triage.import_foreign import adopt, inputs
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.findings.store import FindingStore
from mlfuzz.report import codeside
from mlfuzz.request import CampaignRequest
from mlfuzz.storage.workdir import Workdir

PARSER = """
class Reader:
    def __init__(self, data):
        self.data = data

    def need(self, ok, what):
        if not ok:
            raise EOFError(what)

    def u8(self):
        self.need(self.data, f"a byte after {len(self.data)}")


def head(reader): reader.need(False, "a header")
def size(reader): reader.need(False, f"a size, not {len(reader.data)}")
def name(reader): reader.need(False, "a name")
def body(reader): reader.u8()
def tail(reader): reader.u8()
def mark(reader): reader.need(False, f"no mark {bytes(reader.data)!r}")


def parse(data):
    reader = Reader(data[2:])
    {b"h": head, b"s": size, b"n": name, b"b": body, b"t": tail, b"m": mark}.get(data[:1], str)(reader)
"""
HARNESS = """
HARNESS = {"name": "ways", "length": 64, "instrument": ["waysparser"]}
import waysparser
def fuzz(data):
    waysparser.parse(data)
"""
SIX = [b"h.", b"s.1", b"n.", b"b.", b"t.", b"m.q"]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "waysparser.py").write_text(PARSER)
    (tmp_path / "harnesses").mkdir()
    (tmp_path / "harnesses" / "ways.py").write_text(HARNESS)
    return tmp_path


def campaign(project, inputs, *, name="ways", **more):
    engine, options = ScriptedEngine({"ways": inputs}), Options(project=str(project))
    budget = Budget(seconds=60, inputs=1000 * (1 + len(inputs) // 3))
    spec = HarnessSpec((discovery.find("ways", project),), engine, options)
    return run(CampaignRequest(spec, project / ".mlfuzz" / name, budget, **more))


def test_six_bugs_at_one_line_are_one_finding_with_their_ways(project):
    (finding,) = campaign(project, [*SIX, b"s.22", b"s.333"]).findings
    ways = {one.callers[-2]: one for one in paths_of(finding)}
    assert len(ways) == MOST
    assert len(finding.evidence["path_keys"]) == 1
    assert ways["waysparser.py:size"].count == 3
    assert ways["waysparser.py:size"].message == "a size, not #"
    assert finding.evidence["seen"] == 8
    store = FindingStore(project / ".mlfuzz" / "ways" / "findings")
    examples = {ref.sha256: store.bytes_of(finding, ref) for ref in finding.blobs}
    assert {examples[one.sha256] for one in ways.values() if one.sha256} == {b"s.1", b"n.", b"b.", b"t."}
    shown = codeside.paths(finding)
    assert shown[0][0] == "3x"
    assert shown[0][1].startswith("by size ← parse")
    assert shown[-1][1] == "and 1 more"


@pytest.mark.slow
def test_ways_go_on_being_counted_when_a_campaign_goes_on(project):
    campaign(project, [b"h.", b"s.1"])
    (finding,) = campaign(project, [b"s.22", b"n."]).findings
    assert {one.callers[0].rpartition(":")[2]: one.count for one in paths_of(finding)} == {
        "head": 1,
        "size": 2,
        "name": 1,
    }
    assert finding.verdict == "confirmed"


@pytest.mark.slow
@pytest.mark.parametrize(("fail_on", "code", "findings"), [("new", 0, 1), ("new-path", 1, 2)])
def test_a_new_way_to_a_kept_place_is_news_where_that_is_asked(project, fail_on, code, findings):
    (kept,) = campaign(project, [b"h."]).findings
    kept = msgspec.structs.replace(kept, triage="fixed")
    result = campaign(project, [b"h.7", b"n."], name="next", fail_on=fail_on, regressions=(kept,))
    assert result.exit_code == code
    assert len(result.findings) == findings
    assert sum(one.id in result.known for one in result.findings) == 1


@pytest.mark.slow
@pytest.mark.parametrize("triage", ["ignored", "quarantined"])
def test_a_new_way_to_an_ignored_place_is_a_finding_of_its_own(project, triage):
    (kept,) = campaign(project, [b"h."]).findings
    kept = msgspec.structs.replace(kept, triage=triage)
    assert not campaign(project, [b"h.7", b"n."], name="quiet", fail_on="new", regressions=(kept,)).findings
    result = campaign(project, [b"h.7", b"n."], name="loud", fail_on="new-path", regressions=(kept,))
    (finding,) = result.findings
    assert (finding.key, finding.verdict, result.exit_code) == (kept.key, "confirmed", 1)
    assert way_of(finding) != way_of(kept)
    again = campaign(project, [b"n.5"], name="loud", fail_on="new-path", regressions=(kept,))
    assert again.exit_code == 0


@pytest.mark.slow
def test_a_record_without_ways_has_its_own(project):
    (finding,) = campaign(project, [b"h."]).findings
    old = msgspec.structs.replace(finding, evidence={k: v for k, v in finding.evidence.items() if k != "paths"})
    assert [one.key for one in paths_of(old)] == [one.key for one in paths_of(finding)]


def test_a_text_that_is_the_inputs_makes_few_ways():
    tally = PathTally()
    for word in ("one", "two", "three", "four", "five", "six", "seven", "eight"):
        tally.note(Outcome(kind="exception", frames=("a.py:1:f", "a.py:9:g"), message=f"no {word}"), word.encode())
    assert len(tally.paths) == MOST_MESSAGES + 1
    assert tally.seen == 8


@pytest.mark.slow
def test_folders_and_verdicts_leave_the_ways(project):
    campaign(project, [b"h.", b"s.1"])
    store = FindingStore(Workdir(project / ".mlfuzz" / "ways").findings)
    (finding,) = store.records()
    store.update(msgspec.structs.replace(finding, evidence={"type": "EOFError"}, blobs=()))
    changed = store.load(finding.id)
    assert changed.evidence["paths"] == finding.evidence["paths"]
    assert changed.blobs == finding.blobs


@pytest.mark.slow
def test_inputs_of_others_are_ways_to_the_finding_that_is_there(project):
    harness = discovery.find("ways", project)
    for number, data in enumerate([*SIX, b"s.22"]):
        (project / f"crash-{number:08x}").write_bytes(data)
    store, found = FindingStore(project / "findings"), inputs(project)
    with replay_session(harness) as session:
        (finding,) = adopt(found, session, store, CodeOrigin(harness)).findings
        adopt(found[:2], session, store, CodeOrigin(harness))
    kept = store.load(finding.id)
    assert len(paths_of(kept)) == MOST
    assert kept.evidence["seen"] == 7
    assert kept.blobs
