"""How many findings are still what their seeds were: the share that keeps its label. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlfuzz.findings.finding import Finding

KEEPS = "keeps_label"
"""Where a finding's evidence says whether its label was kept, and who says so."""

REFUSED = "not shown to keep its label"
"""How the note of a finding begins that was set aside for it."""


@dataclass(frozen=True, slots=True)
class LabelsKept:
    """kept of judged findings. unjudged: those nothing could tell of. by: what told, in words. refused: set aside."""

    kept: int = 0
    judged: int = 0
    unjudged: int = 0
    by: tuple[str, ...] = ()
    refused: int = 0

    def __str__(self) -> str:
        """ "label kept: 12 of 15 (by vote of reference models, SSIM); 2 not to be judged"; "" without findings."""
        if not self.judged + self.unjudged:
            return ""
        said = f"label kept: {self.kept} of {self.judged}"
        said += f" (by {', '.join(self.by)})" if self.by else ""
        said += f"; {self.unjudged} not to be judged" if self.unjudged else ""
        if self.refused and self.refused == self.judged + self.unjudged:
            return f"{said}; all {self.refused} refused for it: look at them, or at the reference models"
        return said + (f"; {self.refused} refused for it" if self.refused else "")


def labels_kept(findings: Sequence[Finding]) -> LabelsKept:
    """What was said of findings' labels when they were confirmed."""
    asked = [one for one in findings if one.verdict == "confirmed" and KEEPS in one.evidence]
    told = [dict(one.evidence[KEEPS]) for one in asked]
    judged = [one for one in told if one.get("kept") is not None]
    words = dict.fromkeys("vote of reference models" if one["by"] == "vote" else str(one["by"]) for one in judged)
    refused = sum(one.triage == "ignored" and one.note.startswith(REFUSED) for one in asked)
    kept = sum(bool(one["kept"]) for one in judged)
    return LabelsKept(kept, len(judged), len(told) - len(judged), tuple(sorted(words)), refused)
