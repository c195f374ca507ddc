"""Greedy choice of edits, by what comes of them or by the gradient at an embedding layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mlfuzz
from mlfuzz.batch import Indices, TextRows
from mlfuzz.campaign.search.boundary import Seen, beyond
from mlfuzz.campaign.search.hotflip import EmbeddingGradient
from mlfuzz.campaign.search.text import choose, offered
from mlfuzz.modality.text import Text
from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import defaults, replay
from mlfuzz.mutators.text.edits import Edit, apart

TEXT = Text(max_chars=60)
LINES = ("the cat sat on the mat today", "a dog ran over the green hill")


class Letters(nn.Module):
    """Two classes by the sum of a weight for each letter: bytes (B, T) -> (B, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(256, 4)
        self.small = nn.Embedding(2, 4)
        self.head = nn.Linear(4, 2, bias=False)
        torch.manual_seed(0)
        with torch.no_grad():
            self.embed.weight.copy_(torch.randn(256, 4) * 0.01)
            self.embed.weight[ord("@")] = torch.tensor([3.0, 0.0, 0.0, 0.0])
            self.head.weight.copy_(torch.tensor([[-1.0, 0, 0, 0], [1.0, 0, 0, 0]]))

    def forward(self, content: Tensor) -> Tensor:
        scores: Tensor = self.head(self.embed(content).sum(1))
        return scores


def encode(texts: tuple[str, ...]) -> Tensor:
    rows = [list(text.encode()[:60]) for text in texts]
    return torch.tensor([row + [0] * (60 - len(row)) for row in rows])


@pytest.fixture
def target() -> mlfuzz.ModuleTarget:
    return mlfuzz.ModuleTarget("letters", TEXT, Letters().eval(), preprocess=encode, labels=("no", "yes"))


OFFERS: list[list[Edit]] = [
    [(at, char, "x") for at, char in enumerate(line) if char.isalpha()] + [(line.index("a"), "a", "@")]
    for line in LINES
]


def admit(row: int, texts: Sequence[str]) -> np.ndarray:
    return np.ones(len(texts), np.bool_)


class Asked:
    """The gap of leaving class 0 by more than `need`; counts."""

    def __init__(self, target: mlfuzz.ModuleTarget, need: float) -> None:
        self.target, self.need, self.count = target, need, np.zeros(2, np.int64)

    def gap(self, rows: TextRows, which: Indices) -> Seen:
        np.add.at(self.count, which, 1)
        value = beyond(self.target.run(rows).main, torch.zeros(len(rows), dtype=torch.int64)) - self.need
        return Seen(value, value)

    def estimate(self) -> EmbeddingGradient:
        return EmbeddingGradient(
            self.target, lambda seen, which: beyond(seen.main, torch.zeros(len(which), dtype=torch.int64))
        )


def test_the_gradient_puts_the_edit_that_matters_first(target: mlfuzz.ModuleTarget) -> None:
    asked = Asked(target, 4.0)
    rows = TextRows(LINES, TEXT)
    gains = asked.estimate()(rows, np.arange(2), [[line.replace("a", "@", 1), "x" + line[1:]] for line in LINES])
    for row, line in enumerate(LINES):
        before, after = (
            asked.gap(TextRows((text,), TEXT), np.asarray([row])).gap for text in (line, line.replace("a", "@", 1))
        )
        assert gains[row][0] == pytest.approx(float(after - before), abs=1e-4)
        assert gains[row][0] > gains[row][1]


def test_with_gradients_a_needle_is_found_in_one_round(target: mlfuzz.ModuleTarget) -> None:
    asked = Asked(target, 4.0)
    found = choose(
        asked.gap,
        TextRows(LINES, TEXT),
        OFFERS,
        admit,
        rng=np.random.default_rng(0),
        most=60,
        estimate=asked.estimate(),
    )
    assert found.hit.all()
    assert all(len(edits) == 1 and edits[0][2] == "@" for edits in found.edits)
    assert found.spent.max() <= 1 + 2 + 8
    assert "@" in found.texts.texts[0]


@pytest.mark.parametrize("most", [1, 5, 30])
def test_a_choice_never_exceeds_its_evaluations(target: mlfuzz.ModuleTarget, most: int) -> None:
    for white in (False, True):
        asked = Asked(target, 1e9)
        estimate = asked.estimate() if white else None
        found = choose(
            asked.gap, TextRows(LINES, TEXT), OFFERS, admit, rng=np.random.default_rng(0), most=most, estimate=estimate
        )
        assert not found.hit.any()
        assert found.spent.max() <= most
        assert (asked.count <= found.spent).all()


def test_what_is_chosen_is_a_replace_mutation_that_makes_the_same_text(target: mlfuzz.ModuleTarget) -> None:
    asked = Asked(target, 0.5)
    rows = TextRows(LINES, TEXT)
    found = choose(asked.gap, rows, OFFERS, admit, rng=np.random.default_rng(0), most=80)
    assert found.hit.any()
    chains = []
    for edits in found.edits:
        made = sorted(edits)
        assert apart(made, len(made), 60) == made
        sites, old, new = ([edit[part] for edit in made] for part in range(3))
        chains.append((Mutation("text.replace", {"share": 1.0, "sites": sites, "old": old, "new": new}),))
    assert replay(rows, chains).texts == found.texts.texts


def test_edits_beyond_a_limit_are_not_run(target: mlfuzz.ModuleTarget) -> None:
    asked = Asked(target, 4.0)

    def nothing(row: int, texts: Sequence[str]) -> np.ndarray:
        return np.zeros(len(texts), np.bool_)

    found = choose(asked.gap, TextRows(LINES, TEXT), OFFERS, nothing, rng=np.random.default_rng(0), most=60)
    assert found.texts.texts == LINES
    assert found.spent.tolist() == [1, 1]


def test_operators_offer_single_edits_that_stand_where_they_say() -> None:
    rows = TextRows(LINES, TEXT)
    offers = offered(rows, defaults("text"), np.random.default_rng(1))
    again = offered(rows, defaults("text"), np.random.default_rng(1))
    assert offers == again
    for line, edits in zip(LINES, offers, strict=True):
        assert len(edits) > 40
        assert len(set(edits)) == len(edits)
        assert all(line[site : site + len(old)] == old and old != new for site, old, new in edits)


def test_a_model_without_an_embedding_layer_has_no_estimate() -> None:
    plain = mlfuzz.ModuleTarget("plain", TEXT, nn.Linear(60, 2), preprocess=lambda texts: encode(texts).float())
    with pytest.raises(LookupError, match="embedding"):
        EmbeddingGradient(plain, lambda seen, which: seen.main.sum(1))
