"""What the report says of a finding of the code side: where, how large, how long, and what it costs a server."""

from __future__ import annotations

import re

from mlfuzz.budget import in_words
from mlfuzz.findings.finding import Finding
from mlfuzz.report.numbers import figure

_FRAME = re.compile(r"(.+?):(\d+)(?::([^:]*))?")


def place_of(finding: Finding) -> str:
    """The deepest frame inside the target, "PIL/Image.py:120:open"; "" where there is none."""
    recorded = finding.evidence.get("frames")
    frames = [str(frame) for frame in recorded] if isinstance(recorded, list | tuple) else []
    matches = [(frame, match) for frame in frames if (match := _FRAME.fullmatch(frame))]
    fault = f":{finding.fault}:"
    exact = [frame for frame, match in matches if f":{match[1]}:{match[3]}:" in fault]
    inside = [frame for frame, match in matches if f":{match[1]}:" in fault]
    return (exact or inside or frames or [""])[-1].removesuffix(":")


def title(finding: Finding) -> str:
    """ "crash: SIGSEGV in Slots.view", "hang in notes"."""
    match = _FRAME.fullmatch(place_of(finding))
    function = match[3] if match else ""
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
        ("goes back to", str(evidence.get("origin", ""))),
        ("caught", str(evidence.get("caught", ""))),
        ("seen", seen(finding)),
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


def seen(finding: Finding) -> str:
    """ "at least 120 times, 43 types and messages", of one that was seen more than once."""
    times, variants = finding.evidence.get("seen"), finding.evidence.get("variants")
    if not isinstance(times, int) or times < 2:
        return ""
    several = f", {variants:,} types and messages" if isinstance(variants, int) and variants > 1 else ""
    return f"at least {times:,} times{several}"


def paths(finding: Finding) -> list[tuple[str, str]]:
    """Ways to it, the commonest first, where there are several: (how often, "field ← record: need # bytes; file")."""
    recorded = finding.evidence.get("paths")
    ways = [one for one in recorded if isinstance(one, dict)] if isinstance(recorded, list) else []
    if len(ways) < 2:
        return []
    files = {ref.sha256: ref.file for ref in finding.blobs}
    rows = []
    for way in sorted(ways, key=_count, reverse=True):
        callers = way.get("callers")
        names = [str(one) for one in callers] if isinstance(callers, list | tuple) else []
        through = " ← ".join(one.rpartition(":")[2] for one in names) or "straight from the harness"
        parts = [f"by {through}", str(way.get("message", "")), str(way.get("origin", ""))]
        parts.append(files.get(str(way.get("sha256", "")), finding.input.file))
        rows.append((f"{_count(way):,}x", "; ".join(part for part in parts if part)))
    more = finding.evidence.get("path_keys")
    return rows + ([("", f"and {len(more)} more")] if isinstance(more, list) and more else [])


def _count(way: dict[str, object]) -> int:
    count = way.get("count", 1)
    return count if isinstance(count, int) else 1


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
