"""Whether a failing input is still what its seed was: by likeness to the seed, and by a vote of reference models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mlfuzz.batch import from_payloads
from mlfuzz.campaign.confirm.complexity import severity
from mlfuzz.campaign.evidence import run_of
from mlfuzz.campaign.minimize.pipeline import payloads
from mlfuzz.errors import ConfigError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.findings.labels import MEASURED, PERSON, REFUSED, VOTE, LabelOpinion, opinion_of, with_opinion
from mlfuzz.findings.store import FindingStore
from mlfuzz.modality.base import Payload, rebuild
from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.limits.distance import DISTANCES
from mlfuzz.mutators.limits.label_shares import share_kept
from mlfuzz.mutators.limits.limits import scaled_of
from mlfuzz.targets.execute import execute
from mlfuzz.targets.load import load

DIGITS = 3

KEPT, LOST = 0.6, 0.3
"""Shares of inputs that keep their label, from which on one is said to be kept, and up to which it is said to be lost:
between them failures, which lose it more often than all that went the same way, are as likely one as the other."""


@dataclass(frozen=True, slots=True)
class Validity:
    """Judges findings. models: references, by name. require: whether what lost its label is set aside.

    What a person has decided stays. A model votes where it gives the seed its label (or any, where the seed has none):
    for the input, if it says the same of it. More than half of the votes decide; where nobody votes, or as many each
    way, what other models have seen of its operators does (`mutators.limits.label_shares`); where one of them was not
    measured, likeness to the seed: structural similarity of pictures, signal to noise of sounds, edit distance of
    texts. That says nothing of inputs that were moved (turned, stretched).
    Source: Xie et al., DeepHunter, ISSTA 2019, section 3.2, for likeness; a vote of references judges what it lets by.
    """

    models: Mapping[str, Any]
    require: bool = False

    def check(self, finding: Finding, payload: Payload, seed: Payload | None) -> Finding:
        """The finding with an opinion on its label; ignored where it is required to keep it and does not.

        Crashes and exceptions are failures whatever the input is, and are left as they are.
        """
        if seed is None or finding.kind in CRASH_KINDS or finding.side != "model":
            return finding
        if (known := opinion_of(finding)) is not None and known.by == PERSON:
            return finding
        opinion = self.opinion(finding, payload, seed)
        checked = with_opinion(finding, opinion)
        refused = finding.triage == "ignored" and finding.note.startswith(REFUSED)
        if not self.require or not (refused or finding.triage == "open"):
            return checked
        if opinion.kept is True:  # what a shrink has left may keep the label that the whole chain lost
            return msgspec.structs.replace(checked, triage="open", note="") if refused else checked
        return msgspec.structs.replace(checked, triage="ignored", note=f"{REFUSED}: {opinion}")

    def opinion(self, finding: Finding, payload: Payload, seed: Payload) -> LabelOpinion:
        """By vote; where that decides nothing by what its operators leave of labels; else by likeness."""
        alike = by_operators(finding, by_likeness(finding, payload, seed))
        if not self.models:
            return alike
        answers = {name: _vote(model, finding, payload, seed) for name, model in self.models.items()}
        votes = [vote for vote, _ in answers.values() if vote is not None]
        labels = {name: label for name, (_, label) in answers.items()}
        opinion = msgspec.structs.replace(alike, votes=f"{sum(votes)} of {len(votes)}", said=labels)
        if 2 * sum(votes) == len(votes):
            return opinion
        kept = 2 * sum(votes) > len(votes)
        # As many votes again for either side as nobody has cast (Laplace): one vote alone is not certain.
        sure = (max(sum(votes), len(votes) - sum(votes)) + 1) / (len(votes) + 2)
        return msgspec.structs.replace(opinion, kept=kept, by=VOTE, sure=round(sure, DIGITS))


def load_validity(
    names: Sequence[str], *, target: Any, directory: Path, device: str = "cpu", require: bool = False
) -> Validity:
    """Raises TargetLoadError; ConfigError for a reference that is the target itself, or takes other inputs."""
    models = {name: load(name, directory=directory, device=device) for name in names}
    for name, model in models.items():
        if model.digest == target.digest:
            raise ConfigError(f"validity: {name} is the target itself; a reference must be another model")
        if model.modality.name != target.modality.name or model.modality.describe() != target.modality.describe():
            raise ConfigError(f"validity: {name} takes other inputs than target {target.name}; they must take the same")
    return Validity(models, require)


def voters(finding: Finding) -> list[str]:
    """Names of the reference models that voted on a finding before."""
    opinion = opinion_of(finding)
    return list(opinion.said) if opinion else []


def keep_label(validity: Validity, store: FindingStore, finding: Finding) -> Finding:
    """A confirmed finding as `Validity.check` leaves it, stored. Raises CorruptRecordError, BadInputError."""
    if finding.verdict != "confirmed":
        return finding
    checked = validity.check(finding, *payloads(store, finding))
    if checked is not finding:
        store.update(checked)
    if checked.triage != finding.triage:
        store.annotate(checked.id, triage=checked.triage, note=checked.note)
    return checked


def by_likeness(finding: Finding, payload: Payload, seed: Payload) -> LabelOpinion:
    """Of inputs whose modality has a measure, and that no operator has moved."""
    name = str(finding.modality.get("name"))
    if name not in DISTANCES.names():
        return LabelOpinion()
    import torch

    measure, modality = DISTANCES.get(name), rebuild(finding.modality)
    if np.shape(payload) != np.shape(seed) and not modality.ragged:
        return LabelOpinion()
    rows, roots = (from_payloads([one], modality, torch.device("cpu")) for one in (payload, seed))
    word, least = measure.like
    value = float(measure.likeness(rows, roots)[0])
    kinds = {MUTATORS.get(step.name).kind for step in finding.chain if step.name in MUTATORS.names()}
    shown = round(max(-1e3, min(1e3, value)), DIGITS)
    moved = bool(kinds & measure.moving)
    opinion = LabelOpinion(measure=word, likeness=shown, least=least, moved=moved)
    return opinion if moved else msgspec.structs.replace(opinion, kept=shown >= least, by=word)


def by_operators(finding: Finding, alike: LabelOpinion) -> LabelOpinion:
    """The opinion that likeness gave, with that of the operators in its place where they have one."""
    if not finding.chain or not all(map(_as_declared, finding.chain)):
        return alike
    share = share_kept(finding.chain, _strength)
    if share is None:
        return alike
    said = msgspec.structs.replace(alike, share=round(share, DIGITS))
    if LOST < share < KEPT:
        return msgspec.structs.replace(said, kept=None, by="nothing")
    sure = round(max(share, 1 - share), DIGITS)
    return msgspec.structs.replace(said, kept=share >= KEPT, by=MEASURED, sure=sure)


def _as_declared(step: Mutation) -> bool:
    return step.name in MUTATORS.names() and set(step.params) == set(MUTATORS.get(step.name).full_space)


def _strength(step: Mutation) -> float | None:
    return severity(step) if scaled_of(MUTATORS.get(step.name)) else None


def _vote(model: Any, finding: Finding, payload: Payload, seed: Payload) -> tuple[bool | None, str]:
    """(whether the input keeps its label, None without an opinion; what the model said of the input)."""
    before, after = _label_of(model, seed), _label_of(model, payload)
    if not before or (finding.label is not None and before != finding.label):
        return None, after
    return after == before, after


def _label_of(model: Any, payload: Payload) -> str:
    """The label that a model gives, "" where it gives none or raises."""
    execution = execute(model, from_payloads([payload], model.modality, model.device))
    return "" if execution.seen is None else run_of(execution.seen, model).label
