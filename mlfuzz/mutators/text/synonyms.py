"""Synonyms: a few dozen safe pairs, and operators from a dictionary of one's own or from WordNet.

A plug-in (`plugins = ["my_words"]`) adds them:

    from mlfuzz.mutators.text import synonyms
    synonyms.register("text.synonym_medical", synonyms.dictionary("medical.txt"))
    synonyms.register("text.synonym_wordnet", synonyms.wordnet())

Source: Ren et al., Probability Weighted Word Saliency, ACL 2019 (WordNet); TextAttack (Morris et al., EMNLP 2020).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TypeAlias

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.base import read_guarded
from mlfuzz.mutators.param import Real
from mlfuzz.mutators.text.cased import cased
from mlfuzz.mutators.text.edits import WORDS, Edit, Operator, edit
from mlfuzz.mutators.text.places import picked, turns, words

Thesaurus: TypeAlias = Mapping[str, Sequence[str]]
"""Word in small letters -> what may stand in its place."""

FEW = Real(0.02, 0.2, neutral=0.0, unit=WORDS)

PAIRS = (
    "big large, begin start, small little, quick fast, quickly rapidly, buy purchase, help assist, child kid, also "
    "too, movie film, error mistake, answer reply, shop store, choose pick, finish complete, whole entire, nearly "
    "almost, often frequently, maybe perhaps, build construct, repair fix, send dispatch, sick ill, happy glad, "
    "angry mad, hard difficult, easy simple, near close, photo picture, job occupation, gift present, silent quiet, "
    "autumn fall, road street, car automobile, awful terrible, great excellent, smart clever, odd strange, tired "
    "weary, rich wealthy, sad unhappy, afraid scared, funny amusing, gather collect, show display, allow permit, "
    "require need, speak talk, totally completely, usually normally, understand comprehend, correct right, huge "
    "enormous, ancient old"
)
"""Both ways; in nearly every sentence a person reads the same."""

WORDNET_FOLDERS = ("/usr/share/wordnet", "/usr/share/wordnet/dict", "/usr/local/WordNet-3.0/dict")
_DATA = ("data.noun", "data.verb", "data.adj", "data.adv")
_ENTRY = re.compile(r"^([^\t:]+)[\t:]\s*(.+)$")


def pairs(text: str) -> dict[str, list[str]]:
    """ "big large, begin start" -> both ways."""
    thesaurus: dict[str, list[str]] = {}
    for pair in text.split(", "):
        first, second = pair.split()
        thesaurus.setdefault(first, []).append(second)
        thesaurus.setdefault(second, []).append(first)
    return thesaurus


def dictionary(path: str | os.PathLike[str]) -> Thesaurus:
    """A file of one's own: a line a word, `word: synonym, synonym` (or a tab for the colon); # begins a comment.

    Raises ConfigError with the line that is none of these.
    """
    try:
        lines = read_guarded(Path(path)).decode("utf-8").splitlines()
    except (BadInputError, UnicodeDecodeError) as error:
        raise ConfigError(f"synonyms {path}: {error}") from error
    thesaurus: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        match = _ENTRY.match(entry)
        others = [other.strip() for other in match[2].split(",") if other.strip()] if match else []
        if match is None or not others:
            raise ConfigError(f"synonyms {path}, line {number}: expected `word: synonym, synonym`, got {line[:60]!r}")
        thesaurus.setdefault(match[1].strip().lower(), []).extend(others)
    if not thesaurus:
        raise ConfigError(f"synonyms {path}: no entries")
    return thesaurus


def wordnet(folder: str | os.PathLike[str] = "") -> Thesaurus:
    """Princeton WordNet 3's own files: single words of one synset are synonyms of each other, the first sense counts.

    folder: where `data.noun` and its like stand; else the usual places. Raises ConfigError where they are not.
    """
    places = [Path(folder)] if folder else [Path(place) for place in WORDNET_FOLDERS]
    found = next((place for place in places if (place / _DATA[0]).is_file()), None)
    if found is None:
        raise ConfigError(
            f"WordNet is not in {', '.join(map(str, places))}: install Debian's wordnet-base, or give its folder"
        )
    thesaurus: dict[str, list[str]] = {}
    for name in _DATA:
        if (found / name).is_file():
            for line in read_guarded(found / name, max_bytes=64 << 20).decode("utf-8", "replace").splitlines():
                for word, others in _synset(line):
                    thesaurus.setdefault(word, others)
    return thesaurus


def replacing(thesaurus: Thesaurus) -> Operator:
    """The operator of a thesaurus."""

    def synonym(text: str, rng: Random, most: int) -> Iterator[Edit]:
        """Words replaced by synonyms, negations never."""
        known = [(site, word) for site, word in words(text) if word.lower() in thesaurus and not turns(word)]
        for site, word in picked(rng, known, most):
            yield site, word, cased(rng.choice(thesaurus[word.lower()]), word)

    return synonym


def register(name: str, thesaurus: Thesaurus) -> None:
    """An operator of that name, not in the default set: choose it with `mutators = ["default", "text.my_words"]`."""
    edit(name, kind="words", amount=FEW, default=False)(replacing(thesaurus))


edit("text.synonym", kind="words", amount=FEW)(replacing(pairs(PAIRS)))


def _synset(line: str) -> Iterator[tuple[str, list[str]]]:
    """A line of WordNet's data files (wndb(5WN)): offset, file, type, count of words in hex, then word and number."""
    fields = line.split(" ")
    if not line or line.startswith(" ") or len(fields) < 5:
        return
    members = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    plain = [word.lower() for word in members if word.isalpha()]
    for word in plain:
        if len(plain) > 1:
            yield word, [other for other in plain if other != word]
