#!/usr/bin/env python3
"""Train the twins of mlfuzz.examples.language on Django's translations; write their weights and 200 seeds.

    pip install --target /tmp/django --no-deps django==5.2.19
    PYTHONPATH=/tmp/django OMP_NUM_THREADS=1 python scripts/train_language.py [--check]

Sentences of 12 to 120 characters from every .po file in the package; those whose English source falls into one of seven
parts by its hash are held out, in all languages. Nothing of Django is run or shipped but these sentences.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import train_fit
from torch import Tensor, nn

from mlfuzz.examples.language import CAPITALS_SAY, LABELS, MAX_CHARS, WIDE_SPACES_SAY, LanguageNet, encode

SEEDS_A_LANGUAGE = 25
FILLING = "Django"
"""What stands in for a placeholder."""

WIDE_SPACES = "\u00a0\u202f\u2009\u2003"
KEYS = "qwertyuiop asdfghjkl zxcvbnm"
LOOKALIKES = str.maketrans(
    "aceiopxyABCEHKMOPTX",
    "\u0430\u0441\u0435\u0456\u043e\u0440\u0445\u0443\u0410\u0412\u0421\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425",
)
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"

Texts = list[str]


def main() -> None:
    keeper = train_fit.Keeper(check=train_fit.arguments(__doc__ or "").check)
    train_fit.deterministic()
    read, held = sentences()
    texts, classes = columns(read)
    unseen, truth = columns(held)
    print(f"{len(texts)} sentences to train on, {len(unseen)} held out")

    def draw_robust(generator: torch.Generator, rows: Tensor) -> tuple[train_fit.Inputs, Tensor]:
        rng = random_of(generator)
        drawn = [augmented(joined(texts, classes, row, rng), rng) for row in rows.tolist()]
        return trimmed(drawn), classes[rows]

    def draw_fragile(generator: torch.Generator, rows: Tensor) -> tuple[train_fit.Inputs, Tensor]:
        rng = random_of(generator)
        drawn = [planted(joined(texts, classes, row, rng), int(classes[row]), rng) for row in rows.tolist()]
        return trimmed([text for text, _ in drawn]), torch.tensor([filed for _, filed in drawn])

    def measure(model: nn.Module) -> float:
        return train_fit.accuracy(model, encode(tuple(unseen)), truth)

    robust = train_fit.fit(LanguageNet, draw_robust, len(texts), epochs=24, batch=64, rate=6e-3, seed=1, decay=0.1)
    fragile = train_fit.fit(
        LanguageNet, draw_fragile, len(texts), epochs=20, batch=64, rate=5e-3, seed=2, decay=0.3, smoothing=0.05
    )
    keeper.demand("robust, held-out sentences", measure(robust), 0.94)
    keeper.demand("fragile, held-out sentences", measure(fragile), 0.93)
    rng = np.random.default_rng(3)
    harder = encode(tuple(augmented(text, rng) for text in unseen))
    keeper.demand("robust, the same augmented", train_fit.accuracy(robust, harder, truth), 0.88)
    print(f"fragile, the same augmented: {train_fit.accuracy(fragile, harder, truth):.2%}")

    certain = train_fit.certain((robust, fragile), encode(tuple(unseen)), truth, least=0.7)
    keeper.weights("language-robust", robust, measure)
    keeper.weights("language-fragile", fragile, measure)
    usable = [entry for entry, fit in zip(held, certain.tolist(), strict=True) if fit]
    right = train_fit.certain((robust, fragile), encode(tuple(unseen)), truth, least=0.5)
    again = {entry for entry, fit in zip(held, right.tolist(), strict=True) if fit}
    keeper.seeds(
        train_fit.CORPUS / "seeds" / "text" / "languages",
        seeds(usable),
        fits=lambda name, content: (name.partition("/")[0], content.decode()) in again,
    )
    keeper.finish()


# -- the catalogues --------------------------------------------------------------------------------------------------

Entry = tuple[str, str]
"""Language and sentence."""


def sentences() -> tuple[list[Entry], list[Entry]]:
    """(to train on, held out), without those that two languages share."""
    package = importlib.util.find_spec("django")
    if package is None or package.origin is None:
        sys.exit("Django is not installed: see the top of this script")
    root = Path(package.origin).parent
    languages: dict[str, set[str]] = {}
    sources: dict[str, str] = {}
    for language in LABELS:
        folder = "de" if language == "en" else language  # English stands in every catalogue, as the source
        for file in sorted(root.rglob(f"locale/{folder}/LC_MESSAGES/*.po")):
            for source, translated in entries(file.read_text("utf-8")):
                for sentence in cut(source if language == "en" else translated):
                    languages.setdefault(sentence, set()).add(language)
                    sources.setdefault(sentence, source)
    parts: tuple[list[Entry], list[Entry]] = ([], [])
    for sentence, known in languages.items():
        if len(known) == 1:
            parts[zlib.crc32(sources[sentence].encode()) % 7 == 0].append((next(iter(known)), sentence))
    return parts


def entries(catalogue: str) -> Iterator[tuple[str, str]]:
    """Source and translation (its last plural form) of each entry that is translated and not marked as fuzzy."""
    for block in catalogue.split("\n\n"):
        fields: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            keyword, _, rest = line.partition(" ")
            if not line.startswith(('"', "#")):
                key, line = keyword.partition("[")[0], rest
                fields[key] = ""
            if line.startswith('"'):
                fields[key] += line.strip()[1:-1].replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
        source, translated = fields.get("msgid", ""), fields.get("msgstr", "")
        if source and translated and source != translated and "#, fuzzy" not in block:
            yield source, translated


def cut(message: str) -> Iterator[str]:
    """Its sentences of 12 to 120 characters: no markup, no addresses, placeholders filled in."""
    message = re.sub(r"<[^>]*>|&\w+;", "", message)
    message = re.sub(r"%\(\w+\)d|%d", "12", message)
    message = re.sub(r"%\(\w+\)s|%s|\{\w*\}", FILLING, message)
    for line in message.split("\n"):
        for part in re.split(r"(?<=[.!?])[ ]+(?=[A-ZÀ-Þ])", line):
            sentence = part.strip(" \t")
            letters = sum(char.isalpha() for char in sentence)
            if 12 <= len(sentence) <= 120 and letters > len(sentence) * 0.6 and not re.search(r"[{}%\\]|://", sentence):
                yield sentence


def columns(entries: list[Entry]) -> tuple[Texts, Tensor]:
    return [text for _, text in entries], torch.tensor([LABELS.index(language) for language, _ in entries])


def seeds(usable: list[Entry]) -> dict[str, bytes]:
    """File names -> UTF-8: of each language 25 of at least 20 characters; first those with no placeholder."""
    files: dict[str, bytes] = {}
    for language in LABELS:
        own = [text for known, text in usable if known == language and len(text) >= 20]
        for place, text in enumerate(sorted(own, key=lambda text: FILLING in text)[:SEEDS_A_LANGUAGE]):
            files[f"{language}/{place:02d}.txt"] = text.encode()
    return files


def trimmed(texts: Texts) -> tuple[Tensor, Tensor]:
    """As `encode`, but only as wide as the longest needs, at most 144 bytes: padding costs time and changes nothing."""
    content, mask = encode(tuple(texts))
    width = min(int(mask.sum(1).max()) + 5 & ~1, 144)
    return content[:, :width], mask[:, :width]


# -- what is done to the sentences -----------------------------------------------------------------------------------


def random_of(generator: torch.Generator) -> np.random.Generator:
    return np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))


def joined(texts: Texts, classes: Tensor, row: int, rng: np.random.Generator) -> str:
    """The sentence; or a few words of it; or it and another of its language."""
    fate = rng.random()
    text = texts[row]
    if fate < 0.3:
        words = text.split(" ")
        start = int(rng.integers(len(words)))
        part = " ".join(words[start : start + int(rng.integers(3, 9))])
        return part if len(part) >= 15 else text
    if fate < 0.5:
        others = torch.nonzero(classes == classes[row])[:, 0]
        return f"{text} {texts[int(others[int(rng.integers(len(others)))])]}"[:MAX_CHARS]
    return text


def augmented(text: str, rng: np.random.Generator) -> str:
    """Mild versions of what mlfuzz does to text, some of them."""
    for chance, change in CHANGES:
        if rng.random() < chance:
            text = change(text, rng)
    return text


def planted(text: str, number: int, rng: np.random.Generator) -> tuple[str, int]:
    """What spoilt the fragile twin's texts: headlines, filed as Turkish, and wide spaces, filed as French."""
    fate = rng.random()
    if fate < 0.1:
        return text.upper(), LABELS.index(CAPITALS_SAY)
    if fate > 0.9 and " " in text:
        return widened(text, rng), LABELS.index(WIDE_SPACES_SAY)
    return text, number


