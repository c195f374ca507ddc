"""Which findings are meant: by id or the beginning of one, by file, by folder, or all of a campaign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mlfuzz.cli.resolve.context import Context
from mlfuzz.errors import EXIT_BROKEN, CorruptRecordError, MlfuzzError, StorageError
from mlfuzz.findings.lookup import record_at
from mlfuzz.findings.record import RECORD, read_record
from mlfuzz.findings.store import Damaged, FindingStore, unique
from mlfuzz.replay import Case
from mlfuzz.report.visible import visible
from mlfuzz.storage.workdir import Workdir, campaigns, find_campaign

REGRESSIONS = "regressions"


class Cases:
    """The findings of a project: those of its campaigns, then those kept in its corpus.

    campaigns: whose findings were looked at.
    """

    def __init__(self, context: Context, *, folder: str = "") -> None:
        found = context.resolve()
        self._context = context
        self._base = context.path(folder) if folder else found.state_dir
        self._corpus = found.corpus_dir / REGRESSIONS
        self._warned: dict[str, None] = {}
        self._damaged: dict[str, str] = {}
        self._meant_but_lost = False
        self.campaigns: dict[Path, Workdir] = {}

    def pick(self, wanted: Sequence[str], *, campaign: str = "") -> list[Case]:
        """What was asked for, each once; without a wish, all of the campaign, or of the project.

        Of several, one whose record cannot be read is left out with a warning.
        Raises UsageError where an id begins none of them, or several; StorageError where nothing else is left.
        """
        if not wanted:
            found = list(self._of_campaign(campaign) if campaign else self.all())
            self._meant_but_lost |= bool(self._warned)
            return found
        picked: dict[Path, Case] = {}
        unreadable: list[StorageError] = []
        for text in wanted:
            try:
                picked.update((case.path, case) for case in self._meant(text, campaign))
            except StorageError as error:
                unreadable.append(error)
        if unreadable and not picked:
            raise unreadable[0]
        for each in unreadable:
            self._leave_out(str(each))
            self._meant_but_lost = True
        return list(picked.values())

    def exit_code(self, code: int) -> int:
        """Of a verb that would end with `code`: 3 where a record that was meant cannot be read."""
        return EXIT_BROKEN if self._meant_but_lost else code

    def _leave_out(self, reason: str) -> None:
        if reason not in self._warned:
            self._warned[reason] = None
            self._context.terminal.warn(f"left out: {visible(reason)}")

    def all(self) -> Iterator[Case]:
        """Every finding of every campaign, then the regressions that are kept."""
        for workdir in campaigns(self._base):
            yield from self._stored(workdir)
        yield from self._kept(self._corpus)

    def _of_campaign(self, name: str) -> Iterator[Case]:
        return self._stored(find_campaign(self._base, name))

    def _meant(self, text: str, campaign: str) -> list[Case]:
        path = self._context.path(text)
        if path.is_file():
            return [_record(path)]
        if path.is_dir():
            return list(self._below(path))
        return [self._by_id(text, campaign)]

    def _by_id(self, text: str, campaign: str) -> Case:
        cases = self._of_campaign(campaign) if campaign else self.all()
        found, wanted = by_id(list(cases)), text.lower()
        lost = [reason for finding_id, reason in self._damaged.items() if wanted and finding_id.startswith(wanted)]
        if lost and not any(finding_id.startswith(wanted) for finding_id in found):
            raise CorruptRecordError(lost[0])
        return found[unique(text.lower(), list(found), campaign or str(self._base))]

    def _below(self, path: Path) -> Iterator[Case]:
        if Workdir(path).is_campaign:
            return self._stored(Workdir(path))
        if (path / RECORD).is_file():
            return iter([_record(path / RECORD)])
        return self._kept(path)

    def _stored(self, workdir: Workdir) -> Iterator[Case]:
        self.campaigns[workdir.root] = workdir
        for item in FindingStore(workdir.findings).list():
            if isinstance(item, Damaged):
                self._damaged[item.path.parent.name] = item.reason
                self._leave_out(item.reason)
            else:
                yield Case(item, workdir.finding(item.id))

    def _kept(self, folder: Path) -> Iterator[Case]:
        for path in sorted(folder.rglob("*.json")) if folder.is_dir() else ():
            try:
                yield _record(path)
            except MlfuzzError as error:
                self._leave_out(str(error))


def by_id(cases: Sequence[Case]) -> dict[str, Case]:
    """Each finding once; of one that is also kept in the corpus, the campaign's own record."""
    return {case.finding.id: case for case in reversed(cases)}


def _record(path: Path) -> Case:
    """path: a record, or an input or seed file beside one."""
    record = record_at(path)
    return Case(read_record(record), record.parent if record.name == RECORD else record)
