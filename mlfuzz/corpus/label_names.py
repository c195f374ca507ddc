"""Labels as data sets write them -> labels as the target writes them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from mlfuzz.corpus.files import plain
from mlfuzz.corpus.places import Warn

SHOWN = 3


def known_names(given: Iterable[str], labels: Sequence[str], warn: Warn) -> dict[str, str]:
    """Given -> the target's, for those that it has.

    The same in another Unicode form, and a whole number written as a float, are the same. Where the target has none of
    them, and all are whole numbers below how many it has, they are its labels' numbers, and that is told.
    """
    spelt = sorted(set(given))
    own = {_form(label): label for label in labels}
    found = {label: own[form] for label in spelt if (form := _form(label)) in own}
    if found or not spelt:
        return found
    numbers = {label: _form(label) for label in spelt}
    if not all(number.isascii() and number.isdigit() and int(number) < len(labels) for number in numbers.values()):
        return {}
    named = {label: labels[int(number)] for label, number in numbers.items()}
    shown = ", ".join(f"{plain(label)} is {plain(named[label])}" for label in spelt[:SHOWN])
    warn(f"labels are taken as numbers of the target's: {shown}{', ...' if len(spelt) > SHOWN else ''}")
    return named


def _form(label: str) -> str:
    text = unicodedata.normalize("NFC", label).strip()
    whole, dot, rest = text.partition(".")
    return whole if dot and whole.lstrip("-").isdigit() and not rest.strip("0") else text
