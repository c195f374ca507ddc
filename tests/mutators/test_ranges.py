"""Operators that are narrowed: what is drawn then, and every way to write it wrong."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import MUTATORS, defaults, select
from mlfuzz.mutators.param import Choice, Integer, LogReal, Real
from mlfuzz.mutators.ranges import declared, declared_line, declared_text, narrowed

MODALITIES = ("image", "audio", "text")
ROTATE = select("image", ["image.rotate"])


def half(param):
    """A narrower range that holds the neutral value."""
    if isinstance(param, Choice):
        return [param.values[-1]] if param.neutral is None or len(param.values) > 1 else list(param.values)
    low, high = param.low, param.high
    middle = (low * high) ** 0.5 if isinstance(param, LogReal) else (low + high) / 2
    middle = int(middle) if isinstance(param, Integer) else middle
    middle = middle if param.neutral is None else min(max(param.neutral, low), high)
    inner = [middle + (low - middle) / 2, middle + (high - middle) / 2]
    return [int(each) for each in inner] if isinstance(param, Integer) else inner


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_parameter_that_has_a_range_can_be_narrowed(modality):
    """All operators that are drawn, plugins' likewise: what comes out lies within, and its end counts whole."""
    for part in defaults(modality):
        for name in declared(part):
            param, wanted = part.space[name], half(part.space[name])
            if isinstance(param, Real | LogReal | Integer) and wanted[0] == wanted[1] and param.neutral is not None:
                continue
            (less,) = narrowed([part], {part.name: {name: wanted}})
            drawn = less.draw(200, np.random.default_rng(0))[name]
            if isinstance(param, Choice):
                assert set(drawn.tolist()) <= set(wanted), part.name
                continue
            assert wanted[0] - 1e-6 <= drawn.min(), (part.name, name)
            assert drawn.max() <= wanted[1] + 1e-6, (part.name, name)
            if param.neutral is not None and wanted[1] > param.neutral:
                end = less.space[name].severity(np.asarray([wanted[1]]))
                assert end[0] == pytest.approx(1.0, abs=1e-6)
            assert less.name == part.name
            assert less.version == part.version
            assert less.function is part.function


def test_what_is_declared_stands_as_a_line_to_paste():
    assert declared_line(ROTATE[0]) == '"image.rotate" = { degrees = [-30, 30] }'
    assert declared_text(ROTATE[0]) == "degrees -30 to 30 (degrees)"
    assert declared_line(MUTATORS.get("image.flip")) == ""


WRONG = {
    "an unknown operator": ({"image.rotat": {"degrees": [-1, 1]}}, "did you mean 'image.rotate'"),
    "one that is not used": ({"image.shear": {"slope": [0, 0.1]}}, "not among the operators"),
    "an unknown parameter": ({"image.rotate": {"degree": [-1, 1]}}, "did you mean 'degrees'"),
    "no parameter": ({"image.rotate": {}}, 'write "image.rotate" = { degrees = [-30, 30] }'),
    "beyond what is declared": ({"image.rotate": {"degrees": [-40, 10]}}, "reaches beyond [-30, 30] degrees"),
    "turned round": ({"image.rotate": {"degrees": [10, -10]}}, "the least first"),
    "without the neutral value": ({"image.rotate": {"degrees": [5, 10]}}, "{ degrees = [0, 10] }"),
    "nothing left": ({"image.rotate": {"degrees": [0, 0]}}, 'exclude = ["image.rotate"]'),
    "one number": ({"image.rotate": {"degrees": 10}}, "is not two numbers"),
    "three numbers": ({"image.rotate": {"degrees": [1, 2, 3]}}, "is not two numbers"),
    "words": ({"image.rotate": {"degrees": ["a", "b"]}}, "is not two numbers"),
    "truth values": ({"image.rotate": {"degrees": [False, True]}}, "is not two numbers"),
    "no number": ({"image.rotate": {"degrees": [float("nan"), 1]}}, "is not a range"),
    "not whole": ({"image.pixel_change": {"count": [0, 1.5]}}, "two whole numbers"),
    "a word that it has not": ({"image.blank": {"tone": ["red"]}}, "not a list of some of its values"),
    "no word": ({"image.blank": {"tone": []}}, "not a list of some of its values"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_range_is_refused_with_the_line_to_write(case):
    asked, words = WRONG[case]
    with pytest.raises(ConfigError) as caught:
        narrowed(select("image", ["image.rotate", "image.pixel_change", "image.blank"]), asked)
    assert words in str(caught.value)
