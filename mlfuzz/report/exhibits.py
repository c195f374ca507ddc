"""What a finding's input looks like: one exhibit a modality, found by the modality's name.

An exhibit is a template of `pages/` and the function that fills it. Inputs are hostile: a template escapes all it is
given, and a function hands over numbers, text and data URIs that it made itself, never the input's own bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.formats import tree
from mlfuzz.codefuzz.formats.difference import difference
from mlfuzz.errors import MlfuzzError, UnknownNameError
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import declared
from mlfuzz.registry import Registry
from mlfuzz.report.fields import fields

FIRST_BYTES = 256


@dataclass(frozen=True, slots=True)
class Exhibit:
    """template: a file of `pages/`, or the path of a file elsewhere; it finds what `show` returns as `exhibit`.

    show: (finding, bytes of its input, bytes of its seed or None) -> values for the template. Raises BadInputError.
    """

    template: str | Path
    show: Callable[[Finding, bytes, bytes | None], Mapping[str, Any]]


EXHIBITS: Registry[Exhibit] = Registry("exhibit", declared=declared("exhibit"))
"""By name of the modality; "bytes" is what all else is shown as."""


def exhibit(finding: Finding, data: bytes, seed: bytes | None) -> tuple[str | Path, Mapping[str, Any]]:
    """(template, values) for a finding's input; falls back to bytes where the input does not decode."""
    name = str(finding.modality.get("name", "bytes"))
    try:
        chosen = EXHIBITS.get(name)
        return chosen.template, chosen.show(finding, data, seed)
    except UnknownNameError:
        reason = f"modality {name} has no exhibit; its parts may name one, its module stands in plugins = [...]"
    except MlfuzzError as error:  # a damaged file, or a plugin that does not import
        reason = str(error)
    return "bytes.html", {**_bytes(finding, data, seed), "reason": reason}


def _bytes(finding: Finding, data: bytes, seed: bytes | None) -> Mapping[str, Any]:
    rows = [data[at : at + 16] for at in range(0, min(len(data), FIRST_BYTES), 16)]
    lines = [
        (f"{at * 16:06x}", row.hex(" "), "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row))
        for at, row in enumerate(rows)
    ]
    format, known = fields(data)
    changes = difference(tree(seed), tree(data)) if seed and seed != data else []
    return {
        "changes": changes, "first": len(seed or b""),
        "lines": lines, "total": len(data), "shown": min(len(data), FIRST_BYTES), "reason": "", "format": format,
        "fields": [
            (f"{one.start:06x}", one.stop - one.start, one.stop > len(data), one.name, one.value) for one in known
        ],
    }  # fmt: skip


EXHIBITS.add("bytes", Exhibit("bytes.html", _bytes))
