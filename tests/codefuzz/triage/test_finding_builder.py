from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from codefuzz import toy_project

from mlfuzz.codefuzz.failure.bucketing import TARGET, keys
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.declaration import Declaration
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.triage.confirm import confirm
from mlfuzz.codefuzz.triage.finding_builder import (
    CodeOrigin,
    amplification,
    as_recorded,
    candidate,
    same_key,
    sentence_of,
    severity,
    suffix_of,
    tried,
)
from mlfuzz.findings.finding import dumps, loads
from mlfuzz.findings.store import FindingStore

OK = Outcome(kind="ok")


def outcome(bucket="b", kind="exception", **more):
    return Outcome(kind=kind, type="KeyError", group=f"g-{bucket}", bucket=bucket, **more)


def test_an_input_that_fails_each_time_is_confirmed_and_one_that_does_not_is_flaky():
    assert tried([outcome()] * 3, "b", "exception").confirmed
    trial = tried([outcome(), OK, outcome()], "b", "exception")
    assert (trial.confirmed, trial.failed, trial.times) == (False, 2, 3)
    assert tried([OK] * 3, "b", "exception").outcome is None


def test_what_fails_alone_in_another_way_fails_as_it_does_alone():
    trial = tried([outcome("other")] * 3, "b", "exception")
    assert trial.confirmed
    assert trial.outcome.bucket == "other"
    assert not tried([outcome("x"), outcome("y"), outcome("x")], "b", "exception").confirmed


@pytest.mark.parametrize("alone", ["memory", "memory-error", "hang", "slow", "killed"])
def test_too_much_is_too_much_in_whatever_form_it_comes(alone):
    assert tried([outcome("elsewhere", alone)] * 3, "b", "memory").confirmed


class Session:
    """Fails on whatever begins with `start`; the smallest input is `start` itself."""

    def __init__(self, start, outcomes=()):
        self.start, self.outcomes = start, list(outcomes)

    def reproduce(self, payload, *, times=3, kind=""):
        return [self.outcomes.pop(0) if self.outcomes else self._run(payload) for _ in range(times)]

    def _run(self, payload):
        return outcome(seconds=0.5, mebibytes=2.0) if payload.startswith(self.start) else OK

    def minimise(self, payload, bucket, *, seconds):
        return self.start


@pytest.fixture
def stored(tmp_path):
    harness = discovery.find("toy", toy_project.build(tmp_path / "project"))
    store = FindingStore(tmp_path / "findings")
    finding, files = candidate(b"ABCDE", outcome(), CodeOrigin(harness, suffix=".toy"))
    store.save(finding, files)
    return store, finding


def test_a_candidate_is_confirmed_and_its_first_input_stays_beside_the_small_one(stored):
    store, finding = stored
    changed = confirm(store, finding, Session(b"AB"), seconds=1.0)
    kept = store.load(finding.id)
    assert kept == changed
    assert (kept.id, kept.verdict, kept.shrunk) == (finding.id, "confirmed", True)
    assert (store.bytes_of(kept, kept.input), store.bytes_of(kept, kept.seed)) == (b"AB", b"ABCDE")
    again = confirm(store, kept, Session(b"A"), seconds=1.0)
    assert (store.bytes_of(again, again.input), store.bytes_of(again, again.seed)) == (b"A", b"ABCDE")
    assert again.evidence["first_size"] == 5


def test_a_smaller_input_that_fails_otherwise_is_not_taken(stored):
    store, finding = stored
    session = Session(b"AB", [outcome(), outcome(), outcome(), outcome("drifted")])
    changed = confirm(store, finding, session, seconds=1.0)
    assert (store.bytes_of(changed, changed.input), changed.shrunk, changed.key) == (b"ABCDE", True, "b")


def test_records_survive_the_oddest_messages(tmp_path):
    harness = discovery.find("toy", toy_project.build(tmp_path))
    odd = outcome(message="\ud800\x00\u202e" * 10_000, traceback="\udcff" * 50_000, frames=("a" * 10_000,))
    finding, _ = candidate(b"x", odd, CodeOrigin(harness))
    assert loads(dumps(finding)).id == finding.id
    assert len(dumps(finding)) < 500_000


