"""SARIF 2.1.0, for code-scanning pages: a result a fault, at the target's module or the traceback's innermost frame.

Source: OASIS, Static Analysis Results Interchange Format Version 2.1.0.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from mlfuzz import __version__
from mlfuzz.findings.finding import Finding, severity_unit
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.report.codeside import location
from mlfuzz.report.summary import FaultGroup, Summary
from mlfuzz.report.visible import visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_FRAME = re.compile(r'^\s*File "([^"\n]+)", line (\d+)', re.MULTILINE)


def render(summary: Summary) -> str:
    """The document as text."""
    rules = sorted({fault.best.kind for fault in summary.faults})
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "mlfuzz",
                        "semanticVersion": __version__,
                        "rules": [{"id": rule, "shortDescription": {"text": _description(rule)}} for rule in rules],
                    }
                },
                "automationDetails": {"id": f"mlfuzz/{summary.stats.campaign}"},
                "results": [_result(fault, rules) for fault in summary.faults],
            }
        ],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _description(rule: str) -> str:
    return f"{rule} in the code under test" if rule in CRASH_KINDS else f"oracle {rule} failed"


def _result(fault: FaultGroup, rules: list[str]) -> dict[str, Any]:
    best = fault.best
    text = f"{fault.title}: {best.sentence or 'unchanged seed'}. Reproduce with: mlfuzz replay {best.id}"
    return {
        "ruleId": best.kind,
        "ruleIndex": rules.index(best.kind),
        "level": _level(best),
        "message": {"text": visible(text)},
        "locations": [_location(fault)],
        "partialFingerprints": {"mlfuzz/fault/v1": fault.key},
        **_rank(best),
        "properties": {
            "findings": [one.id for one in fault.members],
            "confirmed": best.confirmed,
            "severity": best.severity,
            "severityUnit": severity_unit(best),
            **({"callPaths": ways} if (ways := best.evidence.get("paths")) and len(ways) > 1 else {}),
            **({"amplification": best.evidence["amplification"]} if best.evidence.get("amplification") else {}),
        },
    }


ERROR, WARNING = 3.0, 2.0
"""Severities of code from which a result is an error, or a warning; below them it is a note."""


def _level(finding: Finding) -> str:
    """Of code by what its caller can do about it; of a model an error where it raises, crashes or hangs."""
    if finding.side == "model" or finding.severity is None:
        return "error" if finding.kind in CRASH_KINDS else "warning"
    return "error" if finding.severity >= ERROR else "warning" if finding.severity >= WARNING else "note"


def _rank(finding: Finding) -> dict[str, float]:
    """SARIF's priority, 0 to 100 (section 3.27.25): of a model 50 is a severity of 1; of code it goes from 0 to 5."""
    severity = finding.severity
    if severity is None:
        return {}
    return {"rank": round(20 * severity if finding.side == "code" else 100 * severity / (1 + severity), 1)}


def _uri(path: str) -> str:
    """A reference to a file; never one that names a scheme, or a host."""
    plain = visible(path).replace("\\", "/")
    return quote(f"/{plain.lstrip('/')}" if plain.startswith("/") else plain)


def _location(fault: FaultGroup) -> dict[str, Any]:
    frames = _FRAME.findall(str(fault.best.evidence.get("traceback", "")))
    place = location(fault.best) if fault.best.side == "code" else None
    if place is not None:
        path, line = place[0], str(place[1])
    elif fault.best.side == "code":
        path, line = fault.best.load.partition(":")[0] or "harness", "1"
    elif frames:
        path, line = frames[-1]
    else:
        path, line = fault.best.load.partition(":")[0].replace(".", "/") + ".py" if fault.best.load else "target", "1"
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": {"startLine": max(1, int(line))}}}
