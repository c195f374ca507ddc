"""Whether failing inputs kept their label: who votes, what decides without a vote, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.campaign.minimize.label_check import Validity, by_operators, keep_label, load_validity, voters
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import ConfigError
from mlfuzz.examples.digits import fragile, robust
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.findings.labels import MEASURED, VOTE, LabelOpinion, labels_kept, opinion_of
from mlfuzz.modality.image import Image
from mlfuzz.mutation import Mutation
from mlfuzz.mutators.limits.label_shares import shares

IMAGE = Image(size=(16, 16))
RNG = np.random.default_rng(0)
SEED = RNG.integers(0, 256, (1, 16, 16), dtype=np.uint8)
NEAR = np.clip(SEED.astype(int) + 3, 0, 255).astype(np.uint8)
FAR = RNG.integers(0, 256, (1, 16, 16), dtype=np.uint8)


class Says(nn.Module):
    """Class 1 of what is the far picture, class `usual` of the rest."""

    def __init__(self, *, far: int, usual: int = 0) -> None:
        super().__init__()
        self.far, self.usual = far, usual
        self.register_buffer("picture", torch.from_numpy(FAR).float() / 255)

    def forward(self, x: Tensor) -> Tensor:
        is_far = ((x - self.picture).abs().flatten(1).mean(1) < 0.01).long()
        answers = torch.where(is_far == 1, self.far, self.usual)
        return nn.functional.one_hot(answers, 3).float()


def reference(**says: int) -> mlfuzz.ModuleTarget:
    return mlfuzz.ModuleTarget("reference", IMAGE, Says(**says), labels="abc")


def finding(*operators: str, **fields: Any) -> Finding:
    chain = tuple(Mutation(name, {}) for name in operators)
    return Finding(
        id="f", side="model", kind="label", target="t", input=FileRef("input.png", ""), label="a", chain=chain,
        modality={"name": "image", **IMAGE.describe()}, verdict="confirmed", **fields,
    )  # fmt: skip


def opinion(payload: np.ndarray[Any, Any], *models: mlfuzz.ModuleTarget, by: str = "image.gamma") -> LabelOpinion:
    named = {f"m{at}": model for at, model in enumerate(models)}
    return Validity(named).opinion(finding(by), payload, SEED)


def test_more_than_half_of_the_votes_decide() -> None:
    asked = opinion(FAR, reference(far=0), reference(far=0), reference(far=1))
    assert (asked.kept, asked.by, asked.votes) == (True, "vote", "2 of 3")
    assert asked.said == {"m0": "a", "m1": "a", "m2": "b"}
    asked = opinion(FAR, reference(far=0), reference(far=1), reference(far=1))
    assert (asked.kept, asked.votes) == (False, "1 of 3")


def test_a_model_that_does_not_know_the_seed_has_no_vote() -> None:
    asked = opinion(FAR, reference(far=2, usual=2), reference(far=1))
    assert (asked.kept, asked.votes) == (False, "0 of 1")


def test_likeness_decides_where_nobody_votes_or_as_many_each_way() -> None:
    for models in ((), (reference(far=0), reference(far=1))):
        far, near = opinion(FAR, *models), opinion(NEAR)
        assert (far.kept, far.by) == (False, "SSIM")
        assert (near.kept, near.by) == (True, "SSIM")
        assert near.likeness > 0.9 > near.least > far.likeness


def test_likeness_says_nothing_of_what_was_moved() -> None:
    asked = opinion(FAR, by="image.rotate")
    assert asked.kept is None
    assert "says nothing of what was moved" in str(asked)
    assert opinion(FAR, reference(far=0), by="image.rotate").kept is True


def test_crashes_are_failures_whatever_the_input_is() -> None:
    crash = finding("image.gamma", evidence={})
    crash = Finding(**{name: getattr(crash, name) for name in crash.__struct_fields__} | {"kind": "exception"})
    assert Validity({}).check(crash, FAR, SEED) is crash


def test_what_is_not_shown_to_keep_its_label_is_ignored_where_that_is_required() -> None:
    strict, lenient = Validity({}, require=True), Validity({})
    assert strict.check(finding("image.gamma"), NEAR, SEED).triage == "open"
    refused = strict.check(finding("image.gamma"), FAR, SEED)
    assert refused.triage == "ignored"
    assert refused.note.startswith("not shown to keep its label: SSIM ")
    assert lenient.check(finding("image.gamma"), FAR, SEED).triage == "open"
    shrunk = strict.check(refused, NEAR, SEED)
    assert (shrunk.triage, shrunk.note) == ("open", "")
    assert strict.check(finding("image.gamma", triage="quarantined"), FAR, SEED).triage == "quarantined"


@pytest.mark.parametrize(
    ("modality", "seed", "near", "far", "measure"),
    [
        (
            mlfuzz.Text(max_chars=40),
            "a plain sentence here",
            "a plain sentance here",
            "zzzz",
            "share of characters kept",
        ),
        (
            mlfuzz.Audio(seconds=None),
            np.tile(np.arange(-500, 500, dtype=np.int16) * 20, (1, 4)),
            np.tile(np.arange(-500, 500, dtype=np.int16) * 20, (1, 4)) + np.int16(30),
            RNG.integers(-9000, 9000, (1, 4000)).astype(np.int16),
            "SNR in dB",
        ),
    ],
)
def test_texts_and_sounds_have_a_likeness_too(modality: Any, seed: Any, near: Any, far: Any, measure: str) -> None:
    of = finding()
    of = Finding(
        **{name: getattr(of, name) for name in of.__struct_fields__}
        | {"modality": {"name": modality.name, **modality.describe()}, "label": None}
    )
    opinions = [Validity({}).opinion(of, payload, seed) for payload in (near, far)]
    assert [one.kept for one in opinions] == [True, False]
    assert opinions[0].by == measure


def test_a_reference_that_is_the_target_or_takes_other_inputs_is_refused() -> None:
    with pytest.raises(ConfigError, match="is the target itself"):
        load_validity(["mlfuzz.examples.digits:robust"], target=robust(), directory=Path())
    with pytest.raises(ConfigError, match="takes other inputs"):
        load_validity(["mlfuzz.examples.digits:robust"], target=reference(far=0), directory=Path())


@pytest.mark.slow
@pytest.mark.turns(2)
def test_a_campaign_asks_for_each_confirmed_finding(tmp_path: Path) -> None:
    twin = "mlfuzz.examples.digits:robust"
    options = {"validity": [twin], "require_valid": True, "batch": 128, "max_seeds": 30}
    with Campaign.open(tmp_path / "c", fragile(), **options) as campaign:
        result = campaign.run(Budget(inputs=1_000, seconds=60))
        store = campaign.findings
    confirmed = [one for one in store.records() if one.verdict == "confirmed"]
    assert confirmed
    for one in confirmed:
        asked = opinion_of(one)
        assert twin in asked.said
        assert (one.triage == "ignored") is (asked.kept is not True)
        assert voters(one) == [twin]
    told_all = labels_kept(confirmed)
    assert told_all.kept >= 0.5 * len(confirmed), "the robust twin reads most of what the fragile one fails on"
    assert result.findings
    again = keep_label(load_validity(voters(confirmed[0]), target=fragile(), directory=Path()), store, confirmed[0])
    assert opinion_of(again) == opinion_of(confirmed[0])


def test_what_was_measured_of_its_operators_decides_where_nobody_votes() -> None:
    mild = finding("image.gamma")
    mild = msgspec.structs.replace(mild, chain=(Mutation("image.gamma", {"exponent": 1.1}),))
    asked = Validity({}).opinion(mild, FAR, SEED)
    assert (asked.kept, asked.by) == (True, MEASURED)
    assert asked.share is not None
    assert asked.sure == asked.share > 0.95
    voted = Validity({"m": reference(far=1)}).opinion(mild, FAR, SEED)
    assert (voted.kept, voted.by, voted.sure) == (False, VOTE, 0.667)


def test_what_may_be_either_is_not_judged() -> None:
    styled = finding("text.styled")
    table = shares()["text.styled"]
    opinion = by_operators(
        msgspec.structs.replace(
            styled, chain=(Mutation("text.styled", {"share": 0.5, "sites": [], "old": [], "new": []}),)
        ),
        LabelOpinion(kept=False, by="edit distance"),
    )
    assert opinion.share == pytest.approx(table[2], abs=1e-3)
    assert (opinion.kept, opinion.by) == (None, "nothing")
