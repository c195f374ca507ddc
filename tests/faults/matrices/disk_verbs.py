"""Every write of a verb fails, in every way that a disk has."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
from functools import cache
from pathlib import Path

import torch
from faults.bad_disk import bad_disk, from_then_on, once

from mlfuzz.budget import Budget
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.cli.main import main
from mlfuzz.codefuzz.corpus.corpus_directory import WorkingCorpus
from mlfuzz.errors import EXIT_BROKEN
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage import parts
from mlfuzz.storage.workdir import Workdir
from mlfuzz.testing.puzzles import puzzle, puzzle_seeds

PROMISE = (
    "Whichever write of a verb fails, it ends with 3 and a line that names the file and what to do, without traceback;"
    " each file is the old one or the new one, and the same command does it once the disk is well"
)

VERBS: dict[str, tuple[int, str]] = {
    "init": (28, "-C fresh init --example image"),
    "harness new": (20, "harness new upload --for image"),
    "report": (4, "report c"),
    "report json": (4, "report c --format json --output out/report.json"),
    "report sarif": (4, "report c --format sarif"),
    "export zip": (6, "findings export --output out/all.zip"),
    "export dir": (50, "findings export --format dir --output out"),
    "promote": (48, "findings promote --name c --no-replay"),
    "triage": (9, "triage {id} --status ignored --note seen"),
    "triage fault": (9, "triage {id} --fault another"),
    "corpus export": (14, "corpus export given out"),
    "corpus export zip": (6, "corpus export given out/given.zip"),
    "corpus fix": (5, "corpus verify given --fix"),
}
"""By a short name, how many calls it makes, and what is typed in a project with a campaign; {id}: of a finding."""

ERRORS = ("ENOSPC", "EROFS", "EIO", "EACCES", "EDQUOT", "ESTALE", "EMFILE", "ENOENT", "ENAMETOOLONG")

DATED = (".html", ".json", ".sarif", ".zip")
"""Of files that say when they were made no two are alike: they are looked at for their ends."""


def cases() -> list[str]:
    """A verb, the number of the call that fails first, the error, and whether it stays."""
    every = []
    for verb, (calls, _) in VERBS.items():
        for at in range(1, calls + 1):
            every.append(f"{verb}: {at} ENOSPC stays")
            every.append(f"{verb}: {at} {ERRORS[at % len(ERRORS)]} once")
    return every


def broken(case: str, folder: Path) -> str:
    """What went wrong."""
    verb, _, rest = case.partition(": ")
    at, name, how = rest.split()
    fails = (once if how == "once" else from_then_on)(int(at), getattr(errno, name))
    project = folder / "project"
    shutil.copytree(_project(), project)
    before = _tree(project)
    with bad_disk(fails) as disk:
        code, said = run(project, verb)
    if not disk.failed:
        return "" if code == 0 else f"nothing failed, and it ended with {code}: {said}"
    if "Traceback" in said or "fault of mlfuzz" in said:
        return f"a traceback: {said[-600:]}"
    if code not in (0, EXIT_BROKEN):
        return f"exit code {code}: {said}"
    if code and not _named(said):
        return f"no file or no remedy is named: {said}"
    if code == 0 and how == "stays" and name == "ENOSPC" and "warning" not in said:
        return f"told nobody: {said}"
    after = _tree(project)
    code, said = run(project, verb) if code else (code, said)
    if code != 0:
        return f"the same command ends with {code} afterwards: {said}"
    finished = _tree(project)
    cleared = disk.seen[int(at) - 1] != "unlink"  # else the next campaign does it
    if cleared and (left := [path for path in finished if parts.PART in path]):
        return f"parts are left over: {left}"
    half = [path for path, data in after.items() if not _is_whole(path, data, before.get(path), finished.get(path))]
    return f"half of a file: {half}" if half else ""


def run(project: Path, verb: str) -> tuple[int, str]:
    """Exit code, and what was said."""
    words = [word.replace("{id}", _finding()) for word in VERBS[verb][1].split()]
    out = io.StringIO()
    if words[0] == "-C":
        project, words = project / words[1], words[2:]
        project.mkdir(exist_ok=True)
    parts._lives, lives = lambda pid: False, parts._lives
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = main(["-C", str(project), *words])
    finally:
        parts._lives = lives
    return code, out.getvalue()


def _named(said: str) -> bool:
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    return any("/" in line and ";" in line for line in lines)


def _is_whole(path: str, data: bytes, before: bytes | None, finished: bytes | None) -> bool:
    if data in (before, finished):
        return True
    return path.endswith(DATED) and finished is not None and abs(len(data) - len(finished)) <= 2


def _tree(root: Path) -> dict[str, bytes]:
    return {
        str(Path(folder, name).relative_to(root)): Path(folder, name).read_bytes()
        for folder, _, names in os.walk(root)
        for name in names
    }


@cache
def _project() -> Path:
    """A project with a model's campaign and a harness's corpus; made once."""
    import tempfile

    torch.set_num_threads(1)
    root = Path(tempfile.mkdtemp(prefix="mlfuzz-verbs-"))
    (root / "mlfuzz.toml").write_text("[fuzz]\n")
    puzzle_seeds(root / "seeds", count=2)
    state = root / ".mlfuzz"
    with Campaign.open(state / "c", puzzle("nan_when_bright")[0], seeds=root / "seeds", batch=32) as campaign:
        campaign.run(Budget(inputs=192), triage_here=True)
    workdir = Workdir.create(state / "h")
    corpus = WorkingCorpus(workdir.working("corpus-given")).make()
    for word in (b"one", b"two", b"three"):
        corpus.add(word)
    (corpus.folder / "by-hand").write_bytes(b"four")
    return root


@cache
def _finding() -> str:
    return FindingStore(Workdir(_project() / ".mlfuzz" / "c").findings).ids()[0]
