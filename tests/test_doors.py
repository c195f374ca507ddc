"""Each package says at its door what it is, which file to read first, and who imports it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mlfuzz

ROOT = Path(mlfuzz.__file__).parent
DOORS = sorted(path.parent.relative_to(ROOT) for path in ROOT.rglob("__init__.py") if path.parent != ROOT)


def sign(package: Path) -> str:
    text = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""
    return " ".join(text.split())


@pytest.mark.parametrize("package", DOORS, ids=str)
def test_the_sign_on_a_door_says_more_than_the_name(package):
    text = sign(package)
    assert len(text) > 100
    first = re.search(r"[Rr]ead ([\w/]+\.py) first|(\w+\.py), which to read first", text)
    assert first is not None, text
    assert (ROOT / package / (first[1] or first[2])).is_file()
    assert re.search(r"[Ii]mport(s|ed)? ", text), "it says who imports it, or what it imports"


@pytest.mark.parametrize("package", [one for one in DOORS if one.parts[0] == "codefuzz"], ids=str)
def test_a_door_of_the_code_side_says_in_which_process_it_runs(package):
    assert re.search(r"in the parent|in the forked child|the child|THE CHILD", sign(package))
