"""Whether findings are still what their seeds were: an opinion on one, and the share that keeps its label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from mlfuzz.findings.finding import Finding

KEEPS = "keeps_label"
"""Where a finding's evidence holds the opinion on its label."""

VOTE = "vote"
"""By which an opinion is reached where more than half of the reference models' votes say the same."""

MEASURED = "what its operators leave of labels"
"""By which an opinion is reached where nobody votes: shares measured on other models (`mutators.limits`)."""

PERSON = "a person"
"""By which an opinion is reached that no machine changes (`mlfuzz review`)."""

REFUSED = "not shown to keep its label"
"""How the note of a finding begins that was set aside for it."""


class LabelOpinion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a failing input kept its seed's label, and who says so.

    kept: None where nobody can say. by: PERSON, VOTE, MEASURED, a measure of likeness, or "nothing".
    measure: what likeness to the seed is called, "" where the modality has none; least: from where on it counts;
    moved: whether an operator moved all of the input, of which likeness says nothing.
    share: of inputs that keep their label along such a chain, None where an operator of it was not measured.
    valid: whether it is a natural input at all, where a person has said so.
    sure: how sure the opinion is, in [0.5, 1]; None where nothing says so.
    votes: "2 of 3" reference models, "" without any; said: the label that each gave the input, "" for none.
    """

    kept: bool | None = msgspec.field(default_factory=lambda: None)  # a plain default would be left out of the record
    by: str = msgspec.field(default_factory=lambda: "nothing")
    measure: str = ""
    likeness: float | None = None
    least: float | None = None
    moved: bool | None = None
    share: float | None = None
    sure: float | None = None
    valid: bool | None = None
    votes: str = ""
    said: Mapping[str, str] = {}

    def __str__(self) -> str:
        """ "1 of 3 reference models, SSIM 0.21 (0.5 counts)"."""
        if self.by == PERSON:
            return "a person has looked at it" + ("" if self.valid is not False else ": no natural input")
        parts = [f"{self.votes} reference models"] if self.votes else []
        if self.likeness is not None and self.least is not None:
            counts = "says nothing of what was moved" if self.moved else f"{self.least:g} counts"
            parts.append(f"{self.measure} {self.likeness:g} ({counts})")
        if self.share is not None:
            parts.append(f"{self.share:.0%} of inputs keep their label through such a chain")
        return ", ".join(parts) or "nothing can judge it"


def opinion_of(finding: Finding) -> LabelOpinion | None:
    """The opinion on a finding's label, None where nobody was asked.

    One that was edited into something else is nobody's: the label counts as not judged.
    """
    if KEEPS not in finding.evidence:
        return None
    try:
        return msgspec.convert(finding.evidence[KEEPS], LabelOpinion)
    except msgspec.ValidationError:
        return LabelOpinion()


def with_opinion(finding: Finding, opinion: LabelOpinion) -> Finding:
    """The finding with an opinion in its evidence, as its record holds it."""
    return msgspec.structs.replace(finding, evidence={**finding.evidence, KEEPS: msgspec.to_builtins(opinion)})


def label_word(finding: Finding) -> str:
    """What is said of its label: kept, lost, invalid, "?" where nothing can be said; "" where nobody was asked."""
    opinion = opinion_of(finding)
    if opinion is None:
        return ""
    if opinion.valid is False:
        return "invalid"
    return {True: "kept", False: "lost", None: "?"}[opinion.kept]


def may_be_none(finding: Finding) -> bool:
    """Whether it may be no failure at all: its label is said to be lost, or nothing can be said of it."""
    return label_word(finding) in ("lost", "invalid", "?")


def first_looked_at(findings: Sequence[Finding]) -> str:
    """ "2 of 9 may have lost their label: look at these first"; "" where none may."""
    asked = [one for one in findings if one.verdict == "confirmed" and label_word(one)]
    doubtful = sum(map(may_be_none, asked))
    return f"{doubtful} of {len(asked)} may have lost their label: look at these first" if doubtful else ""


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
        text = f"label kept: {self.kept} of {self.judged}"
        text += f" (by {', '.join(self.by)})" if self.by else ""
        text += f"; {self.unjudged} not to be judged" if self.unjudged else ""
        if self.refused and self.refused == self.judged + self.unjudged:
            return f"{text}; all {self.refused} refused for it: look at them, or at the reference models"
        return text + (f"; {self.refused} refused for it" if self.refused else "")


def labels_kept(findings: Sequence[Finding]) -> LabelsKept:
    """What was said of findings' labels when they were confirmed."""
    confirmed = [(one, opinion_of(one)) for one in findings if one.verdict == "confirmed"]
    asked = [(one, opinion) for one, opinion in confirmed if opinion is not None]
    judged = [opinion for _, opinion in asked if opinion.kept is not None]
    words = {"vote of reference models" if opinion.by == VOTE else opinion.by for opinion in judged}
    refused = sum(one.triage == "ignored" and one.note.startswith(REFUSED) for one, _ in asked)
    kept = sum(opinion.kept is True for opinion in judged)
    return LabelsKept(kept, len(judged), len(asked) - len(judged), tuple(sorted(words)), refused)
