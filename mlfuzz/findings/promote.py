"""The findings kept in the corpus, where git and pytest see them: small ones, few of each fault, confirmed only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlfuzz.errors import MlfuzzError, UsageError
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.fingerprint import fault_of
from mlfuzz.findings.record import files_of, read_record
from mlfuzz.findings.regression import write_regression
from mlfuzz.storage.names import ID, folder_name

MAX_FILE_BYTES = 100_000
"""A file that git is to keep for ever: a picture of 200 x 200, three seconds of speech."""

PER_FAULT = 3
"""More inputs of one fault tell a test nothing new."""


class Regressions:
    """The folder corpus/regressions, with a folder for each target.

    per_fault: findings of one fault that are kept at most. max_bytes: of each file.
    """

    def __init__(self, folder: Path, *, per_fault: int = PER_FAULT, max_bytes: int = MAX_FILE_BYTES) -> None:
        self.folder = folder
        self.per_fault = per_fault
        self.max_bytes = max_bytes
        self._kept: dict[Path, dict[str, Finding]] = {}

    def keep(self, finding: Finding, files: Mapping[str, bytes]) -> Path:
        """Write a finding and its files; the path of its record. files: by the names that it uses.

        One that is kept already is replaced; what people decided about it (triage, note) stays.
        Raises UsageError where it is not confirmed, too large, or one too many of its fault; StorageError.
        """
        folder = self.folder / folder_name(finding.target)
        kept = self._those_in(folder)
        self._admit(finding, files, kept)
        if finding.id in kept:
            old = kept[finding.id]
            finding = msgspec.structs.replace(finding, triage=old.triage, note=old.note)
        path = write_regression(folder, finding, files)
        kept[finding.id] = finding
        return path

    def _admit(self, finding: Finding, files: Mapping[str, bytes], kept: Mapping[str, Finding]) -> None:
        short = finding.id[:SHORT_ID]
        if finding.verdict != "confirmed":
            raise UsageError(f"finding {short} is {finding.verdict}, not confirmed: only what fails each time is kept")
        for ref in files_of(finding):
            size = len(files.get(ref.file, b""))
            if size > self.max_bytes:
                raise UsageError(
                    f"finding {short}: {ref.file} has {size:,} bytes, at most {self.max_bytes:,} are kept in the "
                    f"corpus; make it smaller: mlfuzz shrink {short}, or begin from smaller seeds"
                )
        fault = finding.fault or fault_of(finding)
        same = [
            old.id[:SHORT_ID] for old in kept.values() if old.id != finding.id and (old.fault or fault_of(old)) == fault
        ]
        if len(same) >= self.per_fault:
            raise UsageError(
                f"finding {short}: {len(same)} of its fault ({fault}) are kept already: {', '.join(same[:5])}; "
                f"remove one of them, or allow more: --per-fault {len(same) + 1}"
            )

    def _those_in(self, folder: Path) -> dict[str, Finding]:
        if folder not in self._kept:
            self._kept[folder] = dict(_readable(folder))
        return self._kept[folder]


def records_in(folder: Path) -> list[Path]:
    """The records below a folder of regressions, by path; nothing is read."""
    return sorted(path for path in folder.rglob("*.json") if ID.fullmatch(path.stem))


def _readable(folder: Path) -> list[tuple[str, Finding]]:
    """Damaged ones do not count towards a limit: pytest reports them."""
    found = []
    for path in records_in(folder) if folder.is_dir() else ():
        try:
            found.append((path.stem, read_record(path)))
        except MlfuzzError:
            continue
    return found
