"""What is true of a seed's places: a map of classes or a list of boxes, as text that entries and findings keep."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import SchemaError

UNKNOWN = 65535
"""In a mask: nothing is said of the place."""

MOST_PLACES = 1 << 26

Box = tuple[float, float, float, float, str]
"""Left, top, right and bottom in pixels of the payload, and the name or number of the label."""


@dataclass(frozen=True, slots=True)
class Truth:
    """mask: (H, W) uint16 class numbers, or None. boxes: where there is no mask."""

    mask: NDArray[np.uint16] | None = None
    boxes: tuple[Box, ...] = ()

    def write(self) -> str:
        """As JSON; the same truth gives the same text."""
        if self.mask is not None:
            packed = base64.b64encode(zlib.compress(self.mask.astype("<u2").tobytes(), 9)).decode()
            return json.dumps({"mask": packed, "size": list(self.mask.shape)})
        return json.dumps({"boxes": [[*(round(edge, 3) for edge in box[:4]), box[4]] for box in self.boxes]})


def read_truth(text: str) -> Truth | None:
    """None for "". Raises SchemaError for anything else that `write` does not give."""
    if not text:
        return None
    try:
        held = json.loads(text)
        if "mask" in held:
            height, width = (int(side) for side in held["size"])
            if not 0 < height * width <= MOST_PLACES:
                raise ValueError(f"a mask of {height} x {width}")
            unpacked = zlib.decompressobj().decompress(base64.b64decode(held["mask"]), 2 * height * width + 1)
            return Truth(np.frombuffer(unpacked, "<u2").reshape(height, width).astype(np.uint16))
        return Truth(boxes=tuple((*map(float, box[:4]), str(box[4])) for box in held["boxes"]))  # type: ignore[misc]
    except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
        raise SchemaError(
            f"the truth of a seed cannot be read ({error}); its record was edited or is damaged"
        ) from error


def label_number(name: str, labels: Sequence[str]) -> int:
    """Of a box's label, by name or by number; -1 where the target does not have it."""
    if name in labels:
        return labels.index(name)
    return int(name) if name.isdigit() and (not labels or int(name) < len(labels)) else -1
