"""What the report says of a finding of the code side: where, how large, how long, and what it costs a server."""

from __future__ import annotations

import re

from mlfuzz.budget import in_words
from mlfuzz.findings.finding import Finding
from mlfuzz.report.numbers import figure

_FRAME = re.compile(r"(.+):(\d+):([^:]*)")


def place_of(finding: Finding) -> str:
    """The deepest frame inside the target, "PIL/Image.py:120:open"; "" where there is none."""
    recorded = finding.evidence.get("frames")
    frames = [str(frame) for frame in recorded] if isinstance(recorded, list | tuple) else []
    inside = [
        frame for frame in frames if (match := _FRAME.fullmatch(frame)) and f":{match[1]}:" in f":{finding.fault}:"
    ]
    return (inside or frames or [""])[-1]


def title(finding: Finding) -> str:
    """ "crash: SIGSEGV in Slots.view", "hang in notes"."""
    function = place_of(finding).rpartition(":")[2]
    what = finding.kind if finding.observed in ("", finding.kind) else f"{finding.kind}: {finding.observed}"
    return f"{what} in {function}" if function else what


def location(finding: Finding) -> tuple[str, int] | None:
    """File, as imported, and line of that frame."""
    match = _FRAME.fullmatch(place_of(finding))
    return (match[1], int(match[2])) if match else None


def facts(finding: Finding) -> list[tuple[str, str]]:
    """(what, words), those that are known."""
    evidence = finding.evidence
    size, first = evidence.get("size"), evidence.get("first_size")
    seconds, mebibytes = evidence.get("seconds"), evidence.get("mebibytes")
    rows = [
        ("at", place_of(finding)),
        ("through", " ← ".join(str(one) for one in evidence.get("causes", ()))),
        ("input", f"{size:,} bytes" if isinstance(size, int) else ""),
        ("found with", f"{first:,} bytes" if isinstance(first, int) and first != size else ""),
        ("took", in_words(seconds) if isinstance(seconds, float | int) else ""),
        ("memory", f"{mebibytes:,.0f} MiB" if isinstance(mebibytes, float | int) and mebibytes >= 1 else ""),
        ("amplification", amplified(finding)),
        ("sanitizer", _written(evidence.get("sanitizer"))),
        ("seed", finding.seed_name),
        ("failed alone", finding.confirmed),
        ("run as", _run_as(finding)),
        ("Hypothesis", str(evidence.get("hypothesis", ""))),
    ]
    return [(what, words) for what, words in rows if words]


def amplified(finding: Finding) -> str:
    """ "12 s and 840 MiB a KiB", of an input that takes 0.1 s or 16 MiB at all: any takes a little."""
    amplification = finding.evidence.get("amplification")
    if not isinstance(amplification, dict):
        return ""
    spent = finding.evidence
    parts = [f"{figure(amplification.get('seconds_per_kib'))} s"] if float(spent.get("seconds", 0.0)) >= 0.1 else []
    parts += (
        [f"{amplification.get('mebibytes_per_kib', 0.0):,.0f} MiB"] if float(spent.get("mebibytes", 0.0)) >= 16 else []
    )
    return f"{' and '.join(parts)} a KiB of input" if parts else ""


def consumed(finding: Finding) -> list[tuple[str, str]]:
    """What a data provider made of the input: (call, value)."""
    recorded = finding.evidence.get("consumed")
    pairs = (
        [one for one in recorded if isinstance(one, list | tuple) and len(one) == 2]
        if isinstance(recorded, list)
        else []
    )
    return [(str(call), str(value)) for call, value in pairs]


def _run_as(finding: Finding) -> str:
    evidence = finding.evidence
    sandbox = evidence.get("sandbox")
    held = ", ".join(str(one) for one in sandbox) if isinstance(sandbox, list) else str(sandbox or "")
    parts = [str(evidence.get("engine", "")), f"lane {evidence['lane']}" if evidence.get("lane") else ""]
    return "; ".join(part for part in (*parts, f"sandbox {held}" if held else "") if part)


def _written(value: object) -> str:
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else ""
