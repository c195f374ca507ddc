"""Words of another language in a sentence, as people with two of them speak and write."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.cased import cased
from mlfuzz.mutators.text.edits import WORDS, Edit, edit
from mlfuzz.mutators.text.places import picked, turns, words

FEW = Real(0.02, 0.3, neutral=0.0, unit=WORDS)

WORDS_OF = """
and: und et y e; or: oder ou o o; but: aber mais pero ma; with: mit avec con con; for: für pour para per; good: gut
bon bueno buono; bad: schlecht mauvais malo cattivo; very: sehr très muy molto; big: groß grand grande grande;
small: klein petit pequeño piccolo; new: neu nouveau nuevo nuovo; old: alt vieux viejo vecchio; day: Tag jour día
giorno; night: Nacht nuit noche notte; house: Haus maison casa casa; city: Stadt ville ciudad città; street: Straße
rue calle strada; water: Wasser eau agua acqua; food: Essen nourriture comida cibo; friend: Freund ami amigo amico;
family: Familie famille familia famiglia; time: Zeit temps tiempo tempo; year: Jahr année año anno; week: Woche
semaine semana settimana; today: heute aujourd’hui hoy oggi; tomorrow: morgen demain mañana domani; yesterday:
gestern hier ayer ieri; man: Mann homme hombre uomo; woman: Frau femme mujer donna; child: Kind enfant niño bambino;
book: Buch livre libro libro; money: Geld argent dinero soldi; work: Arbeit travail trabajo lavoro; car: Auto
voiture coche auto; door: Tür porte puerta porta; school: Schule école escuela scuola; world: Welt monde mundo
mondo; life: Leben vie vida vita; hand: Hand main mano mano; music: Musik musique música musica; film: Film film
película film; people: Leute gens gente gente; always: immer toujours siempre sempre; here: hier ici aquí qui;
there: dort là allí là; one: eins un uno uno; two: zwei deux dos due; three: drei trois tres tre; please: bitte
s’il-vous-plaît por-favor per-favore; thanks: danke merci gracias grazie
"""

GROUPS: dict[str, tuple[str, ...]] = {}
for _entry in WORDS_OF.split(";"):
    _english, _, _others = _entry.partition(":")
    _alike = (_english.strip(), *(other.replace("-", " ") for other in _others.split()))
    for _word in _alike:
        GROUPS.setdefault(_word.lower(), tuple(dict.fromkeys(one for one in _alike if one.lower() != _word.lower())))


@edit("text.code_switch", kind="language", amount=FEW, default=False)
def code_switch(text: str, rng: Random, most: int) -> Iterator[Edit]:
    """A word is said in another language: fifty of the commonest, English, German, French, Spanish and Italian.

    The meaning stays, the language of the sentence may not: for a task that names the language it is not invariant.
    Source: Tan and Joty, Code-Mixing on Sesame Street, NAACL 2021 (word by word, by aligned phrases there).
    """
    known = [(site, word) for site, word in words(text) if word.lower() in GROUPS and not turns(word)]
    for site, word in picked(rng, known, most):
        yield site, word, cased(rng.choice(GROUPS[word.lower()]), word)
