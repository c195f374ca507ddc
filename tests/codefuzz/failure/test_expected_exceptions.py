"""Which exceptions count as documented."""

from __future__ import annotations

import zipfile

import pytest

from mlfuzz.codefuzz.failure.expected_exceptions import Documented


@pytest.mark.parametrize(
    ("rule", "error", "covered"),
    [
        (("ValueError", ""), UnicodeDecodeError("utf-8", b"", 0, 1, "x"), True),
        (("ValueError", ""), KeyError(1), False),
        (("zipfile.BadZipFile", ""), zipfile.BadZipFile(), True),
        (("LookupError", "nothing"), KeyError("nothing here"), True),
        (("LookupError", "nothing"), KeyError("else"), False),
        (("RuntimeError", ""), RecursionError(), False),
        (("RecursionError", ""), RecursionError(), True),
        (("Exception", ""), MemoryError(), False),
        (("MemoryError", ""), MemoryError(), True),
        (("BaseException", ""), SystemExit(1), False),
        (("SystemExit", ""), SystemExit(1), True),
        (("ValueError", ""), ExceptionGroup("", [ValueError(), UnicodeError()]), True),
        (("ValueError", ""), ExceptionGroup("", [ValueError(), KeyError()]), False),
        (("os.error", ""), FileNotFoundError(), True),
    ],
)
def test_a_rule_covers_what_it_names_and_nothing_by_accident(rule, error, covered):
    assert Documented([rule]).covers(error) is covered


def test_a_name_that_cannot_be_imported_is_compared_by_name():
    class Odd(Exception):
        pass

    Odd.__module__ = "no_such_package.inner"
    Odd.__qualname__ = "Odd"
    documented = Documented([("no_such_package.inner.Odd", "")])
    assert documented.unresolved == ("no_such_package.inner.Odd",)
    assert documented.covers(Odd())


def test_an_exception_whose_text_cannot_be_had_matches_no_expression():
    class Mute(ValueError):
        def __str__(self) -> str:
            raise TypeError

    assert not Documented([("ValueError", "x")]).covers(Mute())
    assert Documented([("ValueError", "")]).covers(Mute())


class Refused(Exception):
    """As a harness defines its own."""


def test_an_exception_of_the_harness_itself_is_found_in_its_module():
    documented = Documented([("Refused", "")], home=__name__)
    assert documented.unresolved == ()
    assert documented.covers(Refused())
    assert not documented.covers(type("Other", (Exception,), {})())
