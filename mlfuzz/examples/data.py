"""Where the data of the shipped subjects lies: weights, seeds and regressions."""

from __future__ import annotations

from pathlib import Path

from mlfuzz.errors import TargetLoadError

_PACKAGE = Path(__file__).resolve().parent.parent
_PLACES = (_PACKAGE / "_corpus", _PACKAGE.parent / "corpus")
"""In an installed wheel; in a checkout."""


def path(*parts: str) -> Path:
    """A file or folder of the shipped corpus: `path("models", "digits-robust.safetensors")`.

    Raises TargetLoadError where it is not there.
    """
    for place in _PLACES:
        found = place.joinpath(*parts)
        if found.exists():
            return found
    raise TargetLoadError(
        f"mlfuzz's own data lacks {'/'.join(parts)}; it lies in corpus/ of a checkout and travels in the wheel: "
        "reinstall mlfuzz, or write it anew with scripts/train_digits.py, train_speech.py or train_language.py"
    )
