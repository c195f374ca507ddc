"""From what a person types, an id or a path, to the finding that is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.errors import UsageError
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.findings.record import RECORD, files_of, read_file, read_record
from mlfuzz.findings.store import unique
from mlfuzz.storage.workdir import CAMPAIGNS, campaigns

REGRESSIONS = "corpus/regressions"


@dataclass(frozen=True, slots=True)
class LocatedFinding:
    """A finding, and the JSON file that holds it."""

    finding: Finding
    record: Path

    @property
    def kept(self) -> bool:
        """Whether it is a regression (flat, in git) and not a campaign's."""
        return self.record.name != RECORD

    def bytes_of(self, ref: FileRef) -> bytes:
        """Raises CorruptRecordError where the file is missing, edited or damaged."""
        return read_file(self.record.parent, ref)

    def files(self) -> dict[str, bytes]:
        """All files that it names."""
        return {ref.file: self.bytes_of(ref) for ref in files_of(self.finding)}


def find(reference: str | Path, roots: Sequence[Path] = (Path(),)) -> LocatedFinding:
    """The finding of that path, id or unique beginning of an id; a campaign's comes before the same one kept in git.

    roots: project folders (with .mlfuzz/ and corpus/regressions/ in them), or folders of campaigns (--dir).
    Raises UsageError where there is none or several, CorruptRecordError, SchemaError.
    """
    path = Path(reference)
    if path.exists():
        record = record_at(path)
        return LocatedFinding(read_record(record), record)
    records = dict(reversed([(_id(record), record) for record in all_records(roots)]))
    where = ", ".join(str(root) for root in roots)
    record = records[unique(str(reference), list(records), where)]
    return LocatedFinding(read_record(record), record)


def record_at(path: Path) -> Path:
    """The record that a path means: itself, that of its folder, or that beside an input or seed file.

    Raises UsageError.
    """
    candidates = [path] if path.suffix == ".json" and path.is_file() else []
    if path.is_dir():
        candidates.append(path / RECORD)
    else:
        candidates += [path.with_name(f"{path.name.partition('.')[0]}.json"), path.with_name(RECORD)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise UsageError(f"{path} belongs to no finding: there is no {RECORD} and no {candidates[0].name} beside it")


def all_records(roots: Sequence[Path]) -> Iterator[Path]:
    """Records of all findings below the roots, campaigns first; nothing is read."""
    for root in roots:
        for base in (root / CAMPAIGNS, root):
            for campaign in campaigns(base):
                yield from sorted(campaign.findings.glob(f"[0-9a-f]*/{RECORD}"))
    for root in roots:
        yield from sorted((root / REGRESSIONS).glob("*/*.json"))


def _id(record: Path) -> str:
    return record.parent.name if record.name == RECORD else record.stem
