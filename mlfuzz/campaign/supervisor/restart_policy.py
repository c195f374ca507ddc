"""What a supervisor does about a dead worker: find out what killed it, keep that, and decide how to go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.processes import POLL_SECONDS, ProbeProcess, WorkerProcess
from mlfuzz.campaign.supervisor.triage_worker import Reply, TriageRequest
from mlfuzz.errors import SchemaError, StorageError, TargetError, WorkerLostError
from mlfuzz.events import Event, Warned, WorkerDied
from mlfuzz.storage.derived import read_derived
from mlfuzz.storage.durable import remove, write_atomic
from mlfuzz.storage.workdir import Workdir

MAX_DEATHS = 20

GUARD_DEATHS = 2
"""After so many, or one before the first batch, each batch is tried in a child first: slower, but without restarts."""

PART_SECONDS = 1.0
"""What a row of the dead batch may take at least; more where the probe measures that its target is slower."""

KILLED = "SIGKILL"
"""No doing of the target: somebody has sent it, or the system has run out of memory. Once that says nothing."""

DEATHS_A_PARENT = 3
"""An entry whose children have killed the worker so often is not mutated again."""


class Death(msgspec.Struct, frozen=True):
    """Of a worker. how: "SIGSEGV", "no answer for 5.0 s"."""

    life: str
    how: str


class RestartPolicy:
    """Deaths of one campaign's workers. guarded: whether the next worker tries each batch in a child first.

    ways: of what they died in this run.
    unexplained: deaths that there was no time to look into, of earlier runs too.
    """

    def __init__(
        self, spec: WorkerSpec, workdir: Workdir, probe: ProbeProcess, tell: Callable[[Event], None],
        given_up: Callable[[], bool],
    ) -> None:  # fmt: skip
        """given_up: whether there is no time to look into anything any longer, or somebody has asked for the end."""
        self._spec, self._workdir, self._probe, self._tell = spec, workdir, probe, tell
        self._given_up = given_up
        self._of_parent: dict[tuple[Any, ...], int] = {}
        self._killed = False
        self.deaths = 0
        self.ways: list[str] = []
        self.unexplained = read_derived(workdir.unexplained, _deaths, lambda text: tell(Warned(text))) or []
        self.guarded = bool(self.unexplained)  # what it died of is still in its way

    def investigate(self, how: str, worker: WorkerProcess) -> None:
        """A worker died of `how`; the probe must be idle. Afterwards another one may be started.

        Raises TargetError where the target cannot be fuzzed as it stands, WorkerLostError after too many deaths.
        """
        self.deaths += 1
        self.ways.append(how)
        pulse = worker.pulse()
        self._tell(WorkerDied(how, self.deaths, pulse.phase if pulse else "start"))
        if pulse is None or pulse.phase in ("start", "load"):
            if how == KILLED and not self._killed:
                self._killed = True
                self._tell(Warned("the worker was killed from outside while it loaded the target: it is started again"))
                return
            raise TargetError(f"the worker died of {how} while loading {self._spec.target}; {worker.log_hint()}")
        if not pulse.calls and how.startswith("no answer"):
            raise TargetError(
                f"target {self._spec.target} gave {how} to the first input of all; one that needs longer to start:"
                f" --input-timeout {2 * pulse.limit:.0f}s; {worker.log_hint()}"
            )
        death = Death(worker.life(), how)
        reply = self._autopsy(death)
        if reply is None and self._given_up():
            self.postpone(death)
            return
        if not self._explained(death, reply) and pulse.phase == "calibrate" and self.guarded:
            raise TargetError(f"the worker died of {how} before the first batch; {worker.log_hint()}")
        self.guarded = not worker.began() or self.deaths >= GUARD_DEATHS
        if self.deaths >= MAX_DEATHS:
            raise WorkerLostError(
                f"the worker has died {self.deaths} times (last of {how}); what was found is kept in"
                f" {self._workdir.findings}; {worker.log_hint()}"
            )

    def postpone(self, death: Death) -> None:
        """Leave it to the next run to find out what a worker died of."""
        self._tell(Warned(
            f"a worker died of {death.how}; there was no time to look for the input: the next run on this campaign does"
        ))  # fmt: skip
        self.unexplained.append(death)
        self._note()

    def take_up(self) -> None:
        """Look into the deaths that are left from an earlier run, as far as there is time; the probe must be idle."""
        while self.unexplained and not self._given_up():
            reply = self._autopsy(self.unexplained[0])
            if reply is None and self._given_up():
                return
            self._explained(self.unexplained.pop(0), reply)
            self._note()

    def _explained(self, death: Death, reply: Reply | None) -> bool:
        """Whether an input was found that does it, and is kept. Raises TargetError where that is a seed."""
        if reply is not None and reply.value.get("seed"):
            raise TargetError(
                f"target {self._spec.target} ends the process on the unmutated seed {reply.value['seed']!r}"
                f" ({', '.join(reply.value['ends'])}); remove that seed or mend the target"
            )
        if reply is not None and reply.ids:
            self._ban(reply.value.get("parents", []))
            return True
        reason = reply.error if reply is not None and reply.error else "the same batch did not do it again"
        self._tell(Warned(f"the worker died of {death.how}, and {reason}: nothing to keep"))
        return False

    def _note(self) -> None:
        try:
            if self.unexplained:
                write_atomic(self._workdir.unexplained, msgspec.json.encode(self.unexplained))
            else:
                remove(self._workdir.unexplained)
        except StorageError as error:
            self._tell(Warned(f"what is left to look into is not noted for the next run: {error}"))

    def _autopsy(self, death: Death) -> Reply | None:
        spec = self._spec
        self._probe.ask(TriageRequest(
            op="autopsy", path=str(self._workdir.root), target=spec.target, directory=spec.directory,
            device=spec.device, life=death.life, how=death.how, seconds=spec.deadline or PART_SECONDS,
            given=bool(spec.deadline),
            plugins=spec.plugins,
        ))  # fmt: skip
        while self._probe.alive and not self._given_up():
            reply = self._probe.reply()
            if reply is not None:
                return reply
            time.sleep(POLL_SECONDS)
        self._probe.kill()  # whoever asks it next must not get this answer
        return None

    def _ban(self, parents: list[list[Any]]) -> None:
        for parent in parents:
            identity = tuple(parent)
            self._of_parent[identity] = self._of_parent.get(identity, 0) + 1
        banned = [list(identity) for identity, count in self._of_parent.items() if count >= DEATHS_A_PARENT]
        write_atomic(self._workdir.banned, msgspec.json.encode(banned))


def _deaths(data: bytes, origin: str) -> list[Death]:
    try:
        return msgspec.json.decode(data, type=list[Death])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"{origin}: {error}") from error
