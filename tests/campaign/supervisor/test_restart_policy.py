"""What a dead worker died of is looked into now, or by the next run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlfuzz.campaign.isolation.flight_recorder import Pulse
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.restart_policy import Death, RestartPolicy
from mlfuzz.campaign.supervisor.triage_worker import Reply
from mlfuzz.events import Event, Warned
from mlfuzz.storage.workdir import Workdir

AT_A_BATCH = Pulse("execute", 1.0, 5.0, 9, 3, 64, 0)


class FakeProbe:
    """Answers each request with the same."""

    alive = True

    def __init__(self, reply: Reply | None) -> None:
        self._reply = reply
        self.asked: list[Any] = []

    def ask(self, request: Any) -> None:
        self.asked.append(request)

    def reply(self) -> Reply | None:
        return self._reply

    def kill(self) -> None:
        pass


def policy(folder: Path, reply: Reply | None, *, no_time: bool) -> tuple[RestartPolicy, FakeProbe, list[Event]]:
    probe, said = FakeProbe(reply), []
    made: Any = RestartPolicy(
        WorkerSpec(target="m:t"),
        Workdir.create(folder),
        probe,
        said.append,
        lambda: no_time,  # type: ignore[arg-type]
    )
    return made, probe, said


def dead(life: str = "w00-0001-00000000") -> Any:
    return SimpleNamespace(pulse=lambda: AT_A_BATCH, life=lambda: life, began=lambda: True, log_hint=lambda: "")


def test_a_death_without_time_is_kept_said_and_taken_up_by_the_next_run(tmp_path: Path) -> None:
    first, _, said = policy(tmp_path / "c", None, no_time=True)
    first.investigate("SIGSEGV", dead())
    assert first.unexplained == [Death("w00-0001-00000000", "SIGSEGV")]
    assert any(isinstance(event, Warned) and "the next run" in event.text for event in said)
    second, probe, _ = policy(tmp_path / "c", Reply(ids=["f" * 16], value={"parents": []}), no_time=False)
    assert second.unexplained == first.unexplained
    assert second.guarded
    second.take_up()
    assert [request.life for request in probe.asked] == ["w00-0001-00000000"]
    assert second.unexplained == []
    assert not policy(tmp_path / "c", None, no_time=False)[0].unexplained


def test_a_damaged_note_of_deaths_is_said_and_stops_nothing(tmp_path: Path) -> None:
    workdir = Workdir.create(tmp_path / "c")
    workdir.unexplained.write_bytes(b'[{"life"')
    made, _, said = policy(tmp_path / "c", None, no_time=False)
    assert made.unexplained == []
    assert any(isinstance(event, Warned) and "unexplained.json" in event.text for event in said)


def test_a_death_with_time_is_explained_at_once(tmp_path: Path) -> None:
    made, _, _ = policy(tmp_path / "c", Reply(ids=["f" * 16], value={"parents": [["w", 1]]}), no_time=False)
    made.investigate("SIGSEGV", dead())
    assert (made.deaths, made.unexplained, made.ways) == (1, [], ["SIGSEGV"])
