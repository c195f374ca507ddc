"""Names in the code are the field's words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlfuzz

ROOT = Path(mlfuzz.__file__).parent

ANOTHER = {
    "told": "details, reply, message or record",
    "court": "runner",
    "jury": "vote",
    "judge": "evaluate, check, execute or catcher",
    "judgement": "verdict",
    "zygote": "fork server",
    "lore": "memory",
    "crew": "pool",
    "inquest": "policy",
    "warden": "supervisor",
    "standing": "state",
    "standings": "states",
    "pretence": "answers",
    "settle": "what it does: confirm, count, consolidate, repair",
    "settled": "what was done: confirmed, consolidated",
    "settling": "queue",
    "hear_out": "wait_for_reply",
    "go_on": "advance or take_over",
    "enlarge": "what it does",
}
"""Words that were names once, and what is written instead."""

ANY = re.compile(rf"(?i)\b_*({'|'.join(ANOTHER)})_*\b")


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)) | ast.alias(name=name):
                yield node.lineno, name


def refused(source: str) -> list[str]:
    if not ANY.search(source):
        return []
    return [f"{line}: {name}" for line, name in names(ast.parse(source)) if name.strip("_").lower() in ANOTHER]


def test_no_name_is_one_of_the_words_that_were_given_up():
    found = {str(path.relative_to(ROOT)): refused(path.read_text("utf-8")) for path in ROOT.rglob("*.py")}
    assert not {path: lines for path, lines in found.items() if lines}, f"write instead: {ANOTHER}"


@pytest.mark.parametrize(
    "source",
    [
        "told = 1",
        "x._told",
        "def f(*, court): pass",
        "def _settle(): pass",
        "class Jury: pass",
        "f(lore=1)",
        "f'{told}'",
    ],
)
def test_each_kind_of_name_is_looked_at(source):
    assert refused(source)
