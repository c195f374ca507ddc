"""Faults that are no news: those kept in the corpus, and those that a campaign had before."""

from __future__ import annotations

from collections.abc import Iterable

from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import fault_of, former_faults, today


class Known:
    """A finding is known by its id, or by its target and fault, whatever its input and whatever triage says of it.

    A flaky one makes no fault known. One that is not shrunk yet is known where any operator of its chain would make it
    so: shrinking leaves some of these, and time that ran out must not make news of it.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        findings = list(findings)
        self._ids = frozenset(one.id for one in findings)
        self._faults = frozenset(
            (one.target, today(fault))
            for one in findings
            if one.verdict != "flaky"
            for fault in (one.fault, fault_of(one))
        )

    def __contains__(self, finding: Finding) -> bool:
        return finding.id in self._ids or any(
            (finding.target, today(fault)) in self._faults for fault in _faults(finding)
        )


def _faults(finding: Finding) -> set[str]:
    """The fault it has, or those that it may turn out to be."""
    faults = {finding.fault or fault_of(finding), *former_faults(finding)}
    return faults if finding.shrunk else faults | {fault_of(finding, step.name) for step in finding.chain}
