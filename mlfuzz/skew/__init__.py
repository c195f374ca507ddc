"""What comes before a model: bytes -> decoder -> preprocessing -> model input, and what must hold of it.

The harnesses that `mlfuzz harness new --for-target` and `--compare` write import this: `skew.of_target("net")`,
`one.same("palette")`, `skew.agree(...)`. What does not hold is raised as a `SkewFailure`, whose message says by how
much, and where in the array; what is no input is a `BadInputError`, which is documented.

Read model_input.py first, then difference.py. Imported by harness files, in the child that runs them, and by the verb
that writes them.
"""

from mlfuzz.errors import BadInputError
from mlfuzz.skew.agreement import agree, of_file, of_text
from mlfuzz.skew.failures import NotFinite, OtherShape, OtherType, OutOfRange, Skew, SkewFailure, Unsteady
from mlfuzz.skew.model_input import ModelInput, One, named_exceptions, of_target

__all__ = [
    "BadInputError",
    "ModelInput",
    "NotFinite",
    "One",
    "OtherShape",
    "OtherType",
    "OutOfRange",
    "Skew",
    "SkewFailure",
    "Unsteady",
    "agree",
    "named_exceptions",
    "of_file",
    "of_target",
    "of_text",
]
