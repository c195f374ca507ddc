"""What a supervisor does about a dead worker: find out what killed it, keep that, and decide how to go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.processes import POLL_SECONDS, ProbeProcess, WorkerProcess
from mlfuzz.campaign.supervisor.triage_worker import Reply, TriageRequest
from mlfuzz.errors import TargetError, WorkerLostError
from mlfuzz.events import Event, Warned, WorkerDied
from mlfuzz.storage.durable import write_atomic
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


class RestartPolicy:
    """Deaths of one campaign's workers. guarded: whether the next worker tries each batch in a child first."""

    def __init__(
        self, spec: WorkerSpec, workdir: Workdir, probe: ProbeProcess, tell: Callable[[Event], None],
        given_up: Callable[[], bool],
    ) -> None:  # fmt: skip
        """given_up: whether somebody has asked for the end, so that nothing is looked into any longer."""
        self._spec, self._workdir, self._probe, self._tell = spec, workdir, probe, tell
        self._given_up = given_up
        self._of_parent: dict[tuple[Any, ...], int] = {}
        self._killed = False
        self.deaths = 0
        self.guarded = False

    def investigate(self, how: str, worker: WorkerProcess) -> None:
        """A worker died of `how`; the probe must be idle. Afterwards another one may be started.

        Raises TargetError where the target cannot be fuzzed as it stands, WorkerLostError after too many deaths.
        """
        self.deaths += 1
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
        reply = self._autopsy(how, worker.life())
        if reply is None and self._given_up():
            self._tell(Warned(f"the worker died of {how}; it is not known of which input, as the end was asked for"))
            return
        if reply is not None and reply.value.get("seed"):
            raise TargetError(
                f"target {self._spec.target} ends the process on the unmutated seed {reply.value['seed']!r}"
                f" ({', '.join(reply.value['ends'])}); remove that seed or mend the target"
            )
        if reply is not None and reply.ids:
            self._ban(reply.value.get("parents", []))
        else:
            reason = reply.error if reply is not None and reply.error else "the same batch did not do it again"
            self._tell(Warned(f"the worker died of {how}, and {reason}: nothing to keep"))
            if pulse.phase == "calibrate" and self.guarded:
                raise TargetError(f"the worker died of {how} before the first batch; {worker.log_hint()}")
        self.guarded = not worker.began() or self.deaths >= GUARD_DEATHS
        if self.deaths >= MAX_DEATHS:
            raise WorkerLostError(
                f"the worker has died {self.deaths} times (last of {how}); what was found is kept in"
                f" {self._workdir.findings}; {worker.log_hint()}"
            )

    def _autopsy(self, how: str, life: str) -> Reply | None:
        spec = self._spec
        self._probe.ask(TriageRequest(
            op="autopsy", path=str(self._workdir.root), target=spec.target, directory=spec.directory,
            device=spec.device, life=life, how=how, seconds=spec.deadline or PART_SECONDS,
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
