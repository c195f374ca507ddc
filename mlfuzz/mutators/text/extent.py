"""How much text there is: far more of it, less, none; and what strays into it.

Source: Ribeiro et al., CheckList, ACL 2020 (irrelevant URLs and handles added; long inputs).
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Integer
from mlfuzz.mutators.text.edits import Edit, edit
from mlfuzz.mutators.text.places import gaps, picked

ONCE = Integer(1, 1, neutral=0, unit="cuts")

SPECIAL = (
    "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "<s>", "</s>", "<pad>", "<unk>", "<mask>", "<|endoftext|>",
    "<|im_start|>", "<|im_end|>", "[INST]", "<extra_id_0>", "##", "\u2581", "\u0120", "NULL", "nan", "None",
    "undefined", "%s", "{0}", "$HOME",
    "&nbsp;", "<br>", "<!-- -->", "\\n", "\\x00", "0x0", "-1", "1e309", "\ufffd",
)  # fmt: skip
"""Tokens that mean something to tokenisers, templates and parsers."""


@edit("text.repeat", kind="extent", amount=Integer(1, 4, neutral=0, unit="times more"), cost=128)
def repeat(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """The whole text once more, or several times."""
    return ((len(text), "", f" {text}") for _ in range(most if text else 0))


@edit("text.fill", kind="extent", amount=Integer(8, 64, neutral=0, unit="times more"), default=False)
def fill(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """The whole text over and over, as often as there is room."""
    return repeat(text, rng, most)


@edit("text.empty", kind="extent", amount=ONCE, cost=128, effect="destroying", default=False)
def empty(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Nothing is left of the text."""
    yield 0, text, ""


@edit("text.truncate", kind="extent", amount=ONCE, effect="destroying", default=False)
def truncate(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """The text is cut off between two words."""
    for at in picked(rng, gaps(text), 1):
        yield at, text[at:], ""


@edit("text.special_token", kind="extent", amount=Integer(1, 3, neutral=0, unit="tokens"))
def special_token(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Tokens that tokenisers, templates or parsers have a meaning for, between words."""
    for at in picked(rng, [*gaps(text), len(text)], most):
        yield at, text[at : at + 1], f" {rng.choice(SPECIAL)}" + text[at : at + 1]


@edit("text.address", kind="extent", amount=Integer(1, 2, neutral=0, unit="addresses"), cost=128)
def address(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A link or a handle that has nothing to do with the text, before or behind it."""
    for _ in range(most):
        code = "".join(rng.choices(string.ascii_letters + string.digits, k=8))
        stray = rng.choice((f"https://example.org/{code}", f"@{code}", f"#{code}"))
        yield rng.choice(((0, "", f"{stray} "), (len(text), "", f" {stray}")))
