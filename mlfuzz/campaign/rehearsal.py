"""A campaign in small, before one is begun: a check says "ready" only where this has gone through.

The same setup, batch size, padding and oracles as a campaign's, on the same seeds; and one failure that is planted, to
be confirmed from its files by the process that confirms a campaign's.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from mlfuzz.budget import Budget
from mlfuzz.campaign.confirm.confirm import TIMES, confirm
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.processes import ProbeProcess
from mlfuzz.campaign.supervisor.triage_worker import Reply, TriageRequest
from mlfuzz.campaign.timetable import Timetable
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.corpus.seeds import Seed
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.findings.store import FindingStore
from mlfuzz.oracles.base import Oracle
from mlfuzz.progress import OperatorStats
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets.check import CheckLine

BATCHES = 2
"""One that begins with the seeds, and one that may begin with what the first has kept."""

SECONDS = 10.0
"""Beyond loading: of a slow target less is measured and run, as a campaign of that time would."""

PAIRS = 6
"""Of seeds whose answers are far apart: so many are tried before it is said that nothing could be planted."""

PROBE_SECONDS = 120.0

SAME = 1e-2
"""Of a margin: so near are those of two processes of one machine, which differ by a few bits at most."""

STRICT_SHARE = 0.5
"""Of the mutants, above which it is the oracle that should be looked at first: few models are that weak."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A seed offered as a mutant of another, which fails here when it is run alone: by `margin`."""

    finding: Finding
    files: dict[str, bytes]
    seeds: tuple[str, str]
    margin: float = 0.0


class Rehearsal:
    """Of one target; a context manager that ends its probe. scratch: an empty folder of the caller's.

    The probe starts at once, so that it imports while the caller is busy with other lines of the check.
    """

    def __init__(self, spec: WorkerSpec, scratch: Path, directory: Path) -> None:
        self.spec, self.scratch, self.directory = spec, scratch, directory
        self._probe = ProbeProcess(Workdir.create(scratch / "probe"), folder=directory)

    def __enter__(self) -> Rehearsal:
        self._probe.warm()
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.kill()

    def lines(self, target: Any, seeds: Path, usable: Sequence[Seed]) -> Iterator[CheckLine]:
        """What came of it. seeds: where they lie; usable: those read from there, of one shape."""
        spec = msgspec.structs.replace(self.spec, seeds=str(seeds.resolve()))
        now = time.monotonic()
        timetable = Timetable(began=now, seconds=SECONDS, ready=now)
        try:
            with Campaign.open(self.scratch / "campaign", target, spec=spec, timetable=timetable) as campaign:
                parts = campaign.loop.parts
                inputs = BATCHES * parts.batch
                result = campaign.run(Budget(inputs=inputs, seconds=SECONDS), triage_here=False)
                yield _ran(result.stats.inputs, parts.batch, parts.oracles, parts.floors)
                yield from _strict(result.stats.operators.values())
                planted = self._planted(target, usable, parts.oracles, parts.floors)
        except MlfuzzError as error:
            yield CheckLine("fail", f"a campaign cannot run: {error}")
            return
        if planted is None:
            yield CheckLine(
                "warn", "no failure could be planted: seeds get answers that no oracle tells apart; what is found later"
                " is confirmed all the same"
            )  # fmt: skip
            return
        yield self._confirmed(planted)

    def _planted(
        self, target: Any, usable: Sequence[Seed], oracles: Sequence[Oracle], floors: Sequence[float]
    ) -> Planted | None:
        """The first pair of seeds of which the second does not keep the first's answer, by the oracle's own word."""
        for oracle, floor in zip(oracles, floors, strict=True):
            if getattr(oracle, "measured", False):
                continue
            for other in (*usable[1 : 1 + PAIRS], *usable[1 + PAIRS :][-PAIRS:]):
                planted = self._offered(target, usable[0], other, oracle, floor)
                payload, seed = other.payload, usable[0].payload
                here = confirm(target, planted.finding, payload, seed, times=1, any_key=True)
                if here.confirmed and here.margin is not None:
                    return replace(planted, margin=here.margin)
        return None

    def _offered(self, target: Any, seed: Seed, other: Seed, oracle: Oracle, floor: float) -> Planted:
        modality = target.modality
        files = {
            f"input{modality.suffix}": modality.encode(other.payload),
            f"seed{modality.suffix}": modality.encode(seed.payload),
        }
        references = [FileRef(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()]
        finding = Finding(
            id=identify(next(iter(files.values())), target.name, oracle.name), side="model", kind=oracle.name,
            target=target.name, load=self.spec.target, modality={"name": modality.name, **modality.describe()},
            oracle={"name": oracle.name, **oracle.describe()}, input=references[0], seed=references[1],
            seed_name=seed.name, label=seed.label, floor=floor, unit=oracle.unit,
            sentence=f"{other.name} in place of {seed.name}",
        )  # fmt: skip
        return Planted(finding, files, (seed.name, other.name))

    def _confirmed(self, planted: Planted) -> CheckLine:
        store = FindingStore(self.scratch / "planted")
        store.save(planted.finding, planted.files)
        reply = self._probe.consult(
            TriageRequest(
                op="replay", path=str(store.folder(planted.finding.id).resolve()), target=self.spec.target,
                directory=str(self.directory.resolve()), times=TIMES, plugins=self.spec.plugins,
            ),
            PROBE_SECONDS,
        )  # fmt: skip
        what = f"a planted failure ({planted.seeds[1]} offered as a mutant of {planted.seeds[0]})"
        if problem := _problem(reply):
            return CheckLine(
                "fail", f"{what} cannot be run in a fresh process, where findings are confirmed: {problem}"
            )
        assert isinstance(reply, Reply)
        failed, times = reply.value["failed"], reply.value["times"]
        there = reply.value["margin"]
        near = there is not None and abs(there - planted.margin) <= max(
            planted.finding.floor or 0.0, SAME * abs(planted.margin)
        )
        if failed == times and near:
            return CheckLine("ok", f"{what} is confirmed alone in a fresh process, {failed} of {times}, by "
                                   f"{planted.finding.kind}")  # fmt: skip
        return CheckLine(
            "fail", f"{what} fails by {planted.margin:.4g} here, and in a fresh process {failed} of {times} times"
            f" (margin {'none' if there is None else format(there, '.4g')}): the target is another each time it is"
            " made, so nothing that is found can be confirmed; load weights from a file, and draw nothing at random"
            " where it is made"
        )  # fmt: skip


def _ran(inputs: int, batch: int, oracles: Sequence[Oracle], floors: Sequence[float]) -> CheckLine:
    judged = [
        f"{oracle.name} (noise floor {floor:.2g} {oracle.unit})" if floor > 0 else oracle.name
        for oracle, floor in zip(oracles, floors, strict=True)
    ]
    return CheckLine("ok", f"a campaign runs: {inputs} mutants in batches of {batch}, judged by {', '.join(judged)}")


def _strict(operators: Iterable[OperatorStats]) -> Iterator[CheckLine]:
    counts = [(one.rows, one.failures) for one in operators]
    rows, failures = sum(count for count, _ in counts), sum(count for _, count in counts)
    if failures > STRICT_SHARE * rows:
        yield CheckLine(
            "warn", f"{failures / rows:.0%} of the mutants fail: either the target is that weak, or what judges it is"
            " too strict; look at some with mlfuzz findings show before a long campaign"
        )  # fmt: skip


def _problem(reply: Reply | str) -> str:
    return reply if isinstance(reply, str) else reply.error
