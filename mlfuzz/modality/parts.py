"""What belongs to a modality beside its codec, and where it is found. No numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """Python that reads a file of a modality without mlfuzz: imports, and lines that make `x` of `path`.

    tensor: whether `x` is a tensor (1, ...); else what the target is handed instead.
    """

    imports: tuple[str, ...]
    lines: tuple[str, ...]
    tensor: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityParts:
    """What belongs to a modality beside its codec: all of it is found through here, and nowhere by its name.

    mutators: module whose import registers its operators. distance, exhibit, examples: "module:attribute" of a
    `mutators.limits.distance.Distance`, a `report.exhibits.Exhibit` and a `testing.rows.ExampleRows`. They are imported
    when they are first asked for. Without a distance no limit compares an input with its seed, and nothing is searched;
    without an exhibit the report shows bytes; without examples the laws of mutators have no rows.
    pieces: what the places are called at which an input can differ from its seed.
    starter: arguments of the modality in the target that `mlfuzz init` writes. handed: what `x` is there.
    reading: (modality, file name) -> how `repro.py` reads it; without one the script needs mlfuzz.
    columns: what tables call a column of such inputs. plain_columns: whether a cell of a CSV file can be one.
    most_bytes: of a seed's file.
    """

    mutators: str = ""
    distance: str = ""
    exhibit: str = ""
    examples: str = ""
    pieces: str = "values"
    starter: str = ""
    handed: str = "x: a batch of inputs"
    reading: Callable[[Any, str], Reading] | None = None
    columns: tuple[str, ...] = ()
    plain_columns: bool = False
    most_bytes: int = 16 << 20


NOTHING = ModalityParts()


def parts_of(modality: Any) -> ModalityParts:
    """Of a modality or its class; nothing where it was written before there were such parts."""
    parts: ModalityParts = getattr(modality, "parts", NOTHING)
    return parts
