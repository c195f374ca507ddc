"""The page of `mlfuzz preview`: each operator at its ends, on the user's own seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mlfuzz import __version__
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.report.exhibits import exhibit
from mlfuzz.report.html import environment, policy, style

PAGE_LIMIT = 25 << 20
"""Bytes of samples up to which they are shown: a page of a size that browsers still open at once."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A seed at an end. data: the file of what comes of it, None where the limits forbid it; seed: the seed's file."""

    seed_name: str
    label: str | None
    change: str
    data: bytes | None
    seed: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """Of one operator. line: that narrows it, "" where nothing can be."""

    name: str
    kind: str
    effect: str
    what: str
    ranges: str
    line: str
    samples: Sequence[Sample]


def render(
    sheets: Sequence[Sheet], *, target: str, modality: Mapping[str, Any], suffix: str, head: str,
    page_limit: int | None = None,
) -> tuple[str, int]:  # fmt: skip
    """(One page that needs nothing else and runs nothing, samples that it had no room for).

    page_limit: bytes; None: PAGE_LIMIT. modality, suffix: of the files. head: of the table that the lines belong into,
    as it is written.
    """
    laid_out, room, left_out = [], PAGE_LIMIT if page_limit is None else page_limit, 0
    for sheet in sheets:
        samples = []
        for one in sheet.samples:
            shown = _laid_out(one, modality, suffix) if room > 0 else Markup()
            room -= len(shown or "")
            if shown is None or shown:
                samples.append((one, shown))
            else:
                left_out += 1
        laid_out.append({"sheet": sheet, "samples": samples})
    page = environment().get_template("preview.html").render(
        title=target, head=head, style=Markup(style()), policy=policy(), version=__version__,  # our own file
        sheets=laid_out, left_out=left_out,
    )  # fmt: skip
    return page, left_out


def _laid_out(sample: Sample, modality: Mapping[str, Any], suffix: str) -> Markup | None:
    if sample.data is None:
        return None
    references = [
        FileRef(f"{name}{suffix}", hashlib.sha256(data).hexdigest())
        for name, data in (("input", sample.data), ("seed", sample.seed))
    ]
    shown = Finding(
        id="0" * 16, side="model", kind="preview", target="", modality=dict(modality), input=references[0],
        seed=references[1], seed_name=sample.seed_name, label=sample.label,
    )  # fmt: skip
    template, values = exhibit(shown, sample.data, sample.seed)
    page = environment().get_template(str(template))
    return Markup(page.render(exhibit=values, finding=shown, link=lambda *_: ""))  # made by an escaping template
