"""What the folders around a seed say of its label."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

SPLITS = frozenset({
    "train", "training", "trainset", "val", "valid", "validation", "valset", "dev", "eval", "evaluation", "test",
    "testing", "testset", "holdout",
})  # fmt: skip
"""Parts of a data set, which say nothing of what is in them."""

CONTAINERS = frozenset({
    "images", "image", "imgs", "img", "jpegimages", "pictures", "photos", "audio", "audios", "wav", "wavs", "clips",
    "recordings", "texts", "txt", "data", "dataset", "datasets", "files", "samples", "seeds",
})  # fmt: skip
"""What people call a folder that holds a data set."""


def folder_label(name: str, labels: Sequence[str], *, archive: str = "") -> str | None:
    """The innermost folder that the target has as a label, else the topmost that is no part of a data set's layout.

    None where there is none. archive: the one it is in, whose own name may be one of the target's labels.
    """
    around, inside = PurePosixPath(archive).parts, PurePosixPath(name).parts[:-1]
    stem = tuple(part.partition(".")[0] for part in around[-1:])
    known = {unicodedata.normalize("NFC", label): label for label in labels}
    for part in reversed((*around[:-1], *stem, *inside)):
        if (label := known.get(unicodedata.normalize("NFC", part))) is not None:
            return label
    folders = (*around[:-1], *inside)
    return next((part for part in _after_splits(folders) if part.lower() not in CONTAINERS), None)


def _after_splits(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Of "set/train/cat" what follows the split; of "cat/train" what stands before it."""
    at = max((at for at, part in enumerate(folders) if part.lower() in SPLITS), default=-1)
    behind = folders[at + 1 :]
    return behind if any(part.lower() not in CONTAINERS for part in behind) else folders[: max(at, 0)]
