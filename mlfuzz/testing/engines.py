"""What every engine and its sessions owe the code side: laws as functions, and `EngineLaws` to inherit from.

    class TestMine(EngineLaws):
        def engine(self):
            return MyEngine()

A law of engines is a function (engine, folder), one of sessions (session, folder); each raises AssertionError with what
broke it. The harness is `HARNESS_CODE`: a parser with two planted faults, the second behind two bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Engine, FuzzProgress, Options, Session
from mlfuzz.errors import TargetLoadError

EngineLaw: TypeAlias = Callable[[Engine, Path], None]
SessionLaw: TypeAlias = Callable[[Session, Path], None]

HARNESS_CODE = '''"""A parser with faults planted for laws."""

HARNESS = {"name": "planted_for_laws", "allowed": ["ValueError"], "length": 64, "seconds": 2.0}


def fuzz(data):
    if data[:1] == b"I":
        return [0, 1][data[1] if len(data) > 1 else 0]
    if data[:1] == b"K":
        if data[1:2] == b"E":
            raise KeyError("planted")
        return None
    raise ValueError("no such chunk")
'''

FINE, REFUSED = b"Kx", b"zz"
"""Inputs that run through, and that the harness refuses as it documents."""

INDEX, KEY = b"I\x07 and much more that does not matter", b"KE and more"
"""Inputs that fail, each in its own way, and longer than they need be."""

OFFLINE = Options(cache="none")
SECONDS = 20.0
RUNS = 300


@contextmanager
def prepared(engine: Engine, folder: Path) -> Iterator[Session]:
    """A session of the planted harness, in that folder."""
    path = folder / "planted_for_laws.py"
    path.write_text(HARNESS_CODE)
    session = engine.prepare(read(path), OFFLINE)
    try:
        yield session
    finally:
        session.close()


def it_says_what_it_is(engine: Engine, folder: Path) -> None:
    assert engine.name
    assert isinstance(engine.available(), str)


def it_says_what_importing_showed(engine: Engine, folder: Path) -> None:
    with prepared(engine, folder) as session:
        assert session.declaration.name == "planted_for_laws"
        assert session.prepared.seconds > 0


def what_does_not_import_is_told_in_its_own_words(engine: Engine, folder: Path) -> None:
    path = folder / "broken.py"
    path.write_text("import no_such_package_anywhere\n\n\ndef TestOneInput(data): ...\n")
    try:
        session = engine.prepare(read(path), OFFLINE)
    except TargetLoadError as error:
        message = str(error)
    else:
        session.close()
        message = ""
    assert "no_such_package_anywhere" in message, f"a harness that does not import gave {message!r}"


def an_import_that_is_not_wanted_any_more_is_given_up(engine: Engine, folder: Path) -> None:
    path = folder / "endless.py"
    path.write_text("import time\n\ntime.sleep(600)\n\n\ndef TestOneInput(data): ...\n")
    try:
        session = engine.prepare(read(path), OFFLINE, stop=lambda: True)
    except TargetLoadError:
        return
    session.close()
    raise AssertionError("prepared a harness whose import never ends")


def closing_twice_is_no_error(engine: Engine, folder: Path) -> None:
    with prepared(engine, folder) as session:
        session.close()


def an_input_has_the_same_outcome_each_time(session: Session, folder: Path) -> None:
    for payload in (FINE, REFUSED, INDEX, KEY, b"", b"\0" * 64):
        outcomes = session.reproduce(payload, times=3)
        assert len(outcomes) == 3
        assert len({(each.kind, each.bucket, each.group) for each in outcomes}) == 1, f"{payload!r}: {outcomes}"
        assert all(each.seconds >= 0 for each in outcomes), "time is measured where an input runs alone"


def outcomes_are_sorted_by_what_is_documented(session: Session, folder: Path) -> None:
    fine, refused, failed, other = (_alone(session, payload) for payload in (FINE, REFUSED, INDEX, KEY))
    assert (fine.kind, refused.kind) == ("ok", "refused")
    assert failed.failed
    assert not fine.failed
    assert (failed.type, other.type) == ("IndexError", "KeyError")
    assert failed.bucket
    assert failed.bucket != other.bucket, "two faults with one key"
    assert failed.group != other.group
    assert _alone(session, b"I\x09").bucket == failed.bucket, "one fault with two keys"


def seeds_are_sorted_and_none_is_lost(session: Session, folder: Path) -> None:
    files = _files(folder / "seeds", FINE, INDEX, REFUSED, KEY)
    screened = session.screen(files)
    failing = {name for name, _ in screened.failing}
    assert failing == {str(files[1]), str(files[3])}, f"failing are {sorted(failing)}"
    assert set(screened.usable) == {str(files[0]), str(files[2])}
    assert all(outcome.failed for _, outcome in screened.failing)


def fuzzing_finds_what_is_near_and_tells_it_once(session: Session, folder: Path) -> None:
    found, progress = _fuzzed(session, _corpus(folder / "corpus", b"I\x01", b"KF"), until=1)
    assert found, f"nothing found in {progress.executions} executions beside a fault that is one byte away"
    buckets = [outcome.bucket for _, outcome in found]
    assert len(set(buckets)) == len(buckets), f"told more than once: {buckets}"
    for payload, outcome in found:
        again = _alone(session, payload)
        assert (again.kind, again.bucket) == (outcome.kind, outcome.bucket), "alone it fails otherwise"
    assert progress.executions > 0


def what_is_known_is_not_told_again(session: Session, folder: Path) -> None:
    known = [_alone(session, payload).bucket for payload in (INDEX, KEY)]
    found, _ = _fuzzed(session, _corpus(folder / "known", INDEX, KEY, FINE), runs=RUNS, known=known)
    assert not found


def a_number_of_runs_and_a_stop_are_kept_to(session: Session, folder: Path) -> None:
    _, progress = _fuzzed(session, _corpus(folder / "runs", REFUSED), runs=RUNS)
    assert RUNS <= progress.executions < 4 * RUNS
    _, stopped = _fuzzed(session, _corpus(folder / "stop", REFUSED), stop=True)
    assert stopped.seconds < SECONDS, "went on until the time was up, though it was told to stop"


def a_smaller_input_fails_in_the_same_way(session: Session, folder: Path) -> None:
    for payload in (INDEX, KEY):
        bucket = _alone(session, payload).bucket
        small = session.minimise(payload, bucket, seconds=SECONDS / 4)
        assert len(small) < len(payload), "nothing was left out of an input whose end does not matter"
        assert _alone(session, small).bucket == bucket
    assert session.minimise(FINE, "no such bucket", seconds=1.0) == FINE


def few_files_reach_what_all_reach(session: Session, folder: Path) -> None:
    """Edges, where the engine counts any."""
    files = _files(folder / "merge", FINE, FINE + b"!", FINE + b"!!", REFUSED, REFUSED * 2)
    features = session.features(files)
    assert set(features) <= set(files)
    kept = session.merge(files)
    assert set(kept) <= set(files)
    reached = frozenset().union(*features.values()) if features else frozenset()
    assert frozenset().union(*(features[path] for path in kept)) == reached, "a merge lost edges"
    if reached:
        assert 1 <= len(kept) < len(files)
        assert features[files[0]] != features[files[3]], "two ways through the harness, and the same edges"


ENGINE_LAWS: tuple[EngineLaw, ...] = (
    it_says_what_it_is,
    it_says_what_importing_showed,
    what_does_not_import_is_told_in_its_own_words,
    an_import_that_is_not_wanted_any_more_is_given_up,
    closing_twice_is_no_error,
)

SESSION_LAWS: tuple[SessionLaw, ...] = (
    an_input_has_the_same_outcome_each_time,
    outcomes_are_sorted_by_what_is_documented,
    seeds_are_sorted_and_none_is_lost,
    fuzzing_finds_what_is_near_and_tells_it_once,
    what_is_known_is_not_told_again,
    a_number_of_runs_and_a_stop_are_kept_to,
    a_smaller_input_fails_in_the_same_way,
    few_files_reach_what_all_reach,
)


class EngineLaws:
    """Inherit and give `engine`; pytest collects the laws of it and of the sessions it starts."""

    def engine(self) -> Engine:
        raise NotImplementedError("give the engine to check")

    def test_it_keeps_the_laws_of_engines(self, tmp_path: Path) -> None:
        for law in ENGINE_LAWS:
            law(self.engine(), tmp_path)

    def test_its_sessions_keep_theirs(self, tmp_path: Path) -> None:
        with prepared(self.engine(), tmp_path) as session:
            for law in SESSION_LAWS:
                law(session, tmp_path)


def _alone(session: Session, payload: bytes) -> Outcome:
    (outcome,) = session.reproduce(payload, times=1)
    return outcome


def _files(folder: Path, *payloads: bytes) -> list[Path]:
    folder.mkdir()
    files = [folder / f"{number:02}" for number in range(len(payloads))]
    for path, payload in zip(files, payloads, strict=True):
        path.write_bytes(payload)
    return files


def _corpus(folder: Path, *payloads: bytes) -> Path:
    _files(folder, *payloads)
    return folder


def _fuzzed(
    session: Session, corpus: Path, *, runs: int = 0, until: int = 0, known: Sequence[str] = (), stop: bool = False
) -> tuple[list[tuple[bytes, Outcome]], FuzzProgress]:
    found: list[tuple[bytes, Outcome]] = []
    progress = session.fuzz(
        corpus, seconds=SECONDS, runs=runs, known=known, on_progress=lambda _: None,
        on_failure=lambda payload, outcome: found.append((payload, outcome)),
        stop=lambda: stop or (bool(until) and len(found) >= until),
    )  # fmt: skip
    return found, progress
