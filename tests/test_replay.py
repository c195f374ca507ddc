"""What a probe's answer means; a probe that answers from a list stands in for the process."""

from __future__ import annotations

import msgspec
import pytest
from findings.samples import sample

import mlfuzz.replay
from mlfuzz.campaign.supervisor.triage_worker import Reply
from mlfuzz.errors import ReplayError
from mlfuzz.findings.finding import Run
from mlfuzz.findings.regression import read_regression, write_regression
from mlfuzz.findings.store import FindingStore
from mlfuzz.mutation import Mutation
from mlfuzz.replay import Case, exit_code, replay, shrink


class Probe:
    """answers: a Reply, a text where there is none, or a function of the request."""

    def __init__(self, answers, asked):
        self.answers, self.asked, self.alive = answers, asked, True

    def consult(self, request, seconds):
        self.asked.append(request)
        answer = self.answers.pop(0)
        return answer(request) if callable(answer) else answer

    def kill(self):
        self.alive = False


@pytest.fixture
def probe(monkeypatch):
    """Put answers in; requests come out of `asked`."""
    answers, asked = [], []
    monkeypatch.setattr(mlfuzz.replay, "ProbeProcess", lambda workdir, **_: Probe(answers, asked))
    return answers, asked


def value(failed, *, times=3, margin=1.0, other="", answered=None, after=None):
    after = msgspec.to_builtins(after or Run(label="1"))
    answered = times if answered is None else answered
    return Reply(
        value={"failed": failed, "times": times, "margin": margin, "other": other, "answered": answered, "after": after}
    )


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        (value(3), "fails", ""),
        (value(0, margin=-2.0), "fixed", ""),
        (value(1), "flaky", ""),
        (value(0, margin=None, after=Run(label="no number")), "error", "no number"),
        (value(0, margin=None, other="ValueError: size"), "error", "ValueError: size"),
        (Reply(error="target digits has no label '7' any more"), "error", "no label"),
        ("the process that ran it died", "error", "died"),
    ],
)
def test_an_answer_is_a_state(probe, tmp_path, answer, state, says):
    probe[0].append(answer)
    finding, _ = sample()
    (result,) = replay([Case(finding, tmp_path)])
    assert result.state == state
    assert says in result.message


@pytest.mark.parametrize(("answered", "state"), [(3, "fixed"), (1, "flaky"), (0, "fails")])
def test_a_process_that_ends_in_another_way_is_not_mended(probe, tmp_path, answered, state):
    probe[0].append(value(0, answered=answered, margin=None))
    finding, _ = sample(kind="exit", oracle={}, observed="exit 7")
    assert replay([Case(finding, tmp_path)])[0].state == state


def test_one_error_does_not_stop_the_others(probe, tmp_path):
    probe[0].extend([Reply(error="no"), value(0)])
    live, _ = sample(2, load="")
    cases = [Case(sample(0)[0], tmp_path), Case(live, tmp_path), Case(sample(1)[0], tmp_path)]
    handed = []
    results = replay(cases, on_result=handed.append)
    assert [each.state for each in results] == ["error", "error", "fixed"]
    assert results == handed
    assert "--target" in results[1].message


def test_another_target_is_asked_for_where_one_is_named(probe, tmp_path):
    probe[0].extend([value(0), value(0)])
    finding, _ = sample(load="")
    replay([Case(finding, tmp_path)], target="zoo:other")
    replay([Case(sample()[0], tmp_path)])
    assert [request.target for request in probe[1]] == ["zoo:other", "examples:digits"]


@pytest.mark.parametrize(
    ("states", "code"), [(["fixed", "flaky"], 0), (["fixed", "fails"], 1), (["fails", "error"], 3), ([], 0)]
)
def test_the_exit_code_is_the_worst_of_them(states, code):
    assert exit_code([mlfuzz.replay.Replayed(sample()[0], state, None, None) for state in states]) == code


def test_a_regression_is_shrunk_in_place(probe, tmp_path):
    record = write_regression(tmp_path / "kept", *sample(verdict="confirmed"))

    def shorter(request):
        store = FindingStore(mlfuzz.replay.Path(request.path).parent)
        current = store.load(read_regression(record)[0].id)
        store.update(msgspec.structs.replace(current, shrunk=True, chain=(Mutation("image.rotate", {"degrees": 1.0}),)))
        return Reply()

    probe[0].append(shorter)
    changed = shrink(Case(read_regression(record)[0], record), seconds=1.0)
    kept, files = read_regression(record)
    assert kept.chain == changed.chain == (Mutation("image.rotate", {"degrees": 1.0}),)
    assert len(files) == 2
    assert probe[1][0].op == "shrink"


@pytest.mark.parametrize(
    ("changes", "says"), [({"chain": ()}, "no chain"), ({"kind": "hang"}, "takes its process down")]
)
def test_what_cannot_be_shrunk_says_why(tmp_path, changes, says):
    with pytest.raises(ReplayError, match=says):
        shrink(Case(sample(**changes)[0], tmp_path), seconds=1.0)


def test_a_probe_that_cannot_shrink_is_an_error_and_changes_nothing(probe, tmp_path):
    probe[0].append("no answer in time")
    record = write_regression(tmp_path / "kept", *sample(verdict="confirmed"))
    before = record.read_bytes()
    with pytest.raises(ReplayError, match="no answer in time"):
        shrink(Case(read_regression(record)[0], record), seconds=1.0)
    assert record.read_bytes() == before
