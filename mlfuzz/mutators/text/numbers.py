"""Numbers and dates written another way. Source: Ribeiro et al., CheckList, ACL 2020, for English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Integer
from mlfuzz.mutators.text.edits import Edit, edit
from mlfuzz.mutators.text.places import picked

FEW = Integer(1, 4, neutral=0, unit="numbers")

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NAMES = [*_ONES, *(f"{tens}-{ones}" if ones != "zero" else tens for tens in _TENS for ones in _ONES[:10])]
"""0 to 99 in words."""

VALUES = {name: value for value, name in enumerate(NAMES)} | {
    name.replace("-", " "): value for value, name in enumerate(NAMES)
}

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip

_FIGURE = re.compile(r"(?<![\w.,:/$€£+-])\d{1,2}(?![\w:/%°]|[.,-]\d)")
_NAME = re.compile(
    rf"(?<![\w-])(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES[1:10])}))?|{'|'.join(reversed(_ONES))})"
    r"(?![\w-]| hundred| thousand| million| [Oo]f)",
    re.IGNORECASE,
)
_MONTH = "|".join(MONTHS)
_DATES = (
    re.compile(r"(?<![\w-])(?P<year>[12]\d{3})-(?P<month>\d{2})-(?P<day>\d{2})(?![\w-])"),
    re.compile(rf"(?<!\w)(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?P<month>{_MONTH}),? (?P<year>[12]\d{{3}})(?!\w)"),
    re.compile(rf"(?<!\w)(?P<month>{_MONTH}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?, (?P<year>[12]\d{{3}})(?!\w)"),
)
"""Only what can be read one way: 3/4/2024 is a day in March to some."""


@edit("text.number_words", kind="words", amount=FEW, cost=128)
def number_words(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """0 to 99 in English words: twenty-one for 21."""
    for match in picked(rng, list(_FIGURE.finditer(text)), most):
        yield match.start(), match.group(), NAMES[int(match.group())]


@edit("text.number_figures", kind="words", amount=FEW)
def number_figures(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Zero to ninety-nine in figures: 21 for twenty-one. One is left alone: it is a pronoun too."""
    names = [match for match in _NAME.finditer(text) if match.group().lower() != "one"]
    for match in picked(rng, names, most):
        yield match.start(), match.group(), str(VALUES[match.group().lower()])


@edit("text.date_form", kind="words", amount=Integer(1, 2, neutral=0, unit="dates"))
def date_form(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """English dates in another form: 2024-03-05, 5 March 2024, March 5, 2024, and two more."""
    dates = [match for pattern in _DATES for match in pattern.finditer(text)]
    for match in picked(rng, dates, most):
        forms = [form for form in _forms(match) if form != match.group()]
        if forms:
            yield match.start(), match.group(), rng.choice(forms)


def _forms(match: re.Match[str]) -> list[str]:
    named = match["month"]
    month = MONTHS.index(named) + 1 if named in MONTHS else int(named)
    day, year = int(match["day"]), match["year"]
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return []
    name = MONTHS[month - 1]
    return [
        f"{year}-{month:02}-{day:02}", f"{day} {name} {year}", f"{name} {day}, {year}",
        f"{day} {name[:3]} {year}", f"{year}/{month:02}/{day:02}",
    ]  # fmt: skip
