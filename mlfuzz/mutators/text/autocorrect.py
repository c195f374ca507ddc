"""What a keyboard makes of a word that it takes for another."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.cased import cased
from mlfuzz.mutators.text.edits import WORDS, Edit, edit
from mlfuzz.mutators.text.places import picked, turns, words

FEW = Real(0.02, 0.2, neutral=0.0, unit=WORDS)

COMMON = """
about above after again all also always and another any are around ask away back bad because been before best better
big both bring but buy call came can car change child city close cold come could country day did different does done
door down drive each early eat end enough even ever every eyes face fact family far fast father feel feet few find
fine fire first five follow food for form found four free friend from full game gave get girl give gone good great
green ground group grow had hair half hand hard has have head hear heard heart help her here high him his hold home
hope horse hot hour house how idea into just keep kind king knew know land large last late lead learn leave left
less let letter life light like line list little live long look lost love made mail main make man many mark may mean
men might mile mind money more most mother move much must name near need never new next night nine none north note
now number off often old one only open order other our out over own page paper part pass past people person place
plan plant play point power price put quick quite rain ran read real red rest right river road room round run said
same saw say school sea second see seem seen sell send set seven several shall she ship shop short should show side
sign since sing sit six size sleep slow small snow some song soon sort sound south stand star start state stay step
still stood stop store story street strong such sun sure table take talk tall tell ten test than that the their them
then there these they thing think this those though three time told took top toward town tree true try turn two
under until use very voice wait walk wall want war warm was watch water way week well went were west what wheel when
where which while white who whole why will wind wish with woman wood word work world would write wrong year yes yet
you young your
"""

NEAREST: dict[str, tuple[str, ...]] = {}
_common = tuple(COMMON.split())


def neighbours(word: str) -> tuple[str, ...]:
    """Common words that one letter changed, added, left out or swapped makes of this one; of one letter none."""
    if word not in NEAREST:
        if len(NEAREST) >= KEPT:
            NEAREST.clear()
        NEAREST[word] = tuple(one for one in _common if one != word and len(word) > 2 and _near(word, one))
    return NEAREST[word]


KEPT = 4096
"""Words whose neighbours are remembered."""


def _near(one: str, other: str) -> bool:
    """Whether one edit apart (Damerau 1964)."""
    if abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        apart = [at for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
        if len(apart) == 2 and apart[1] == apart[0] + 1:
            return one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]
        return len(apart) == 1
    short, long = sorted((one, other), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


@edit("text.autocorrect", kind="typo", amount=FEW, effect="destroying", default=False)
def autocorrect(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A word becomes a common one that is a slip away ("form" -> "from"): it may mean something else. Negations never.

    Source: 450 of the commonest English words; one edit of Damerau's four kinds (CACM 1964).
    """
    known = [(site, word, near) for site, word in words(text) if not turns(word) and (near := neighbours(word.lower()))]
    for site, word, near in picked(rng, known, most):
        yield site, word, cased(rng.choice(near), word)
