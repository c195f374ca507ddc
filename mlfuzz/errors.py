"""The error tree. What the system under test raises is data (a `Crash`), never one of these.

MlfuzzError
├── UsageError             exit 2: the command, configuration or call is wrong
│   ├── ConfigError            a key, a value or a combination of them
│   ├── UnknownNameError       a name that nothing is registered under; answers with the nearest
│   └── PluginError            a plugin that does not import, or takes a name twice
├── TargetError            exit 3: the system under test cannot be fuzzed as it stands
│   ├── TargetLoadError        it does not import, or is not a target
│   ├── AnswerError            what it answers cannot be taken; data where it has answered well before
│   └── SeedError              no usable seed is left
├── BadInputError          exit 3 where it ends a command; counted and skipped where a seed raises it
├── StorageError           exit 3: files of a campaign or of the corpus
│   ├── CorruptRecordError     a damaged record: which file, which offset
│   │   └── LostInputError         an entry's input cannot be read: of which row
│   ├── SchemaError            a record of another version of mlfuzz
│   ├── CampaignBusyError      another process holds the directory: its pid and host
│   └── DiskFullError          nothing more can be written; what is there is kept
├── ReplayError            exit 3: a finding cannot be run again
└── WorkerLostError        exit 3: the worker died more often than the campaign allows
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_BROKEN = 3
EXIT_HANGUP = 129
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class MlfuzzError(Exception):
    """The root: its message says what is wrong and what to do."""

    exit_code = EXIT_BROKEN


class UsageError(MlfuzzError):
    """The caller asked for something that cannot be done as written."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """A configuration key or value that is not understood."""


class UnknownNameError(UsageError):
    """A name that nothing is registered under."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(f"unknown {kind} {name!r}{suggestion(name, self.known)}")


class PluginError(UsageError):
    """A plugin that could not be taken in."""


class TargetError(MlfuzzError):
    """The system under test cannot be fuzzed as it stands."""


class TargetLoadError(TargetError):
    """The target does not import, or what it names is not a target."""


class AnswerError(TargetError):
    """What the target answers is none to judge: data, like an exception, where it has answered well before."""


class SeedError(TargetError):
    """No usable seed is left."""


class BadInputError(MlfuzzError):
    """A file that the codec refuses; `reason` is a short phrase that can be counted, `remedy` what to do about it."""

    def __init__(self, reason: str, detail: str = "", *, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        message = "; ".join(part for part in (detail, remedy) if part)
        super().__init__(f"{reason}: {message}" if message else reason)


class StorageError(MlfuzzError):
    """A file of a campaign or of the corpus cannot be read or written."""


class CorruptRecordError(StorageError):
    """A record is damaged."""


class LostInputError(CorruptRecordError):
    """The input of a corpus row cannot be read."""

    def __init__(self, row: int, reason: str) -> None:
        self.row = row
        super().__init__(reason)


class SchemaError(StorageError):
    """A record was written by a version of mlfuzz that this one cannot read."""


class CampaignBusyError(StorageError):
    """Another process holds the campaign directory."""


class DiskFullError(StorageError):
    """The disk, or the campaign's own allowance of it, is used up."""


class ReplayError(MlfuzzError):
    """A finding cannot be run again."""


class WorkerLostError(MlfuzzError):
    """The worker died more often than the campaign allows."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or the first few."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if not near:
        near = difflib.get_close_matches(name, [known.rpartition(".")[2] for known in names], n=1, cutoff=0.6)
        near = [full for full in names if near and full.rpartition(".")[2] == near[0]][:1]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}" if names else ""
