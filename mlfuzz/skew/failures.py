"""What does not hold of a model's input."""

from __future__ import annotations


class SkewFailure(AssertionError):
    """An invariant that does not hold; the message says which, by how much and where."""


class NotFinite(SkewFailure):
    """NaN or infinity."""


class OtherShape(SkewFailure):
    """Another shape, or other parts."""


class OtherType(SkewFailure):
    """Another kind of values."""


class OutOfRange(SkewFailure):
    """Values far outside of what natural inputs give."""


class Unsteady(SkewFailure):
    """The same bytes twice are two inputs."""


class Skew(SkewFailure):
    """Two files of one content, or two ways to read one file, are two inputs."""
