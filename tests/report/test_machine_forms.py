"""SARIF, JUnit and JSON."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import msgspec

from mlfuzz.findings.finding import SEVERITY_SCALE, SEVERITY_UNIT
from mlfuzz.report import junit, sarif
from mlfuzz.report.outline import outline


def test_sarif_has_a_result_a_fault_at_the_innermost_frame(summary):
    document = json.loads(sarif.render(summary))
    run = document["runs"][0]
    assert document["version"] == "2.1.0"
    assert [result["level"] for result in run["results"]] == ["error", "warning", "warning", "warning"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("examples/digits/model.py", 63)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["partialFingerprints"]["mlfuzz/fault/v1"]


def test_junit_has_a_failure_a_fault_and_skips_the_flaky(summary):
    suite = ET.fromstring(junit.render(summary).partition("\n")[2])[0]
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("5", "4", "1")
    assert len(suite.findall("testcase")) == 5
    assert "mlfuzz replay" in suite[0].find("failure").text


def test_a_severity_of_code_goes_to_five_in_every_form(summary):
    group = summary.faults[0]
    for side, unit in (("code", SEVERITY_SCALE), ("model", SEVERITY_UNIT)):
        members = tuple(msgspec.structs.replace(one, side=side, severity=3.5) for one in group.members)
        one = replace(summary, faults=(replace(group, members=members),))
        assert f"severity 3.5 {unit}" in junit.render(one)
        (result,) = json.loads(sarif.render(one))["runs"][0]["results"]
        assert result["properties"]["severityUnit"] == unit


def test_junit_of_a_clean_campaign_passes(clean):
    suite = ET.fromstring(junit.render(clean).partition("\n")[2])[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("1", "0")


def test_json_holds_what_the_page_shows(summary):
    document = json.loads(msgspec.json.encode(outline(summary)))
    assert document["verdict"] == "faults"
    assert sum(len(fault["findings"]) for fault in document["faults"]) == 11
    assert document["stats"]["inputs"] == 184_210