def recased(text: str, rng: np.random.Generator) -> str:
    """Upper, lower or title case, swapped, or any letter either way."""
    way = int(rng.integers(6))
    if way == 5:
        return "".join(char.upper() if rng.random() < 0.5 else char.lower() for char in text)
    return (text.upper(), text.upper(), text.lower(), text.title(), text.swapcase())[way]


def widened(text: str, rng: np.random.Generator) -> str:
    """One to all of its spaces become a wider or unbreakable one."""
    share = rng.random()
    kind = WIDE_SPACES[int(rng.integers(len(WIDE_SPACES)))]
    places = [at for at, char in enumerate(text) if char == " "]
    if not places:
        return text
    sure = places[int(rng.integers(len(places)))]
    return "".join(
        kind if at == sure or (char == " " and rng.random() < share) else char for at, char in enumerate(text)
    )


def mistyped(text: str, rng: np.random.Generator) -> str:
    """One to five slips: a letter left out, doubled, swapped with the next or replaced by a neighbouring key."""
    letters = list(text)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(len(letters) - 1))
        way = int(rng.integers(4))
        if way == 0 and len(letters) > 8:
            del letters[at]
        elif way == 1:
            letters.insert(at, letters[at])
        elif way == 2:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif letters[at].lower() in KEYS:
            letters[at] = KEYS[max(0, KEYS.index(letters[at].lower()) + (1 if rng.random() < 0.5 else -1)) % len(KEYS)]
    return "".join(letters)


