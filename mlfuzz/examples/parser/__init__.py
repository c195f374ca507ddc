"""A small parser of a made-up tensor file, with four bugs planted in it: the subject of `mlfuzz demo code`.

| bug | where | what sets it off |
|---|---|---|
| exception | `chunks.quantised` | one level: the step between levels divides by zero |
| hang | `chunks.notes` | a note of length 0 never ends |
| memory | `chunks.fill` | 2^27 values of 8 bytes are let through |
| crash | `slots.Slots.view` | a slot that was never filled: the copy reads from the null pointer |

What is wrong with a file is a FormatError, which is documented: it is a ValueError.

Read chunks.py first. Imported by the demo's harness; imports nothing of mlfuzz.
"""

from mlfuzz.examples.parser.format import FormatError
from mlfuzz.examples.parser.tensorfile import Tensor, parse

__all__ = ["FormatError", "Tensor", "parse"]
