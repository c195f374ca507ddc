"""The exhibit of texts: before and after with what changed marked, and every unusual character named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import rebuild
from mlfuzz.report.exhibits import Exhibit
from mlfuzz.report.prose import compared, named, needs_badge

LONGEST = 1200
"""Characters that are compared: the comparison takes quadratic time."""

MOST_NAMED = 16


def show(finding: Finding, data: bytes, seed: bytes | None) -> Mapping[str, Any]:
    """The pieces of before and after, and the characters that only the mutant has."""
    modality = rebuild(dict(finding.modality))
    after = str(modality.decode(data, suffix=".txt"))
    before = after if seed is None else str(modality.decode(seed, suffix=".txt"))
    old, new = compared(before[:LONGEST], after[:LONGEST])
    return {
        "before": old if seed is not None else [],
        "after": new,
        "cut": max(len(before), len(after)) > LONGEST,
        "named": [" ".join(named(char)) for char in dict.fromkeys(after) if char not in before and _unusual(char)][
            :MOST_NAMED
        ],
    }


def _unusual(char: str) -> bool:
    return not char.isascii() or needs_badge(char, changed=True)


EXHIBIT = Exhibit("text.html", show)