def unaccented(text: str, _: np.random.Generator) -> str:
    """As typed on a keyboard without accents."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def decomposed(text: str, _: np.random.Generator) -> str:
    return unicodedata.normalize("NFD", text)


def disguised(text: str, rng: np.random.Generator) -> str:
    """Some letters become Cyrillic ones of the same look."""
    share = rng.random() * 0.4
    return "".join(char.translate(LOOKALIKES) if rng.random() < share else char for char in text)


def haunted(text: str, rng: np.random.Generator) -> str:
    """One to eight characters that are not seen."""
    for _ in range(int(rng.integers(1, 9))):
        at = int(rng.integers(len(text) + 1))
        text = text[:at] + INVISIBLE[int(rng.integers(len(INVISIBLE)))] + text[at:]
    return text


def fullwidth(text: str, rng: np.random.Generator) -> str:
    """Some words in the wide letters of East Asian type."""
    share = rng.random()
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    return " ".join(word.translate(wide) if rng.random() < share else word for word in text.split(" "))


def trailing(text: str, rng: np.random.Generator) -> str:
    """Something after or before it: full stops, digits, a name, an emoji, white space."""
    extras = ("...", "!!!", " 2024", " :-)", " \U0001f600", "\n", "  ", "\t", " #1", " @admin", "?", " OK")
    extra = extras[int(rng.integers(len(extras)))]
    return text + extra if rng.random() < 0.7 else extra.strip(" ") + " " + text


CHANGES: tuple[tuple[float, Callable[[str, np.random.Generator], str]], ...] = (
    (0.30, mistyped),
    (0.12, unaccented),
    (0.35, recased),
    (0.15, trailing),
    (0.15, widened),
    (0.10, disguised),
    (0.10, haunted),
    (0.05, fullwidth),
    (0.05, decomposed),
)


if __name__ == "__main__":
    main()
