"""What `mlfuzz harness new --for-target` and `--compare` write: plain files that say what they check.

Each check is a function of its own, so that a finding is named for it, and so that it is left out by removing it.
"""

from __future__ import annotations

PLAIN = """

if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress({suppress}):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
"""

DECLARED = """HARNESS = {{
    "name": "{name}",
    "about": "{about}",
    # Packages whose coverage guides the fuzzer.
    "instrument": {instrument},
    "seeds": "corpus/seeds/code/{name}",
    "dictionary": "corpus/seeds/code/{name}.dict",
    "allowed": {allowed},  # exceptions that say: no input
    "seconds": {seconds},
    "mebibytes": 2048,
    "length": {length},{mutator}
}}

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(place) for place in (ROOT, ROOT / "src") if str(place) not in sys.path]

if __name__ == "__main__":  # a plain atheris script; elsewhere mlfuzz instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        {imports}
"""

FOR_TARGET = (
    '''#!/usr/bin/env python3
"""What {load} is handed for a file: {path}.

Each function below states what must hold, and a finding is named for it; remove those that you do not hold for true.
The figures are those of {measured}.{notes}
Run it with `mlfuzz harness run {name}`, or by itself:
python harnesses/{name}.py -max_total_time=60
"""

import contextlib
import sys
from pathlib import Path

'''
    + DECLARED
    + """
from mlfuzz import skew

TOLERANCE = {tolerance}  # a share of SPAN up to which two inputs are the same
SPAN = {span}  # what the numbers of the input range over
SHAPES = {shapes}  # None: any size
TYPES = {types}
RANGES = {ranges}  # a finding lies beyond by more than the whole width

INPUT = skew.of_target(
    "{load}", project=ROOT, decode="{decode}", span=SPAN, refuses=HARNESS["allowed"]
)


{checks}CHECKS = [{names}]
FORMS = [
    {forms}
]
AT_ONCE = {at_once}  # forms that one file is written in; other files are written in others


def fuzz(data: bytes) -> None:
    one = INPUT.of(data)
    for check in (*CHECKS, *one.in_turn(FORMS, AT_ONCE)):
        check(one)
"""
    + PLAIN
)

CHECK = '''def {name}(one: skew.One) -> None:
    """{words}"""
    one.{call}


'''

BASIC = (
    ("finite", "No NaN and no infinity.", "finite()"),
    ("shaped", "One shape for all files.", "shaped(SHAPES)"),
    ("typed", "One kind of values.", "typed(TYPES)"),
    ("in_range", "Numbers as natural inputs give them.", "within(RANGES)"),
    ("steady", "The same file twice is the same input.", "steady(TOLERANCE)"),
)

COMPARE = (
    '''#!/usr/bin/env python3
"""Two ways from bytes to an input agree: {first}
and {second}.

A finding says where they differ, and by how much. Figures are those of {measured}.{notes}
Run it with `mlfuzz harness run {name}`, or by itself:
python harnesses/{name}.py -max_total_time=60
"""

import contextlib
import sys
from pathlib import Path

'''
    + DECLARED
    + """
{use}
from mlfuzz import skew

TOLERANCE = {tolerance}  # a share of SPAN up to which two inputs are the same; tokens and texts must be equal
SPAN = {span}  # what the numbers range over
REFUSALS = False  # True: a file that one way alone refuses is a finding too
REFUSES = skew.named_exceptions({refuses})  # what says: no input
FIRST = {way_first}
SECOND = {way_second}
{answer}

def fuzz(data: bytes) -> None:
    skew.agree(data, FIRST, SECOND, tolerance=TOLERANCE, span=SPAN, refusals=REFUSALS, refuses=REFUSES{asked})
"""
    + PLAIN
)
