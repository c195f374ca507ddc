"""British and American spellings of one word, either way."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.cased import cased
from mlfuzz.mutators.text.edits import WORDS, Edit, edit
from mlfuzz.mutators.text.places import picked, words

SOME = Real(0.02, 1.0, neutral=0.0, unit=WORDS)

PAIRS = """
colour color, colours colors, coloured colored, flavour flavor, flavours flavors, honour honor, honours honors,
honoured honored, labour labor, neighbour neighbor, neighbours neighbors, neighbourhood neighborhood, behaviour
behavior, favour favor, favourite favorite, favourites favorites, harbour harbor, humour humor, rumour rumor, vapour
vapor, parlour parlor, armour armor, odour odor, centre center, centres centers, theatre theater, theatres theaters,
litre liter, litres liters, metre meter, metres meters, fibre fiber, calibre caliber, lustre luster, defence
defense, offence offense, licence license, pretence pretense, organise organize, organised organized, organising
organizing, organisation organization, organisations organizations, realise realize, realised realized, recognise
recognize, recognised recognized, apologise apologize, apologised apologized, analyse analyze, analysed analyzed,
catalogue catalog, dialogue dialog, travelled traveled, travelling traveling, traveller traveler, travellers
travelers, cancelled canceled, cancelling canceling, modelled modeled, modelling modeling, labelled labeled,
jewellery jewelry, grey gray, tyre tire, tyres tires, kerb curb, cheque check, cheques checks, programme program,
programmes programs, aluminium aluminum, plough plow, sceptical skeptical, moustache mustache, pyjamas pajamas, cosy
cozy, mould mold, draught draft, fulfil fulfill, enrol enroll, skilful skillful, instalment installment, ageing
aging, storey story, speciality specialty, learnt learned, spelt spelled, burnt burned, dreamt dreamed
"""

SPELLINGS: dict[str, str] = {}
for _pair in PAIRS.split(","):
    _british, _american = _pair.split()
    SPELLINGS[_british] = _american
    SPELLINGS.setdefault(_american, _british)


@edit("text.dialect", kind="dialect", amount=SOME, default=False)
def dialect(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """British spellings for American ones and the other way about ("colour" -> "color"), of a hundred words.

    A few are other words too: a check is no cheque everywhere.
    """
    known = [(site, word) for site, word in words(text) if word.lower() in SPELLINGS]
    for site, word in picked(rng, known, most):
        yield site, word, cased(SPELLINGS[word.lower()], word)
