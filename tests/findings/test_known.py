"""What is news: a fault that neither the corpus nor the campaign had."""

from __future__ import annotations

import pytest

from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.findings.known import Known
from mlfuzz.mutation import Mutation


def finding(number=0, *operators, **changes):
    """A shrunk and confirmed finding of these operators."""
    given = {
        "id": f"{number:016x}", "side": "model", "kind": "label", "target": "digits", "oracle": {"name": "label"},
        "input": FileRef("input.png", "0" * 64), "expected": "5", "observed": "8", "verdict": "confirmed",
        "shrunk": True, "chain": tuple(Mutation(name, {}) for name in operators or ("image.mist",)),
    }  # fmt: skip
    return Finding(**{**given, **changes})


MIST = "label|5->8|image.mist"


@pytest.mark.parametrize(
    ("kept", "found", "known"),
    [
        (finding(0), finding(0), True),
        (finding(0), finding(1), True),  # another input of the same fault
        (finding(0), finding(1, "image.blur"), False),
        (finding(0), finding(1, observed="3"), False),
        (finding(0), finding(1, target="digits:robust"), False),
        (finding(0), finding(0, "image.blur", observed="3"), True),  # the same input, which shrank otherwise
        (finding(0, fault=MIST), finding(1, "image.blur", "image.mist", fault=MIST), True),
        (finding(0, fault="fog"), finding(1, fault=MIST), True),  # a fault that a person has named
        (finding(0, fault="fog"), finding(1, "image.blur", fault="fog"), True),
        (finding(0), finding(1, "image.mist", "image.blur", shrunk=False), True),  # may yet turn out to be mist
        (finding(0), finding(1, "image.mist", "image.blur"), False),
        (finding(0, "image.mist", "image.blur", shrunk=False), finding(1), False),
        (finding(0), finding(1, verdict="candidate", shrunk=False), True),
        (finding(0, verdict="flaky"), finding(1), False),
        (finding(0, verdict="flaky"), finding(0), True),
        *((finding(0, triage=state), finding(1), True) for state in ("open", "fixed", "quarantined", "ignored")),
    ],
)
def test_a_finding_is_known_by_its_id_or_by_target_and_fault(kept, found, known):
    assert (found in Known([kept])) is known


def test_nothing_is_known_where_nothing_is_kept():
    assert finding() not in Known([])


@pytest.mark.parametrize(
    ("kept", "found", "known"),
    [
        ("os-exit:status 3:acme.py:leave", "os-exit::acme.py:leave", True),
        ("os-exit:status 3", "os-exit:", True),
        ("os-exit:status 3:acme.py:leave", "os-exit::acme.py:other", False),
        ("crash:SIGTERM", "crash:signal", True),
        ("crash:SIGSEGV:acme.py:read", "crash:SIGSEGV:acme.py:read", True),
        ("crash:SIGABRT", "crash:signal", False),
    ],
)
def test_a_fault_of_code_is_known_by_the_name_it_had_before(kept, found, known):
    old = Known([finding(1, side="code", kind="crash", fault=kept)])
    assert (finding(2, side="code", kind="crash", fault=found) in old) is known
