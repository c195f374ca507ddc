"""Where everything of a campaign lies: the only place that joins paths."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mlfuzz.errors import StorageError, UnknownNameError
from mlfuzz.storage.durable import create_exclusive, displace, make_folder, make_new_folder, writing
from mlfuzz.storage.names import is_plain, plain
from mlfuzz.storage.remedy import read_error

CAMPAIGNS = ".mlfuzz"
"""The folder of a project that holds its campaigns; git-ignored."""

_SEGMENT = re.compile(r"\d{6}\.mlj")
_LIFE = re.compile(r"w(\d+)-(\d+)-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Workdir:
    """The directory of one campaign.

    Truth: `config`, `calibration`, `journal`, `blobs`, `findings`. All else may be deleted at any time.
    """

    root: Path

    @classmethod
    def create(cls, root: Path) -> Self:
        """Make the directory, or complete one that is there. Raises StorageError where it cannot be written, or
        where it holds other things."""
        workdir = cls(root)
        with writing(root):
            if root.is_dir() and not workdir.is_campaign and any(root.iterdir()):
                raise StorageError(f"{root} is not empty and holds no campaign; choose another directory")
            for folder in (workdir.derived, workdir.flights):
                if not folder.is_dir():
                    displace(folder)
            for folder in (workdir.journal, workdir.blobs, workdir.findings, workdir.derived, workdir.flights):
                make_folder(folder)
                if not folder.is_dir():
                    raise StorageError(
                        f"{folder} is no folder, and what belongs in it cannot be read; put the folder back in its "
                        "place, or move what is there away to begin with an empty one"
                    )
            ignore = (root.parent if root.parent.name == CAMPAIGNS else root) / ".gitignore"
        create_exclusive(ignore, b"*\n", sync=False)
        return workdir

    @classmethod
    def open(cls, root: Path) -> Self:
        """Raises StorageError where there is no campaign."""
        workdir = cls(root)
        if not workdir.is_campaign:
            raise StorageError(f"{root} holds no campaign; mlfuzz status lists those there are")
        return workdir

    @property
    def is_campaign(self) -> bool:
        """Whether a campaign has been founded here."""
        return self.journal.is_dir()

    @property
    def name(self) -> str:
        """The campaign's: the last part of its path."""
        return self.root.resolve().name

    @property
    def config(self) -> Path:
        """The effective configuration, frozen."""
        return self.root / "campaign.toml"

    def calibration(self, digest: str) -> Path:
        """What was measured on one target under one criterion: truth, written once. digest: `calibration_key`."""
        return self.root / "calibration" / f"{plain(digest)}.npz"

    @property
    def journal(self) -> Path:
        """A folder for each life."""
        return self.root / "journal"

    def life(self, life: str) -> Path:
        """The folder that this life alone writes into. Raises UsageError for no plain name."""
        return self.journal / plain(life)

    def segment(self, life: str, number: int) -> Path:
        """One append-only part of a life's journal; never reopened."""
        return self.life(life) / f"{number:06d}.mlj"

    def new_life(self, worker: int = 0) -> str:
        """Found a life: "w<worker>-<n-th life of it>-<random>", with a folder of its own. Raises StorageError.

        The first two numbers (`life_number`) seed its chance, so that the same campaign repeats exactly.
        """
        earlier = [life_number(life) for life in self.lives()]
        nth = 1 + max((number for of, number in earlier if of == worker), default=0)
        life = f"w{worker:02d}-{nth:04d}-{secrets.token_hex(4)}"
        with writing(self.life(life)):
            make_new_folder(self.life(life))
        return life

    def lives(self) -> list[str]:
        """All lives that ever wrote, in the order of their names. Raises StorageError."""
        return sorted(name for name in _names(self.journal) if is_plain(name) and self.life(name).is_dir())

    def segments(self, life: str) -> list[int]:
        """Numbers of a life's segments, ascending. Raises StorageError."""
        return sorted(int(name[:6]) for name in _names(self.life(life)) if _SEGMENT.fullmatch(name))

    @property
    def blobs(self) -> Path:
        """Inputs of 64 KiB and more, by their digest."""
        return self.root / "blobs"

    def blob(self, digest: str) -> Path:
        """digest: SHA-256, 64 hex digits. Raises UsageError for no plain name."""
        return self.blobs / digest[:2] / plain(digest)

    @property
    def findings(self) -> Path:
        """A folder for each finding."""
        return self.root / "findings"

    def finding(self, finding_id: str) -> Path:
        """Raises UsageError for an id that is no plain name."""
        return self.findings / plain(finding_id)

    @property
    def derived(self) -> Path:
        """What may be deleted at any time: it is made again."""
        return self.root / "derived"

    def checkpoint(self, worker: int = 0) -> Path:
        """What a worker has learnt, for its next life."""
        return self.derived / f"worker-{worker:02d}.npz"

    def working(self, name: str) -> Path:
        """A folder under `derived` for whoever needs one, such as a harness's working corpus."""
        return self.derived / plain(name)

    def flight(self, life: str) -> Path:
        """The page a worker shares with its supervisor: what it was doing when it died."""
        return self.flights / f"{plain(life)}.page"

    @property
    def flights(self) -> Path:
        """A page for each life."""
        return self.root / "flight"

    @property
    def quarantine(self) -> Path:
        """Damaged records, for people to look at."""
        return self.root / "quarantine"

    def quarantined(self, name: str) -> Path:
        """Raises UsageError for no plain name."""
        return self.quarantine / plain(name)

    @property
    def progress(self) -> Path:
        """A line every few seconds, for whoever watches."""
        return self.root / "progress.jsonl"

    @property
    def stats(self) -> Path:
        """The campaign's figures; rewritten with each checkpoint."""
        return self.root / "stats.json"

    @property
    def report(self) -> Path:
        """The page that `mlfuzz report` writes."""
        return self.root / "report.html"

    @property
    def seed_facts(self) -> Path:
        """What is known of each seed: label, attributes, columns of a table."""
        return self.root / "seeds.json"

    @property
    def robustness(self) -> Path:
        """How far its seeds are from breaking, where that was measured."""
        return self.root / "robustness.json"

    @property
    def spec(self) -> Path:
        """What the campaign was begun with, frozen."""
        return self.root / "worker.json"

    @property
    def target(self) -> Path:
        """The digest of the target it was begun with."""
        return self.root / "target.json"

    def order(self, worker: int = 0) -> Path:
        """What the supervisor asks of the next worker of that number."""
        return self.derived / f"order-{worker:02d}.json"

    def answer(self, worker: int = 0) -> Path:
        """How the last worker of that number ended of its own accord."""
        return self.derived / f"answer-{worker:02d}.json"

    def part(self, worker: int) -> Path:
        """What one of several workers has counted in this run."""
        return self.derived / f"part-{worker:02d}.json"

    def parts(self) -> list[Path]:
        """Of all workers that have counted in this run."""
        return sorted(self.derived.glob("part-*.json"))

    def ready(self, worker: int = 0) -> Path:
        """There once a worker of that number has come as far as loading the target."""
        return self.derived / f"ready-{worker:02d}"

    @property
    def unexplained(self) -> Path:
        """Deaths of workers that there was no time to look into: the next run does."""
        return self.derived / "unexplained.json"

    @property
    def banned(self) -> Path:
        """Entries that are not mutated again, by identity: their children killed too many workers."""
        return self.derived / "banned.json"

    @property
    def verified(self) -> Path:
        """What was found when the files were last looked at (`mlfuzz.integrity`)."""
        return self.derived / "verified.json"

    def log(self, process: str) -> Path:
        """What a child process, and the target in it, printed."""
        return self.derived / f"{plain(process)}.log"

    @property
    def lock(self) -> Path:
        """Held by the one process that runs the campaign."""
        return self.root / "lock"

    @property
    def stop_request(self) -> Path:
        """Where this file appears the campaign finishes its batch, saves and ends."""
        return self.root / "stop"

    @property
    def reserve(self) -> Path:
        """A file that only takes up room, given up when the disk is full."""
        return self.root / "reserve"

    def used_bytes(self) -> int:
        """Of all files, as they lie on the disk. Walks the whole directory: not for every batch."""
        return sum(_disk_bytes(path) for path in _files(self.root))


def life_number(life: str) -> tuple[int, int]:
    """(worker, n-th life of that worker), (0, 0) for a life that was named otherwise."""
    match = _LIFE.fullmatch(life)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def campaigns(base: Path = Path(CAMPAIGNS)) -> list[Workdir]:
    """The campaigns in the folder `base`, by name; [] where there is no such folder."""
    if not base.is_dir():
        return []
    return [Workdir(path) for path in sorted(base.iterdir()) if Workdir(path).is_campaign]


def campaign_root(base: Path, name: str) -> Path:
    """Where the campaign `name` lies or would lie. Raises UsageError for a name that is no plain file name."""
    return base / plain(name)


def find_campaign(base: Path, name: str) -> Workdir:
    """The campaign `name` in the folder `base` (".mlfuzz"). Raises UnknownNameError with the nearest name."""
    workdir = Workdir(campaign_root(base, name))
    if not workdir.is_campaign:
        raise UnknownNameError("campaign", name, [campaign.name for campaign in campaigns(base)])
    return workdir


def _names(folder: Path) -> list[str]:
    """[] where there is no such folder. Raises StorageError where it cannot be read."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise read_error(folder, error) from error


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder) / name for name in names)


def _disk_bytes(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:  # gone since it was listed
        return 0