def test_words_and_figures():
    spent = outcome(kind="hang", frames=("pkg/a.py:3:f",), seconds=3.2, mebibytes=1090.0)
    assert sentence_of(spent, 26, first=411) == "pkg/a.py:3:f; 26 bytes (found with 411); 3.2 s, 1,090 MiB"
    assert sentence_of(outcome(), 1) == "1 byte"
    assert amplification(512, 1.0, math.nan) == {"seconds_per_kib": 2.0}
    assert severity(outcome(kind="crash")) > severity(outcome(kind="hang")) > severity(outcome()) >= 2.0
    assert severity(Outcome(kind="exception", type="struct.error")) == 1.0


def test_files_of_findings_end_as_most_seeds_do():
    assert suffix_of(["a.wav", "b.WAV", "c.txt"]) == ".wav"
    assert suffix_of(["README", ".hidden", "x.json"]) == ".bin"
    assert suffix_of([]) == ".bin"


def test_a_hang_has_one_key_wherever_in_its_loop_a_sample_falls():
    def key(line):
        return keys("hang", "", [(TARGET, ("pkg/a.py", line, "loop", 10))], [])

    assert key(12) == key(14)
    assert keys("crash", "SIGSEGV", [(TARGET, ("pkg/a.py", 12, "f", 10))], [])[1].endswith(":+2")


BEFORE = {  # kind, type, key and group, as the runner that replayed by itself recorded them
    "overflow": ("crash", "SIGSEGV", "crash:SIGSEGV:a.py:f:+5", "crash:SIGSEGV:a.py:f"),
    "slow": ("slow", "slow", "slow::toy", "slow::toy"),
    "memory": ("memory", "memory", "memory::toy", "memory::toy"),
    "leak": ("leak", "leak", "leak::toy", "leak::toy"),
    "os-exit": ("os-exit", "status 7", "os-exit:status 7", "os-exit:status 7"),
    "exception": ("exception", "mlfuzz_harness.Odd", "exception:mlfuzz_harness.Odd:a.py:f:+5",
                  "exception:mlfuzz_harness.Odd:a.py:f"),
}  # fmt: skip
NOW = {
    "overflow": "SIGSEGV", "slow": "", "memory": "", "leak": "", "os-exit": "status 7",
    "exception": "mlfuzz_harness.toy.Odd",
}  # fmt: skip


def recorded(kind, type, key, fault):
    finding, _ = candidate(b"x", outcome(), CodeOrigin(Harness(Declaration(name="toy"), Path(), "")))
    return msgspec.structs.replace(finding, kind=kind, observed=type or kind, key=key, fault=fault)


def failing(kind, type, place="a.py:f"):
    group = f"{kind}:{type}:{place}"
    return Outcome(kind=kind, type=type, group=group, bucket=f"{group}:+5")


@pytest.mark.parametrize("kind", BEFORE)
def test_what_was_recorded_by_other_names_is_still_known(kind):
    finding, now = recorded(*BEFORE[kind]), failing(kind, NOW[kind])
    assert same_key(finding, now)
    assert as_recorded(finding, now)


def test_of_one_type_is_the_same_failure_wherever_the_code_has_gone_and_another_is_not():
    finding = recorded("exception", "KeyError", "exception:KeyError:a.py:f:+5", "exception:KeyError:a.py:f")
    assert as_recorded(finding, failing("exception", "KeyError", "b.py:g"))
    assert not same_key(finding, failing("exception", "KeyError", "b.py:g"))
    assert not as_recorded(finding, failing("exception", "IndexError"))
    overflow = recorded("overflow", "SIGSEGV", "overflow:SIGSEGV:a.py:f:+5", "overflow:SIGSEGV:a.py:f")
    assert not as_recorded(overflow, failing("crash", "SIGSEGV"))


@pytest.mark.parametrize(("one", "other", "same"), [
    ("hang", "slow", True), ("memory", "killed", True), ("memory-error", "memory", True), ("hang", "memory", False),
    ("slow", "killed", False), ("hang", "crash", False), ("leak", "memory", False),
])  # fmt: skip
def test_too_much_of_one_thing_is_not_too_much_of_another(one, other, same):
    finding = recorded(one, "", f"{one}::a.py:f", f"{one}::a.py:f")
    assert as_recorded(finding, failing(other, "")) == same
