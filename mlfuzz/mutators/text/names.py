"""Names of people and places, swapped for others: what a fair answer does not depend on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from mlfuzz.mutators.param import Integer
from mlfuzz.mutators.text.cased import cased
from mlfuzz.mutators.text.edits import Edit, edit
from mlfuzz.mutators.text.places import picked, words

FEW = Integer(1, 4, neutral=0, unit="names")

PEOPLE = tuple(
    group.split()
    for group in (
        "James John Robert Michael William David Thomas Daniel Matthew Andrew Peter Paul Mark George Kevin Brian",
        "Mary Patricia Jennifer Linda Elizabeth Susan Jessica Sarah Karen Emily Laura Anna Emma Olivia Alice Julia",
        "Mohammed Ahmed Ali Omar Hassan Ibrahim Yusuf Khalid Mustafa Karim Bilal Tariq Samir Nabil Rashid Jamal",
        "Fatima Aisha Zainab Khadija Maryam Layla Amina Yasmin Noor Salma Samira Hana Nadia Rania Leila Zahra",
        "Wei Jun Hiroshi Kenji Takashi Minh Raj Arjun Vikram Sanjay Rahul Ravi Anil Suresh Amit Deepak",
        "Mei Ling Yuki Sakura Haruka Linh Priya Ananya Lakshmi Kavita Sunita Pooja Divya Meera Neha Anjali",
        "Kwame Kofi Chidi Emeka Tunde Babajide Sipho Thabo Juma Kamau DeShawn Jamal Tyrone Malik Darnell Terrell",
        "Amara Ngozi Chiamaka Adaeze Zola Thandi Wanjiru Imani Keisha Latoya Ebony Shanice Aaliyah Tamika Monique Nia",
        "José Juan Carlos Luis Miguel Jorge Pedro Diego Alejandro Fernando Ricardo Javier Rafael Sergio Pablo Andrés",
        "María Carmen Ana Lucía Isabel Sofía Elena Gabriela Valentina Camila Daniela Paula Rosa Teresa Pilar Marta",
    )
)
"""First names by group: frequent ones of English, Arabic, East and South Asian, African and African-American, and
Spanish use, men's and women's in turn. A few belong to several."""

PLACES = (
    "London", "Paris", "Berlin", "Madrid", "Rome", "Vienna", "Dublin", "Lisbon", "Prague", "Warsaw", "Oslo", "Athens",
    "Lagos", "Nairobi", "Cairo", "Accra", "Dakar", "Tunis", "Mumbai", "Delhi", "Karachi", "Dhaka", "Tokyo", "Seoul",
    "Beijing", "Hanoi", "Bangkok", "Manila", "Jakarta", "Tehran", "Baghdad", "Kabul", "Mexico", "Lima", "Bogotá",
    "Santiago", "Havana", "Chicago", "Boston", "Houston", "Denver", "Seattle", "Toronto", "Sydney", "Melbourne",
    "Auckland",
)  # fmt: skip

_PERSON = {name.lower() for group in PEOPLE for name in group}
_PLACE = {name.lower() for name in PLACES}


@edit("text.name_swap", kind="fairness", amount=FEW, default=False)
def name_swap(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """First names are swapped for those of another group, all of one text by one group.

    Source: Garg et al., Counterfactual Fairness in Text Classification, AIES 2019; Ribeiro et al., CheckList, ACL 2020.
    """
    group = PEOPLE[rng.randrange(len(PEOPLE))]
    yield from _swapped(text, rng, most, _PERSON, group)


@edit("text.place_swap", kind="fairness", amount=FEW, default=False)
def place_swap(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """Names of cities are swapped for others. Source: Ribeiro et al., CheckList, ACL 2020 (change of locations)."""
    yield from _swapped(text, rng, most, _PLACE, PLACES)


def _swapped(text: str, rng: Random, most: int, known: set[str], others: Sequence[str]) -> Iterator[Edit]:
    """One that stands there more than once becomes the same each time."""
    found = [(site, word) for site, word in words(text) if word[0].isupper() and word.lower() in known]
    given: dict[str, str] = {}
    for site, word in picked(rng, found, most):
        lower = word.lower()
        if lower not in given:
            given[lower] = rng.choice([one for one in others if one.lower() != lower])
        yield site, word, cased(given[lower], word)
