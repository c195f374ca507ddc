"""A finding against versions of a package, each installed into a folder of its own that is thrown away."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.native.build import build_project, built_lane
from mlfuzz.codefuzz.native.run_step import OnLine
from mlfuzz.codefuzz.native.sources import is_folder, released, version_of, versions_of
from mlfuzz.codefuzz.native.variants import LANES
from mlfuzz.codefuzz.triage.finding_builder import same_key
from mlfuzz.codefuzz.triage.replay import text_of
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.errors import ReplayError, TargetError, TargetLoadError, UsageError
from mlfuzz.findings.finding import Finding
from mlfuzz.storage.scratch import scratch_folder

INSTALL_SECONDS = 600.0

SITE = "site"
"""Where a version that is built from sources is put, beside them."""

Verdict = Literal["fails", "fails otherwise", "holds", "flaky", "not installed", "does not import"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a finding with one version. said: in words; seconds: to install."""

    version: str
    verdict: Verdict
    said: str
    seconds: float = 0.0


def parse(package: str, text: str, *, offered: Callable[[str], list[str]]) -> list[str]:
    """Versions out of "9.3.0,10.0.0" or "9.3..11": a range is of those that `offered` names, oldest first.

    package: what pip calls it, or a folder. Raises UsageError.
    """
    if not is_folder(package) and not _NAME.fullmatch(package):
        raise UsageError(f"{package!a} is no name of a package")
    versions: list[str] = []
    for part in (one.strip() for one in text.split(",")):
        low, dots, high = part.partition("..")
        if not dots:
            versions.append(part)
            continue
        among = sorted(offered(package), key=_order)
        inside = [one for one in among if (not low or _order(one) >= _order(low)) and (not high or _upto(one, high))]
        if not inside:
            raise UsageError(f"{package} has no version in {part}; there are: {', '.join(among[-12:]) or 'none'}")
        versions += inside
    for one in versions:
        if not _VERSION.fullmatch(one):
            raise UsageError(f"{one!a} is no version; write --versions 9.3.0,10.0.0 or 9.3..11")
    return list(dict.fromkeys(versions))


def offered(package: str) -> list[str]:
    """Versions of a package that pip could install here; of a folder, its folders or its tags. Raises ReplayError."""
    if is_folder(package):
        try:
            return versions_of(package)
        except TargetError as error:
            raise ReplayError(str(error)) from error
    done = _pip("index", "versions", package)
    match = re.search(r"Available versions:\s*(.+)", done.stdout)
    if done.returncode or not match:
        raise ReplayError(f"pip does not name versions of {package}: {_last(done)}")
    return [one.strip() for one in match[1].split(",")]


def bisect(
    harness: Harness, payload: bytes, finding: Finding, package: str, versions: Sequence[str], *, times: int = 3,
    install: Callable[[str, str, Path], str] | None = None, on_line: OnLine = lambda _: None,
) -> Iterator[Tried]:  # fmt: skip
    """Run an input with each version in turn. install: puts a package into a folder; why it could not, or "".

    What a sanitizer's lane has found is tried with each version built so from its sources; so are a folder's versions.
    on_line: is given what such a build prints.
    """
    lane = str(finding.evidence.get("lane", "plain"))
    sanitizer = lane if lane in LANES and install is None else ""
    built = install is None and (bool(sanitizer) or is_folder(package))
    put = install or (_builder(sanitizer, on_line) if built else install_into)
    for version in versions:
        with scratch_folder("mlfuzz-version-") as folder:
            began = time.monotonic()
            problem = put(package, version, folder)
            spent = time.monotonic() - began
            if problem:
                yield Tried(version=version, verdict="not installed", said=problem, seconds=spent)
            else:
                ready = built_lane(sanitizer, [folder / SITE if built else folder])
                yield _tried(harness, payload, finding, version, ready, times, spent)


def turning_points(tried: Sequence[Tried]) -> list[str]:
    """ "fails up to 9.1.0, holds from 9.2.0", for each change between versions that could be judged."""
    judged = [one for one in tried if one.verdict in ("fails", "fails otherwise", "holds")]
    changes = []
    for before, after in pairwise(judged):
        if (before.verdict == "holds") != (after.verdict == "holds"):
            changes.append(f"{before.verdict} with {before.version}, {after.verdict} with {after.version}")
    return changes


def install_into(package: str, version: str, folder: Path) -> str:
    """pip install --target: quicker than an environment, and the rest of this one stays. Why it failed, or ""."""
    try:
        done = _pip(
            "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--target", str(folder),
            f"{package}=={version}",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"pip took longer than {INSTALL_SECONDS:.0f} s"
    return _last(done) if done.returncode else ""


def _builder(sanitizer: str, on_line: OnLine) -> Callable[[str, str, Path], str]:
    """Builds a version from its sources into a folder."""

    def put(package: str, version: str, folder: Path) -> str:
        try:
            if is_folder(package):
                source = version_of(package, version, folder / "source")
            else:
                source = released(f"{package}=={version}", folder / "source", on_line)
            build_project(source, package, sanitizer, folder / SITE, on_line)
        except TargetError as error:
            return str(error)
        return ""

    return put


def _tried(
    harness: Harness, payload: bytes, finding: Finding, version: str, lane: Lane, times: int, spent: float
) -> Tried:
    try:
        with replay_session(harness, lane=lane) as session:
            outcomes = session.reproduce(payload, times=times, kind=finding.kind)
    except TargetLoadError as error:
        return Tried(version=version, verdict="does not import", said=str(error), seconds=spent)
    return Tried(version=version, verdict=_verdict(outcomes, finding), said=text_of(outcomes), seconds=spent)


def _verdict(outcomes: Sequence[Outcome], finding: Finding) -> Verdict:
    failing = [one for one in outcomes if one.failed]
    if not failing:
        return "holds"
    if len(failing) < len(outcomes):
        return "flaky"
    return "fails" if any(same_key(finding, one) for one in failing) else "fails otherwise"


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "pip", *arguments], capture_output=True, text=True, timeout=INSTALL_SECONDS,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip said nothing"])[-1][:300]


def _order(version: str) -> tuple[tuple[int, str], ...]:
    """Numbers by size; what is not a number ("rc1") before any number."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.\-+_]", version))


def _upto(version: str, high: str) -> bool:
    """ "11" takes 11.3.0 too."""
    return _order(version)[: len(_order(high))] <= _order(high)
