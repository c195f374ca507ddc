"""JUnit XML, for continuous integration: a test case a fault; a campaign that found nothing has one that passes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from mlfuzz.findings.finding import severity_unit
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.report import codeside
from mlfuzz.report.numbers import figure
from mlfuzz.report.summary import Summary
from mlfuzz.report.visible import visible


def render(summary: Summary) -> str:
    """The document as text."""
    stats = summary.stats
    cases = max(1, len(summary.faults))
    suite = ET.Element(
        "testsuite", name=f"mlfuzz {stats.campaign}", tests=str(cases), failures=str(len(summary.faults)),
        errors=str(int(summary.verdict in ("broken", "unstable"))), skipped=str(int(bool(summary.flaky))),
        time=f"{stats.seconds:.3f}",
    )  # fmt: skip
    target = str(stats.target.get("name", stats.campaign))
    for fault in summary.faults:
        best = fault.best
        case = ET.SubElement(suite, "testcase", classname=target, name=f"{fault.title} [{best.id}]")
        failure = ET.SubElement(case, "failure", type=best.kind, message=fault.title)
        caught = f": {best.evidence['caught']}" if best.evidence.get("caught") else ""
        unit = f"{severity_unit(best)}{caught}"
        severity = f"severity {figure(best.severity)} {unit}" if best.severity is not None else ""
        replay = f"replay: mlfuzz replay {best.id}{summary.options}"
        lines = [best.sentence or "unchanged seed", best.message, severity, replay]
        if best.kind in CRASH_KINDS:
            lines += [f"{count} {way}".strip() for count, way in codeside.paths(best)]
            lines.append(str(best.evidence.get("traceback", "")))
        failure.text = "\n".join(line for line in lines if line)
    if not summary.faults:
        case = ET.SubElement(suite, "testcase", classname=target, name="campaign")
        if summary.verdict == "broken":
            ET.SubElement(case, "error", message="nothing was executed")
        if summary.verdict == "unstable":
            ET.SubElement(case, "error", message=stats.unstable)
    if summary.flaky:
        case = ET.SubElement(suite, "testcase", classname=target, name=f"{len(summary.flaky)} flaky findings")
        ET.SubElement(case, "skipped", message="they did not fail each time when they ran alone")
        suite.set("tests", str(cases + 1))
    root = ET.Element("testsuites")
    root.append(suite)
    for element in root.iter():  # XML has no character for most of what is hidden
        element.attrib.update({name: visible(value) for name, value in element.attrib.items()})
        element.text = visible(element.text, keep="\n") if element.text else None
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
