from __future__ import annotations

import pytest

from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.report.codeside import amplified, consumed, facts, location, place_of, title


def finding(**evidence):
    return Finding(
        id="0" * 16, side="code", kind="exception", target="toy", load="harnesses/toy.py:fuzz",
        input=FileRef("input.bin", "0" * 64), observed="KeyError", fault="exception:KeyError:pkg/part.py:read",
        evidence=evidence,
    )  # fmt: skip


def test_the_place_is_the_deepest_frame_of_what_is_tested():
    one = finding(frames=["toy.py:9:fuzz", "pkg/part.py:12:read", "numpy/core.py:99:array"])
    assert place_of(one) == "pkg/part.py:12:read"
    assert location(one) == ("pkg/part.py", 12)
    assert title(one) == "exception: KeyError in read"


def test_without_frames_there_is_no_place():
    assert place_of(finding()) == ""
    assert location(finding(frames=["strange"])) is None
    assert title(finding()) == "exception: KeyError"


def test_amplification_is_told_of_inputs_that_cost_something():
    each = {"seconds_per_kib": 40.0, "mebibytes_per_kib": 20_000.0}
    assert amplified(finding(amplification=each, seconds=1.0, mebibytes=500.0)) == "40 s and 20,000 MiB a KiB of input"
    assert amplified(finding(amplification=each, seconds=0.001, mebibytes=1.0)) == ""
    assert amplified(finding()) == ""


@pytest.mark.parametrize("odd", [None, 3, "text", [1, 2], [["a"]], {"a": 1}])
def test_records_of_strangers_break_nothing(odd):
    one = finding(frames=odd, consumed=odd, amplification=odd, sanitizer=odd, causes=["A"], size=odd, sandbox=odd)
    assert all(isinstance(words, str) for _, words in facts(one))
    assert consumed(one) in ([], [("a", "b")])
