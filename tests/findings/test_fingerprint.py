import pytest
from findings.samples import sample

from mlfuzz.findings.fingerprint import fault_of, group, normal_frame
from mlfuzz.mutation import Mutation


def test_a_models_fault_is_oracle_change_and_operator():
    finding, _ = sample(chain=(Mutation("image.blur"), Mutation("image.rotate")))
    assert fault_of(finding) == "label|7->1|image.rotate"
    assert fault_of(finding, "image.blur") == "label|7->1|image.blur"
    assert fault_of(sample(chain=())[0]) == "label|7->1|seed"


@pytest.mark.parametrize(
    ("expected", "observed"), [("0.25", "1.75"), ("1e3", "nan"), ("[0.1, 2]", "[0.3, 2]"), ("so " * 20, "so")]
)
def test_values_that_differ_from_input_to_input_do_not_split_a_fault(expected, observed):
    finding, _ = sample(oracle={"name": "tolerance"}, expected=expected, observed=observed)
    assert fault_of(finding) == "tolerance|changed|image.rotate"


def test_a_crash_is_kind_type_and_the_innermost_frame_of_the_target():
    frames = [
        "app.py:main",
        "/home/me/.venv/lib/python3.11/site-packages/PIL/Image.py:3412:open",
        "/usr/lib/python3/dist-packages/torch/nn/functional.py:conv2d",
    ]
    finding, _ = sample(kind="exception", observed="ValueError", evidence={"frames": frames})
    assert fault_of(finding) == "exception|ValueError|PIL/Image.py:open"
    bare, _ = sample(kind="hang", observed="", message="no answer in 5 s\nmore")
    assert fault_of(bare) == "hang|no answer in 5 s|"
    typed, _ = sample(kind="crash", observed="x", evidence={"type": "SIGSEGV", "frames": frames[2:]})
    assert fault_of(typed) == "crash|SIGSEGV|torch/nn/functional.py:conv2d"


@pytest.mark.parametrize(
    ("frame", "normal"),
    [
        ("/usr/lib/python3.12/json/decoder.py:355:raw_decode", "json/decoder.py:raw_decode"),
        ("/home/me/.venv/lib64/python3.13/site-packages/b/c.py:f", "b/c.py:f"),
        ("C:\\x\\site-packages\\y\\z.py, line 4:f", "y/z.py:f"),
        ("target.py:run", "target.py:run"),
    ],
)
def test_a_frame_is_the_same_on_every_machine(frame, normal):
    assert normal_frame(frame) == normal


def test_findings_of_one_fault_stand_together_the_most_severe_first():
    found = [
        sample(1, severity=0.1, verdict="confirmed")[0],
        sample(2, severity=0.9)[0],
        sample(3, severity=0.5, verdict="confirmed")[0],
        sample(4, observed="4", severity=5.0)[0],
        sample(5, observed="2", severity=0.7, verdict="confirmed", fault="named")[0],
        sample(6, target="other", severity=0.01, verdict="confirmed")[0],
    ]
    faults = group(found)
    assert [(fault.target, fault.key) for fault in faults] == [
        ("digits", "named"),
        ("digits", "label|7->1|image.rotate"),
        ("other", "label|7->1|image.rotate"),
        ("digits", "label|7->4|image.rotate"),
    ]
    assert [finding.severity for finding in faults[1].members] == [0.9, 0.5, 0.1]
    assert faults[1].best.severity == 0.5
    assert faults[1].verdicts == {"confirmed": 2, "candidate": 1}
    assert group([]) == []


def test_the_order_of_findings_does_not_change_their_groups():
    found = [sample(number, observed=str(number % 3), margin=None)[0] for number in range(9)]
    assert group(found) == group(reversed(found))
