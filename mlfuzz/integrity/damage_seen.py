"""What a running campaign meets of damaged records: told once, counted, and in nobody's way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mlfuzz.errors import StorageError
from mlfuzz.events import Event, Warned
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.record import files_of, read_file
from mlfuzz.findings.store import Damaged, FindingStore
from mlfuzz.storage.workdir import Workdir


class DamageSeen:
    """Of one campaign, by whoever watches it."""

    def __init__(self, workdir: Workdir, tell: Callable[[Event], None]) -> None:
        self._name, self._tell = workdir.name, tell
        self._findings: set[str] = set()
        self._journal: Mapping[str, int] = {}

    def kept(self, store: FindingStore) -> list[Finding]:
        """The findings that are there from before; a line on each that is damaged, also where it can be read."""
        found = self.readable(store.list())
        for finding in found:
            for ref in files_of(finding):
                path = store.folder(finding.id) / ref.file
                try:
                    read_file(path.parent, ref)
                except StorageError as error:
                    self._findings.add(str(path))
                    self._tell(Warned(f"finding {finding.id[:SHORT_ID]} cannot be run again: {error}"))
        return found

    def readable(self, items: Iterable[Finding | Damaged]) -> list[Finding]:
        """The findings among them; a line on each that cannot be read."""
        found = []
        for item in items:
            if isinstance(item, Finding):
                found.append(item)
            elif str(item.path) not in self._findings:
                self._findings.add(str(item.path))
                self._tell(Warned(f"left out: {item.reason}"))
        return found

    def journal(self, damage: Mapping[str, int]) -> None:
        """What a worker has met of the journals, as its progress says; a line where that has grown."""
        if any(count > self._journal.get(kind, 0) for kind, count in damage.items()):
            words = ", ".join(f"{count:,} {kind}" for kind, count in damage.items() if count)
            self._tell(Warned(
                f"records of campaign {self._name} that are damaged or not here: {words}; it goes on without them "
                f"(mlfuzz campaign verify {self._name} says where)"
            ))  # fmt: skip
            self._journal = dict(damage)

    def findings(self) -> dict[str, int]:
        """For a progress record: how many cannot be read; {} where all can."""
        return {"damaged": len(self._findings)} if self._findings else {}

    def counts(self) -> dict[str, int]:
        """Of both, by kind; {} where there is none."""
        counts = dict(self._journal)
        if self._findings:
            counts["damaged"] = counts.get("damaged", 0) + len(self._findings)
        return counts
