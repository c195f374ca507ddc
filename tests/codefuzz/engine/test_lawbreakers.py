"""The laws of engines can be kept by another engine, and broken: each one here breaks one."""

from __future__ import annotations

import msgspec
import pytest

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.testing import engines as laws

from .toy_engine import ToyEngine, ToySession


class TestToy(laws.EngineLaws):
    def engine(self):
        return ToyEngine()


class Moody(ToySession):
    """Another key each time."""

    runs = 0

    def _outcome(self, payload):
        self.runs += 1
        return msgspec.structs.replace(super()._outcome(payload), group=str(self.runs))


class Untimed(ToySession):
    def _outcome(self, payload):
        return msgspec.structs.replace(super()._outcome(payload), seconds=float("nan"))


class Strict(ToySession):
    """Takes what is documented for a failure."""

    def _outcome(self, payload):
        outcome = super()._outcome(payload)
        return msgspec.structs.replace(outcome, kind="exception") if outcome.kind == "refused" else outcome


class Coarse(ToySession):
    """One key for all."""

    def _outcome(self, payload):
        outcome = super()._outcome(payload)
        return msgspec.structs.replace(outcome, bucket="it failed") if outcome.failed else outcome


class Losing(ToySession):
    def screen(self, files):
        return super().screen(files[1:])


class Chatty(ToySession):
    """Tells what is known, and again."""

    def fuzz(self, corpus, *, on_failure, known=(), **options):
        def twice(payload, outcome):
            on_failure(payload, outcome)
            on_failure(payload, outcome)

        return super().fuzz(corpus, on_failure=twice, **options)


class Blind(ToySession):
    def fuzz(self, corpus, *, on_failure, **options):
        return super().fuzz(corpus, on_failure=lambda payload, outcome: None, **options)


class Deaf(ToySession):
    """Goes on when it is told to stop, to four times the runs."""

    def fuzz(self, corpus, *, runs=0, stop, **options):
        return super().fuzz(corpus, runs=4 * runs, **options)


class Lazy(ToySession):
    def minimise(self, payload, bucket, *, seconds):
        return payload


class Drifting(ToySession):
    def minimise(self, payload, bucket, *, seconds):
        return b"K"


class Forgetful(ToySession):
    def merge(self, files):
        return super().merge(files)[:1]


class Hoarding(ToySession):
    def merge(self, files):
        return list(files)


def test_every_law_of_sessions_is_kept_by_the_toy(tmp_path):
    with laws.prepared(ToyEngine(), tmp_path) as session:
        assert isinstance(session, ToySession)
        assert isinstance(session.reproduce(laws.KEY, times=1)[0], Outcome)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (laws.an_input_has_the_same_outcome_each_time, Moody),
        (laws.an_input_has_the_same_outcome_each_time, Untimed),
        (laws.outcomes_are_sorted_by_what_is_documented, Strict),
        (laws.outcomes_are_sorted_by_what_is_documented, Coarse),
        (laws.seeds_are_sorted_and_none_is_lost, Losing),
        (laws.fuzzing_finds_what_is_near_and_tells_it_once, Chatty),
        (laws.fuzzing_finds_what_is_near_and_tells_it_once, Blind),
        (laws.what_is_known_is_not_told_again, Chatty),
        (laws.a_number_of_runs_and_a_stop_are_kept_to, Deaf),
        (laws.a_smaller_input_fails_in_the_same_way, Lazy),
        (laws.a_smaller_input_fails_in_the_same_way, Drifting),
        (laws.few_files_reach_what_all_reach, Forgetful),
        (laws.few_files_reach_what_all_reach, Hoarding),
    ],
)
def test_a_broken_session_is_caught(law, broken, tmp_path, monkeypatch):
    monkeypatch.setattr(laws, "SECONDS", 1.0)
    monkeypatch.setattr(ToyEngine, "session", broken)
    with laws.prepared(ToyEngine(), tmp_path) as session, pytest.raises(AssertionError):
        law(session, tmp_path)


class Nameless(ToyEngine):
    name = ""


class Stubborn(ToyEngine):
    """Imports whatever comes, wanted or not, and says nothing of what went wrong."""

    def prepare(self, declaration, options, *, stop=lambda: False):
        return ToySession(declaration, __import__("types").SimpleNamespace(TestOneInput=print))


class Unmeasured(ToyEngine):
    def prepare(self, declaration, options, *, stop=lambda: False):
        session = super().prepare(declaration, options, stop=stop)
        session.prepared = msgspec.structs.replace(session.prepared, seconds=0.0)
        return session


class Once(ToySession):
    """May be closed once."""

    closed = False

    def close(self):
        assert not self.closed
        self.closed = True


class Closing(ToyEngine):
    session = Once


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (laws.closing_twice_is_no_error, Closing),
        (laws.it_says_what_it_is, Nameless),
        (laws.it_says_what_importing_showed, Unmeasured),
        (laws.what_does_not_import_is_told_in_its_own_words, Stubborn),
        (laws.an_import_that_is_not_wanted_any_more_is_given_up, Stubborn),
    ],
)
def test_a_broken_engine_is_caught(law, broken, tmp_path):
    with pytest.raises(AssertionError):
        law(broken(), tmp_path)
