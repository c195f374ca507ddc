"""What of a campaign is damaged, cannot be understood, is gone or was never finished; in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN

What = Literal["journal", "blob", "finding", "calibration", "configuration", "input"]

_WORDS: Mapping[What, tuple[str, str]] = {
    "journal": ("place of the journal", "places of the journal"),
    "blob": ("stored input", "stored inputs"),
    "finding": ("finding", "findings"),
    "calibration": ("calibration", "calibrations"),
    "configuration": ("configuration", "configurations"),
    "input": ("input of a corpus", "inputs of a corpus"),
}


class Loss(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place. path: from the campaign's folder. unreadable: whole, and of a version that this one does not know.

    offset, length: of a journal's segment, in bytes; a length of 0: the rest of it, or all.
    """

    what: What
    path: str
    reason: str
    offset: int = 0
    length: int = 0
    unreadable: bool = False


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """Of one campaign.

    losses: by path. gone: entries that its figures know of and that no journal holds. pending: segment -> bytes of a
    last record that is not whole, never acknowledged or not yet. entries, blobs, findings, inputs: that are whole.
    """

    campaign: str
    losses: Sequence[Loss] = ()
    gone: int = 0
    pending: Mapping[str, int] = {}
    entries: int = 0
    blobs: int = 0
    findings: int = 0
    inputs: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing that was acknowledged is damaged or gone."""
        return not self.losses and not self.gone

    @property
    def exit_code(self) -> int:
        """Of a verb that shows what can be read."""
        return EXIT_CLEAN if self.whole else EXIT_BROKEN

    def counts(self) -> dict[str, int]:
        """For machines; the same names wherever they stand."""
        unreadable = sum(loss.unreadable for loss in self.losses)
        return {
            "damaged": len(self.losses) - unreadable, "unreadable": unreadable, "gone": self.gone,
            "pending": len(self.pending),
        }  # fmt: skip

    def sentence(self, there: str = "") -> str:
        """What is lost, and the command that says where; "" where nothing is. there: " --dir elsewhere"."""
        if self.whole:
            return ""
        return f"campaign {self.campaign}: {self.summary()}; mlfuzz campaign verify {self.campaign}{there} says where"

    def summary(self) -> str:
        """ "2 places of the journal and 1 finding are damaged, 17 entries are gone"; "" where nothing is."""
        damaged = _counted([loss for loss in self.losses if not loss.unreadable], "damaged")
        unreadable = _counted([loss for loss in self.losses if loss.unreadable], "of another version of mlfuzz")
        gone = f"{self.gone:,} entr{'y is' if self.gone == 1 else 'ies are'} gone" if self.gone else ""
        return ", ".join(part for part in (damaged, unreadable, gone) if part)

    def unfinished(self) -> str:
        """The sentence on records that were never finished; "" where there are none."""
        if not self.pending:
            return ""
        count, size = len(self.pending), sum(self.pending.values())
        records = "1 last record is" if count == 1 else f"{count} last records are"
        return f"{records} not whole ({size:,} bytes), never acknowledged or not written yet: nothing is lost by that"


def _counted(losses: Sequence[Loss], how: str) -> str:
    counts = {what: sum(loss.what == what for loss in losses) for what in _WORDS}
    parts = [f"{count:,} {_WORDS[what][count > 1]}" for what, count in counts.items() if count]
    return f"{' and '.join(parts)} {'is' if len(losses) == 1 else 'are'} {how}" if parts else ""
