"""The exit code of a campaign of either side, as it is documented for the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FINDINGS
from mlfuzz.findings.finding import Finding
from mlfuzz.request import FailOn
from mlfuzz.stop_reason import Stop


def exit_code(
    findings: Iterable[Finding], *, known: Collection[str], fail_on: FailOn, stop: Stop, inputs: int,
    broken: bool = False, unexplained: bool = False, unstable: bool = False,
) -> int:  # fmt: skip
    """Who asked for the end comes first, then what could not be fuzzed, then findings, then that nothing ran.

    known: ids of findings that are not new. inputs: that ran, over all lives. broken: whether any of several could not
    be fuzzed. unexplained: whether a worker died of an input that is still to be looked for. unstable: whether the
    target answers otherwise each time, so that what was not found says nothing.
    """
    if stop.reason.exit_code is not None:
        return stop.reason.exit_code
    if broken:
        return EXIT_BROKEN
    if any(_counts(one, known, fail_on) for one in findings) or (unexplained and fail_on != "none"):
        return EXIT_FINDINGS
    return EXIT_CLEAN if inputs and not unstable else EXIT_BROKEN


def _counts(finding: Finding, known: Collection[str], fail_on: FailOn) -> bool:
    """Whether it makes a campaign fail: a flaky one and one that is set aside never do."""
    if fail_on == "none" or finding.verdict == "flaky" or finding.triage not in ("open", "fixed"):
        return False
    return fail_on == "any" or finding.id not in known
