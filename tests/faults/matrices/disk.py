"""Every write of a model campaign fails once, or from then on, in every way that a disk has."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from faults.bad_disk import bad_disk, from_then_on, once

from mlfuzz.budget import Budget
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Identity
from mlfuzz.errors import EXIT_BROKEN, MlfuzzError, StorageError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore, read
from mlfuzz.progress import read_progress, read_stats
from mlfuzz.storage import parts
from mlfuzz.storage.checkpoint import read_checkpoint
from mlfuzz.storage.workdir import Workdir
from mlfuzz.testing.puzzles import puzzle, puzzle_seeds

PROMISE = (
    "Whichever write of a campaign fails, the message names the file and what to do, nothing acknowledged is lost, no"
    " half file bears a final name, and the same command goes on when the disk is well again"
)

ERRORS = (
    "ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "ESTALE", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENOENT",
    "ENAMETOOLONG", "ENOTDIR", "ENXIO", "ETIMEDOUT",
)  # fmt: skip

CALLS = 110
"""A few more than a campaign makes: the last ones find nothing to fail."""

INPUTS = 192


def cases() -> list[str]:
    """A call's number, the error, and whether it stays: a full disk does, each other one is met here and there."""
    every = [f"{at} ENOSPC stays" for at in range(1, CALLS)]
    for at in range(1, CALLS):
        every += [f"{at} {ERRORS[at % len(ERRORS)]} once", f"{at} {ERRORS[(at + 7) % len(ERRORS)]} stays"]
    return list(dict.fromkeys(every))


def broken(case: str, folder: Path) -> str:
    """What went wrong."""
    at, name, how = case.split()
    number = getattr(errno, name)
    fails = once(int(at), number) if how == "once" else from_then_on(int(at), number)
    root = folder / "campaign"
    with acknowledged() as kept, bad_disk(fails) as disk:
        error = _run(root, folder / "seeds")
    if error is not None and (wrong := _bad_message(error, folder)):
        return wrong
    if error is None and disk.failed and how == "stays" and number == errno.ENOSPC and int(at) < len(disk.seen) // 2:
        return "a disk that stayed full was told to nobody"
    return whole(root, kept) or _goes_on(root, folder / "seeds", kept)


class Acknowledged:
    """What callers were told is kept."""

    def __init__(self) -> None:
        self.corpora: list[Corpus] = []
        self.findings: set[str] = set()

    def entries(self) -> set[Identity]:
        return {corpus.identity(row) for corpus in self.corpora for row in range(len(corpus))}


@contextmanager
def acknowledged() -> Iterator[Acknowledged]:
    """Listens at the doors of corpus and store while the block runs."""
    kept = Acknowledged()
    opened, saved = Corpus.__dict__["open"], FindingStore.save_many

    def listening(cls: type[Corpus], *arguments: Any, **named: Any) -> Corpus:
        corpus: Corpus = opened.__func__(cls, *arguments, **named)
        kept.corpora.append(corpus)
        return corpus

    def saving(store: FindingStore, found: Any, **named: Any) -> int:
        count = saved(store, found, **named)
        kept.findings.update(finding.id for finding, _ in found)
        return count

    Corpus.open = classmethod(listening)  # type: ignore[assignment, method-assign]
    FindingStore.save_many = saving  # type: ignore[method-assign]
    try:
        yield kept
    finally:
        Corpus.open = opened  # type: ignore[method-assign]
        FindingStore.save_many = saved  # type: ignore[method-assign]


def whole(root: Path, kept: Acknowledged) -> str:
    """What of the acknowledged is not there, or which file is half of one."""
    workdir = Workdir(root)
    if not workdir.is_campaign:
        return "entries were acknowledged, and there is no campaign" if kept.entries() else ""
    corpus = Corpus.open(workdir)
    stored = {corpus.identity(row) for row in range(len(corpus))}
    if missing := kept.entries() - stored:
        return f"{len(missing)} acknowledged entries are lost"
    if corpus.damaged:
        return f"the journal is damaged: {corpus.damaged[0]}"
    store = FindingStore(workdir.findings)
    if missing := kept.findings - set(store.ids()):
        return f"{len(missing)} acknowledged findings are lost"
    for item in store.list():
        if not isinstance(item, Finding):
            return f"a finding is half there: {item.reason}"
        read(store.folder(item.id))
    for path, reader in ((workdir.stats, read_stats), (workdir.progress, read_progress)):
        if path.exists():
            reader(path.read_bytes(), str(path))
    checkpoints = [workdir.checkpoint(), *(root / "calibration").glob("*.npz")]
    for path in checkpoints:
        if path.exists():
            read_checkpoint(path)
    return ""


def _bad_message(error: BaseException, folder: Path) -> str:
    text = str(error)
    if not isinstance(error, StorageError):
        return f"{type(error).__name__}: {text}"
    if error.exit_code != EXIT_BROKEN:
        return f"exit code {error.exit_code}: {text}"
    if str(folder) not in text:
        return f"no file is named: {text}"
    return "" if ";" in text else f"no remedy: {text}"


def _goes_on(root: Path, seeds: Path, kept: Acknowledged) -> str:
    parts._lives, lives = lambda pid: False, parts._lives  # as if the process had ended that left them
    try:
        error = _run(root, seeds)
    finally:
        parts._lives = lives
    if error is not None:
        return f"it does not go on: {type(error).__name__}: {error}"
    if wrong := whole(root, kept):
        return f"after it went on: {wrong}"
    left = [name for _, folders, files in os.walk(root) for name in (*folders, *files) if name.startswith(parts.PART)]
    return f"parts are left over: {left}" if left else ""


@cache
def _seeds(folder: Path) -> Path:
    puzzle_seeds(folder, count=2)
    return folder


def _run(root: Path, seeds: Path) -> BaseException | None:
    torch.set_num_threads(1)
    np.random.seed(0)
    try:
        with Campaign.open(root, puzzle("nan_when_bright")[0], seeds=_seeds(seeds), batch=32) as campaign:
            campaign.run(Budget(inputs=INPUTS), triage_here=False)
    except MlfuzzError as error:
        return error
    except OSError as error:
        return error
    return None
