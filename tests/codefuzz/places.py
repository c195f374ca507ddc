"""What becomes of an input of every_kind.py in each place where mlfuzz runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from codefuzz import every_kind
from codefuzz.every_kind import LEAKS, WAYS, payload

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.failure.outcome import FINE, Outcome
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import FuzzProgress, Options
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, as_recorded, candidate, tried
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.findings.regression import write_regression

HARNESS = Path(every_kind.__file__)
PLACES = ("campaign", "confirm", "replay", "pytest")

LATE_SECONDS = 60.0
"""Of a campaign that finds nothing, or does not go on: far more than it takes on a busy machine."""

GOES_ON = 200
"""Inputs that a campaign must run after what was found."""

HARMLESS_RUNS = 400

NEVER = Outcome(kind="exception", type="NeverSeen", message="never seen", group="never", bucket="never:seen")
"""What a regression of a harmless input records: it must be gone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """kind and type of what was told; wrong: what else went wrong, "" where nothing did."""

    kind: str
    type: str
    wrong: str = ""


def failing(name: str) -> bool:
    return WAYS[name][0][0] not in FINE


class Places:
    """The four places, opened once. folder: of a project, empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "harnesses").mkdir()
        (folder / "mlfuzz.toml").write_text("")
        (folder / "harnesses" / HARNESS.name).write_text(HARNESS.read_text())
        self.harness = discovery.find("every_kind", folder)
        self._campaign = AtherisEngine().prepare(self.harness.declaration, Options(cache="none"))
        self._replay = replay_session(self.harness)

    def close(self) -> None:
        self._campaign.close()
        self._replay.close()

    def answers(self, names: Sequence[str], places: Sequence[str] = PLACES) -> Iterator[tuple[str, str, Answer]]:
        """Name, place, and what was told there, one after another; pytest runs them all at once, at the end."""
        for name in names:
            for place in places:
                if place != "pytest":
                    yield name, place, getattr(self, f"_in_{place}")(name)
        if "pytest" in places:
            for name, answer in self._in_pytest(names).items():
                yield name, "pytest", answer

    def _in_campaign(self, name: str) -> Answer:
        found: list[tuple[bytes, Outcome]] = []
        progress: list[FuzzProgress] = []
        after = 0
        began = time.monotonic()

        def stop() -> bool:
            nonlocal after
            done = progress[-1].executions if progress else 0
            if not failing(name):
                return done >= HARMLESS_RUNS
            after = after or (done if found else 0)
            return bool(found) and done >= after + GOES_ON

        self._campaign._memory = type(self._campaign._memory)()
        with tempfile.TemporaryDirectory() as corpus:
            (Path(corpus) / "one").write_bytes(payload(name) + (b"and more" if name in LEAKS else b""))
            (Path(corpus) / "two").write_bytes(b"harmless")
            last = self._campaign.fuzz(
                Path(corpus), seconds=LATE_SECONDS, on_failure=lambda *one: found.append(one),
                on_progress=progress.append, stop=stop,
            )  # fmt: skip
        seen = {(one.kind, one.type) for _, one in found if one.failed}
        went_on = last.executions >= (after + GOES_ON if failing(name) else HARMLESS_RUNS)
        wrong = "" if went_on else f"it did not go on: {last.executions} inputs in {time.monotonic() - began:.0f} s"
        if len(seen) > 1:
            return Answer("several", "", f"{sorted(seen)}; {wrong}")
        kind, type_name = next(iter(seen), WAYS[name][0] if not failing(name) else ("ok", ""))
        return Answer(kind, type_name, wrong)

    def _in_confirm(self, name: str) -> Answer:
        kind = WAYS[name][0][0]
        asked = kind if kind in ("leak", "hang", "slow") else ""
        outcomes = self._campaign.reproduce(payload(name), times=2, kind=asked)
        if outcomes[0].failed and not tried(outcomes, outcomes[0].bucket, outcomes[0].kind).confirmed:
            return Answer(outcomes[0].kind, outcomes[0].type, f"flaky: {[one.bucket for one in outcomes]}")
        return Answer(outcomes[0].kind, outcomes[0].type)

    def _in_replay(self, name: str) -> Answer:
        kind = WAYS[name][0][0]
        (outcome,) = self._replay.reproduce(
            payload(name), times=1, kind=kind if kind in ("leak", "hang", "slow") else ""
        )
        if outcome.failed:
            first = self._campaign.reproduce(payload(name), times=1, kind=kind if kind == "leak" else "")[0]
            finding, _ = candidate(payload(name), first, CodeOrigin(self.harness))
            if not as_recorded(finding, outcome):
                return Answer(outcome.kind, outcome.type, f"{first.bucket} in the campaign, here {outcome.bucket}")
        return Answer(outcome.kind, outcome.type)

    def _in_pytest(self, names: Sequence[str]) -> dict[str, Answer]:
        regressions = self._folder / "corpus" / "regressions" / "every_kind"
        ids: dict[str, str] = {}
        for name in names:
            finding = self._kept(name)
            write_regression(regressions, *finding)
            ids[finding[0].id] = name
        report = self._folder / "report.xml"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "corpus", f"--junitxml={report}"],
            cwd=self._folder, stdout=subprocess.DEVNULL, check=False, env={**os.environ, "PYTEST_ADDOPTS": ""},
        )  # fmt: skip
        return dict(self._told(report, ids))

    def _kept(self, name: str) -> Any:
        kind = WAYS[name][0][0]
        outcome = NEVER
        if failing(name):
            outcome = self._campaign.reproduce(payload(name), times=1, kind=kind if kind == "leak" else "")[0]
        finding, files = candidate(payload(name), outcome, CodeOrigin(self.harness))
        triage = "open" if failing(name) else "fixed"
        return msgspec.structs.replace(finding, verdict="confirmed", confirmed="3/3", triage=triage), files

    def _told(self, report: Path, ids: dict[str, str]) -> Iterator[tuple[str, Answer]]:
        told: dict[str, str] = {}
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            (number,) = (one.get("value") for one in case.iter("property") if one.get("name") == "mlfuzz_id")
            told[str(number)] = next((str(one.text) for one in case if one.tag in ("failure", "error")), "")
        for number, name in ids.items():
            kind, of_type = WAYS[name][0]
            text = next((words for one, words in told.items() if number.startswith(one)), None)
            if text is None:
                yield name, Answer("nothing", "", "no test of it ran")
            elif not failing(name):
                yield name, Answer("failure", "", text[:400]) if text else Answer(kind, of_type)
            elif (
                any(f"got {quote}{of_type or kind}" in text for quote in "'\"")
                and "otherwise" not in text
                and "recorded as" not in text
            ):
                yield name, Answer(kind, of_type)
            else:
                yield name, Answer("another", "", text[:400] or "it passed")


@contextmanager
def opened(folder: Path) -> Iterator[Places]:
    places = Places(folder)
    try:
        yield places
    finally:
        places.close()


def wrong(name: str, place: str, answer: Answer) -> str:
    """What is not as it should be; "" where it is."""
    expected = WAYS[name][0]
    if (answer.kind, answer.type) != expected:
        return f"{name} in {place}: {answer.kind} {answer.type}, not {' '.join(expected)}; {answer.wrong}"
    return f"{name} in {place}: {answer.wrong}" if answer.wrong else ""
