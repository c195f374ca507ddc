"""Which augmenters of nlpaug do what our operators on text do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

SHARE = 0.05

TEXTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "typo": lambda c, w: c.KeyboardAug(aug_char_p=SHARE, aug_word_p=SHARE),
    "scan": lambda c, w: c.OcrAug(aug_char_p=SHARE, aug_word_p=SHARE),
    "insert": lambda c, w: c.RandomCharAug("insert", aug_char_p=SHARE, aug_word_p=SHARE),
    "delete": lambda c, w: c.RandomCharAug("delete", aug_char_p=SHARE, aug_word_p=SHARE),
    "swap": lambda c, w: c.RandomCharAug("swap", aug_char_p=SHARE, aug_word_p=SHARE),
    "word_swap": lambda c, w: w.RandomWordAug("swap", aug_p=SHARE),
    "split": lambda c, w: w.SplitAug(aug_p=SHARE),
}
"""Ours, without its modality -> how its augmenter is built."""


def nlpaug_of(build: Callable[[Any, Any], Any], texts: Sequence[str]) -> Callable[[], object]:
    """One text a call: of a list it takes as long for each, and starts a thread pool."""
    import nlpaug.augmenter.char
    import nlpaug.augmenter.word

    augment = build(nlpaug.augmenter.char, nlpaug.augmenter.word)
    return lambda: [augment.augment(text) for text in texts]
