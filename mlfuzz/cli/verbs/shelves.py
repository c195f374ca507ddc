"""Working corpora of harnesses, by campaign: what the verbs of `mlfuzz corpus` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.codefuzz.corpus.corpus_directory import WorkingCorpus
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import Options, Session
from mlfuzz.errors import TargetLoadError, UnknownNameError, UsageError
from mlfuzz.storage.names import folder_name
from mlfuzz.storage.workdir import Workdir, campaign_root, campaigns, find_campaign

PREFIX = "corpus-"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The working corpus of a harness in a campaign."""

    workdir: Workdir
    harness: str
    corpus: WorkingCorpus


def base_of(context: Context, folder: str) -> Path:
    """Where campaigns lie: the folder given, or the configured one."""
    return context.path(folder) if folder else context.resolve().state_dir


def shelves(base: Path) -> Iterator[Shelf]:
    """All working corpora, by campaign and harness."""
    for workdir in campaigns(base):
        for folder in sorted(workdir.derived.glob(f"{PREFIX}*")) if workdir.derived.is_dir() else ():
            if folder.is_dir():
                yield Shelf(workdir, folder.name.removeprefix(PREFIX), WorkingCorpus(folder))


def only_shelf(base: Path, harness: str, campaign: str = "") -> Shelf:
    """The corpus of a harness. Raises UsageError where several campaigns have one, UnknownNameError where none has."""
    if campaign:
        find_campaign(base, campaign)
    every = [shelf for shelf in shelves(base) if campaign in ("", shelf.workdir.name)]
    found = [shelf for shelf in every if shelf.harness == folder_name(harness)]
    if not found:
        raise UnknownNameError("corpus", harness, {shelf.harness for shelf in every})
    if len(found) > 1:
        names = ", ".join(shelf.workdir.name for shelf in found)
        raise UsageError(f"which campaign's corpus of {harness}: {names}? say it: --campaign NAME")
    return found[0]


@contextmanager
def session_for(context: Context, harness: str) -> Iterator[Session]:
    """A session of a harness by its name. Raises TargetLoadError where the engine is not there."""
    from mlfuzz.codefuzz.engine.default_engine import engine

    found = context.resolve()
    chosen = discovery.find(harness, found.root)
    started = engine()
    if missing := started.available():
        raise TargetLoadError(missing)
    session = started.prepare(chosen.declaration, Options(project=str(found.root.resolve())))
    try:
        yield session
    finally:
        session.close()


def corpus_for(base: Path, harness: str, campaign: str) -> tuple[Workdir, WorkingCorpus]:
    """The corpus of a harness in a campaign that may be made for it."""
    if not campaign:
        found = [shelf for shelf in shelves(base) if shelf.harness == folder_name(harness)]
        if len(found) > 1:
            only_shelf(base, harness)  # says that there are several
        campaign = found[0].workdir.name if found else folder_name(harness)
    workdir = Workdir.create(campaign_root(base, campaign))
    return workdir, WorkingCorpus(workdir.working(f"corpus-{folder_name(harness)}")).make()


def files_in(place: Path) -> list[Path]:
    """The inputs in a folder and below, or the file itself; no link in it is followed. Raises UsageError."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise UsageError(f"{shown_path(place, Path())} is neither a file nor a folder")
    return sorted(path for path in place.rglob("*") if _is_input(path))


def _is_input(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and not path.name.startswith(".")
