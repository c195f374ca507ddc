"""Every command that runs a harness in a native lane, for every way its record may have come to lie there."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mlfuzz.cli.main import main
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.native import variants
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore
from mlfuzz.regressions.kept import KeptFinding
from mlfuzz.regressions.runner import RegressionRunner, Settings
from mlfuzz.storage.workdir import Workdir

PROMISE = "libraries and variables of a native build reach a process only where this user made that build there"

DOORS: dict[str, tuple[str, ...]] = {
    "harness run": ("harness", "run", "toy", "--lane", "address", "--time", "1s", "--no-report"),
    "harness run on": ("harness", "run", "--name", "c", "--lane", "address", "--time", "1s", "--no-report"),
    "replay": ("replay", "{record}"),
    "replay a regression": ("replay", "{kept}"),
    "promote": ("findings", "promote", "{record}"),
    "confirm": ("findings", "confirm", "{record}", "--time", "5s"),
    "shrink": ("shrink", "{record}", "--time", "1s"),
    "triage": ("triage", "{record}", "--mark-fixed"),
    "pytest": (),
}
STRANGE = ("copied", "changed", "beside ours", "moved", "linked", "notes in it", "notes beside it")
OURS = ("ours", "ours elsewhere")
WAYS_IN = ("variables", "path")

TOY = """
HARNESS = {"name": "toy", "instrument": []}


def fuzz(data):
    raise KeyError("planted")
"""


def cases() -> list[str]:
    """ "door / what runs by it / how the build came there"."""
    found = [f"{door} / {way} / {origin}" for door in DOORS for way in WAYS_IN for origin in (*STRANGE, *OURS)]
    return [case for case in found if not _pointless(case)]


def is_quick(case: str) -> bool:
    """Whether no harness is run for it."""
    return case.endswith(STRANGE)


def _pointless(case: str) -> bool:
    """Builds are looked for beside the campaigns, and only `harness run` is told of a folder elsewhere."""
    door, _, origin = case.split(" / ")
    return origin in ("ours elsewhere", "notes beside it") and door != "harness run"


def broken(case: str, folder: Path) -> str:
    """See PROMISE. A refusal names the record, and ends with what to type."""
    door, way, origin = case.split(" / ")
    root, there = folder / "here", folder / "elsewhere"
    with _state(folder / "state"):
        finding, kept = _project(root)
        natives = (there if origin in ("ours elsewhere", "notes beside it") else root / ".mlfuzz") / "native"
        root = _built(root, natives, way, origin, folder)
        line = [*(part.replace("{record}", f".mlfuzz/c/findings/{finding.id}") for part in DOORS[door])]
        line = [part.replace("{kept}", str(root / kept)) for part in line]
        if natives.parent == there:
            line += ["--dir", str(there)]
        code, said = _ran(line, root) if line else _tested(root, root / kept)
    ran = (folder / "canary").exists()
    if "Traceback (most" in said or "fault of mlfuzz" in said:
        return f"a traceback: {said[-500:]}"
    if origin in OURS:
        return "" if ran else f"did not run what is ours ({code}): {said[-500:]}"
    if ran:
        return f"ran it: {said[-500:]}"
    if code not in (2, 3) or "lane.json" not in said:
        return f"exit code {code}, does not say what it refuses: {said[-500:]}"
    return "" if "mlfuzz harness build-native pillow --sanitizer address" in said else f"no line: {said[-500:]}"


def _project(root: Path) -> tuple[Finding, Path]:
    """A user's own project, with a finding of the sanitizer's lane in a campaign and among the regressions."""
    (root / "harnesses").mkdir(parents=True)
    (root / "mlfuzz.toml").write_text("")
    (root / "harnesses/toy.py").write_text(TOY)
    harness = discovery.find("toy", root)
    finding, files = _found(harness.path, root)
    workdir = Workdir.create(root / ".mlfuzz/c")
    FindingStore(workdir.findings).save(finding, files)
    record = {"side": "code", "harnesses": [{"name": "toy", "load": harness.load}]}
    workdir.spec.write_text(json.dumps(record))
    path = write_regression(root / "corpus/regressions", msgspec.structs.replace(finding, verdict="confirmed"), files)
    return finding, path.relative_to(root)


_OUTCOMES: list[object] = []


def _found(path: Path, root: Path) -> tuple[Finding, dict[str, bytes]]:
    harness = discovery.find("toy", root)
    if not _OUTCOMES:
        with replay_session(harness) as run:
            _OUTCOMES.extend(run.reproduce(b"a", times=1))
    finding, files = candidate(b"a", _OUTCOMES[0], CodeOrigin(harness, lane="address", sandbox=()))  # type: ignore[arg-type]
    return finding, files


def _built(root: Path, natives: Path, way: str, origin: str, folder: Path) -> Path:
    """A build whose harness process leaves a canary; where the project is then."""
    strange = folder / "strange"
    strange.mkdir()
    touched = f"import pathlib\npathlib.Path({str(folder / 'canary')!r}).touch()\n"
    (strange / ("sitecustomize.py" if way == "variables" else "colorsys.py")).write_text(touched)
    if way == "path":
        (root / "harnesses/toy.py").write_text("import colorsys\n" + TOY)
    variables = {"PYTHONPATH": str(strange)} if way == "variables" else {}
    lane = Lane(name="address", path=(str(strange),) if way == "path" else (), variables=variables)
    plain, place = Lane(name="address"), natives / "pillow-address"
    variants.keep(lane, place)
    if origin in ("ours", "ours elsewhere", "moved"):
        variants.note(lane, place, root)
    if origin == "changed":
        variants.note(plain, place, root)
    if origin == "beside ours":
        variants.keep(plain, natives / "aaa-address")
        variants.note(plain, natives / "aaa-address", root)
    if origin == "linked":
        variants.note(lane, place, root)
        shutil.move(place, root / "kept")
        place.symlink_to(root / "kept")
    if origin in ("notes in it", "notes beside it"):
        variants.note(lane, place, root)
        inside = (root if origin == "notes in it" else natives.parent) / "state"
        shutil.move(folder / "state", inside)
        os.environ["XDG_STATE_HOME"] = str(inside)
    if origin != "moved":
        return root
    return root.rename(root.with_name("there"))


@contextlib.contextmanager
def _state(folder: Path) -> Iterator[None]:
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("XDG_STATE_HOME")
        if before is not None:
            os.environ["XDG_STATE_HOME"] = before


def _ran(line: list[str], root: Path) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["-C", str(root), *line])
    return code, " ".join((out.getvalue() + err.getvalue()).split())


def _tested(root: Path, kept: Path) -> tuple[int, str]:
    """As the plugin runs a regression."""
    runner = RegressionRunner(Settings(directory=root))
    try:
        verdict = runner.check(KeptFinding.read(kept))
    finally:
        runner.close()
    return (3 if verdict.state == "error" else 0), verdict.message
