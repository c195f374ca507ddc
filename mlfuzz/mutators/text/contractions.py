"""English contractions, made and undone. Source: Ribeiro et al., CheckList, ACL 2020 (perturbation of contractions)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Integer
from mlfuzz.mutators.text.edits import Edit, edit
from mlfuzz.mutators.text.places import picked

FEW = Integer(1, 4, neutral=0, unit="words")

_FORMS = {
    "can't": "cannot", "won't": "will not", "shan't": "shall not", "let's": "let us", "i'm": "I am",
    **{f"{verb}n't": f"{verb} not" for verb in (
        "are", "could", "did", "does", "do", "had", "has", "have", "is", "might", "must", "need", "should", "was",
        "were", "would")},
    **{f"{who}'re": f"{who} are" for who in ("you", "we", "they", "who")},
    **{f"{who}'ve": f"{who} have" for who in ("I", "you", "we", "they", "could", "should", "would", "might", "must")},
    **{f"{who}'ll": f"{who} will" for who in ("I", "you", "he", "she", "it", "we", "they", "that", "there", "who")},
    **{f"{who}'s": f"{who} is" for who in ("it", "he", "she", "that", "there", "what", "where", "how", "here")},
}  # fmt: skip
LONG = {short.lower(): long for short, long in _FORMS.items()}
"""Short form -> long form. 'd is left out: had or would."""

SHORT = {long.lower(): short for short, long in LONG.items()}
_NOT_AFTER = r"(?! (?:been|got|become|had|gone|done|made|seen|taken)\b)"
"""She's been is not she is been."""

_IS = "|".join(short for short in LONG if short.endswith("'s") and short != "let's")
_OTHERS = "|".join(short for short in LONG if not short.endswith("'s") or short == "let's")
_SHORT = re.compile(rf"\b(?:(?:{_IS})\b{_NOT_AFTER}|(?:{_OTHERS})\b)".replace("'", "['’]"), re.IGNORECASE)
_LONG = re.compile(rf"\b(?:{'|'.join(SHORT)})\b(?=\s+\w)", re.IGNORECASE)
"""Not at the end of a sentence: nobody writes "Yes, I'm."."""


@edit("text.expand", kind="words", amount=FEW)
def expand(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """English contractions written out: it is for it's."""
    if "'" not in text and "’" not in text:
        return
    for match in picked(rng, list(_SHORT.finditer(text)), most):
        old = match.group()
        yield match.start(), old, _cased(LONG[old.lower().replace("’", "'")], old)


@edit("text.contract", kind="words", amount=FEW)
def contract(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """English contractions made: it's for it is."""
    for match in picked(rng, list(_LONG.finditer(text)), most):
        old = match.group()
        yield match.start(), old, _cased(SHORT[old.lower()], old)


def _cased(new: str, old: str) -> str:
    if len(old) > 2 and old.isupper():
        return new.upper()
    plain = new.replace("i'", "I'", 1) if new.startswith("i'") else new
    return plain[0].upper() + plain[1:] if old[0].isupper() else plain
