"""The process that shares nothing with the campaign: it confirms and shrinks findings from their stored files.

It also takes a batch apart that killed a worker. One JSON line a request on descriptor 3, one a reply on descriptor 4.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.fingerprint import ISOLATED
from mlfuzz.storage.lock import die_with_parent

REQUESTS, REPLIES = 3, 4
MAX_GUILTY = 2
"""Rows of one dead batch that are made findings: each costs a search."""

ISOLATED_SECONDS = 2.0
"""What a single input may take, where its finding does not say."""


class TriageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """op: "confirm", "shrink", "autopsy", "replay". path: a finding's directory, or the campaign's for an autopsy.

    target: "module:attribute". seconds: for a shrink in all, for an autopsy of each run; given: the user has said so.
    """

    op: Literal["settle", "shrink", "trim", "autopsy", "replay"]
    path: str
    target: str
    directory: str = "."
    device: str = "cpu"
    seconds: float = 2.0
    given: bool = False
    times: int = 3
    life: str = ""
    how: str = ""
    plugins: list[str] = []
    validity: list[str] = []
    require_valid: bool = False


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """error: what went wrong, "" where nothing did. ids: findings saved or changed. value: what else was asked."""

    error: str = ""
    kind: str = ""
    ids: list[str] = []
    value: dict[str, Any] = {}


@dataclass(slots=True)
class Probe:
    """Targets stay loaded between requests."""

    targets: dict[tuple[str, str], Any] = field(default_factory=dict)
    validity: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def answer(self, request: TriageRequest) -> Reply:
        """Serve one request; errors become replies."""
        try:
            target = self._target(request)
            if request.op == "autopsy":
                return self._autopsy(target, request)
            return self._finding(target, request)
        except MlfuzzError as error:
            return Reply(error=str(error), kind=type(error).__name__)
        except Exception as error:  # noqa: BLE001  one finding that cannot be looked at must not end the probe
            return Reply(error=f"{type(error).__name__}: {error}", kind=type(error).__name__)

    def _target(self, request: TriageRequest) -> Any:
        from mlfuzz.registry import import_plugins
        from mlfuzz.targets.load import load

        key = (request.target, request.device)
        if key not in self.targets:
            import_plugins(request.plugins, Path(request.directory))
            self.targets[key] = load(request.target, directory=Path(request.directory).resolve(), device=request.device)
        return self.targets[key]

    def _finding(self, target: Any, request: TriageRequest) -> Reply:
        from mlfuzz.campaign.minimize.pipeline import confirm_and_shrink, shrink_finding, trim_finding
        from mlfuzz.findings.store import FindingStore, read

        finding, files = read(Path(request.path))
        if finding.kind in ISOLATED:
            return self._isolated(target, request, finding, files)
        if request.op == "replay":
            return Reply(ids=[finding.id], value=_replayed(target, finding, files, request.times))
        store = FindingStore(Path(request.path).parent)
        if request.op == "settle":
            until = time.monotonic() + request.seconds
            changed = confirm_and_shrink(
                target, store, finding, alone_in="fresh process", until=until,
                checked=partial(self._validity, target, request, store),
            )  # fmt: skip
        elif request.op == "trim":
            changed = self._validity(
                target, request, store, trim_finding(target, store, finding, seconds=request.seconds)
            )
        else:
            shrunk = shrink_finding(target, store, finding, seconds=request.seconds)
            changed = self._validity(target, request, store, shrunk)
        return Reply(ids=[changed.id], value={"verdict": changed.verdict, "shrunk": changed.shrunk})

    def _validity(self, target: Any, request: TriageRequest, store: Any, finding: Any) -> Any:
        """The finding with what is said of its label; after a shrink the models that voted before vote again."""
        from mlfuzz.campaign.minimize.label_check import keep_label, load_validity, voters

        names = tuple(request.validity or voters(finding))
        if names not in self.validity:
            self.validity[names] = load_validity(
                names, target=target, directory=Path(request.directory).resolve(), device=request.device,
                require=request.require_valid,
            )  # fmt: skip
        return keep_label(self.validity[names], store, finding)

    def _isolated(self, target: Any, request: TriageRequest, finding: Any, files: dict[str, bytes]) -> Reply:
        """Run the input alone in forked children: it counts where each ends as the finding says."""
        from mlfuzz.batch import from_payloads
        from mlfuzz.campaign.confirm.severity import severity_of
        from mlfuzz.campaign.isolation.call_deadline import START_SECONDS
        from mlfuzz.campaign.isolation.forked import LIMIT_GIVEN, run_forked, warm_up
        from mlfuzz.findings.fingerprint import fault_of
        from mlfuzz.findings.store import FindingStore
        from mlfuzz.modality.base import rebuild

        modality = rebuild(finding.modality)
        payload = modality.decode(files[finding.input.file], suffix=modality.suffix)

        def alone() -> bytes:
            target.run(from_payloads([payload], target.modality, target.device))
            return b"answered"

        limit = float(finding.evidence.get("limit_s", ISOLATED_SECONDS))
        seed = None if finding.seed is None else modality.decode(files[finding.seed.file], suffix=modality.suffix)
        known = None if seed is None else from_payloads([seed], target.modality, target.device)
        if known is None or not warm_up(target, known):  # each child's call is its first
            limit, known = max(limit, START_SECONDS), None
        warm = None if known is None or finding.evidence.get(LIMIT_GIVEN) else partial(target.run, known)
        ends = [run_forked(alone, limit, warm=warm) for _ in range(request.times)]
        same = sum(
            end.how != "ok" and end.crash.kind == finding.kind and end.crash.type == finding.observed for end in ends
        )
        names = [end.name or "answered" for end in ends]
        if request.op == "replay":
            return Reply(ids=[finding.id], value={
                "failed": same, "times": request.times, "answered": sum(end.how == "ok" for end in ends), "ends": names,
                "after": {"label": names[-1]},
            })  # fmt: skip
        verdict = "confirmed" if same == request.times else "flaky"
        confirmed = msgspec.structs.replace(
            finding,
            verdict=verdict,
            confirmed=f"{same}/{request.times}",
            evidence={**finding.evidence, "confirmed_in": "fresh process", "ends": names},
        )
        confirmed = msgspec.structs.replace(
            confirmed, fault=fault_of(confirmed, ""), severity=severity_of(confirmed, payload, seed)
        )
        FindingStore(Path(request.path).parent).update(confirmed)
        return Reply(ids=[confirmed.id], value={"verdict": verdict, "shrunk": False})

    def _autopsy(self, target: Any, request: TriageRequest) -> Reply:
        from mlfuzz.campaign.supervisor.crash_isolation import Autopsy

        autopsy = Autopsy(
            target, Path(request.path), request.life, request.target, request.seconds, given=request.given
        )
        found = autopsy.guilty(1 if request.how.startswith("no answer") else MAX_GUILTY)
        return Reply(
            ids=autopsy.save(found),
            value={
                "rebuilt": autopsy.batch is not None,
                "rows": [row for row, _ in found],
                "ends": [end.name for _, end in found],
                "seed": autopsy.guilty_seed(found),
                "parents": autopsy.parents(found),
            },
        )


def serve() -> int:
    """Answer requests until the other end closes."""
    import torch

    torch.set_num_threads(1)
    probe = Probe()
    with os.fdopen(REQUESTS, "rb") as requests, os.fdopen(REPLIES, "wb", buffering=0) as replies:
        for line in requests:
            reply = probe.answer(msgspec.json.decode(line, type=TriageRequest))
            replies.write(_encoded(reply) + b"\n")
    return 0


def _encoded(reply: Reply) -> bytes:
    try:
        return msgspec.json.encode(reply)
    except UnicodeEncodeError:  # a target's answer may hold half a surrogate pair
        from mlfuzz.findings.finding import printable

        return msgspec.json.encode(printable(msgspec.to_builtins(reply)))


def main(arguments: Sequence[str]) -> int:
    die_with_parent(int(arguments[0]))
    tune_malloc()
    return serve()


def _replayed(target: Any, finding: Any, files: dict[str, bytes], times: int) -> dict[str, Any]:
    from mlfuzz.campaign.confirm.replay import retry

    return retry(target, finding, files, times)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
