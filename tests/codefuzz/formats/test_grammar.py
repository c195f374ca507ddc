"""A grammar of Lark's: what it takes, what is refused and how, sentences, subtrees, and a bug behind syntax."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
import pytest
from faults.drawn import drawn

from mlfuzz.codefuzz.corpus.ddmin import RunBudget, smallest
from mlfuzz.codefuzz.engine.default_engine import engine
from mlfuzz.codefuzz.formats import simpler, tree
from mlfuzz.codefuzz.formats.grammar import load
from mlfuzz.codefuzz.formats.terminals import Drawn
from mlfuzz.codefuzz.harness.declaration import Declaration
from mlfuzz.codefuzz.harness.discovery import at
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.errors import ConfigError

needs_lark = pytest.mark.usefixtures("lark")


@pytest.fixture
def lark() -> None:
    pytest.importorskip("lark", reason="pip install 'mlfuzz[grammar]'")


CALCULATOR = r"""
// sums of products, as people write them
start: expr
?expr: expr "+" term -> add
     | expr "-" term -> sub
     | term
?term: term "*" atom -> mul
     | atom
?atom: NUMBER
     | NAME
     | "(" expr ")"
     | NAME "(" [expr ("," expr)*] ")" -> call
     | "[" [expr ("," expr)*] "]" -> list
NAME: /[a-z_]\w*/
%import common.INT -> NUMBER
%import common.WS
%ignore WS
"""

TAKEN = {
    "a calculator": CALCULATOR,
    "left recursion": 'start: items\nitems: items "," ITEM | ITEM\nITEM: /[a-c]+/\n',
    "right recursion": 'start: ITEM "," start | ITEM\nITEM: /[a-c]+/\n',
    "recursion through another": 'start: a\na: b "x" | "y"\nb: a "z" | "w"\n',
    "an ambiguous grammar": 'start: start start | "a" | "b"\n',
    "conflicts of a table": 'start: a | b\na: "x" "y"?\nb: "x" "y" "z"?\n',
    "nothing at all": 'start: "a"? ("b" | "c")*\n',
    "imports": "start: (ESCAPED_STRING | SIGNED_FLOAT | CNAME)+\n%import common (ESCAPED_STRING, SIGNED_FLOAT, CNAME)\n"
    "%import common.WS_INLINE\n%ignore WS_INLINE\n",
    "comments that are ignored": 'start: ("let" NAME ";")+\nNAME: /[a-z]+/\n%import common.WS\nC: "#" /[^\\n]*/ "\\n"\n'
    "%ignore WS\n%ignore C\n",
    "templates": 'start: list{NUMBER, ","}\nlist{item, sign}: item (sign item)*\nNUMBER: /[0-9]+/\n',
    "numbers of times": 'start: "a"~2..4 B~3\nB: "b" | "c"\n',
    "rules without a node": 'start: _inner+ ";"\n_inner: "x" | _more\n_more: "(" _inner ")"\n',
    "kept tokens": '!start: "a" "b" | "c"\n',
    "whatever the case": 'start: "select"i NAME ("," NAME)*\nNAME: /[a-z]{1,8}/i\n%ignore " "\n',
    "priorities": 'start: (KEYWORD | NAME)+\nKEYWORD.2: "if" | "else"\nNAME.1: /[a-z]+/\n%ignore " "\n',
    "classes and classes left out": r'start: /[^"\\\n]+/ | /\d{2,3}(?:\.\d+)?/ | /[\w-]+\s?/',
    "text that is not ASCII": 'start: "\u00e9" /[\u4e00-\u4e20]+/ | "\\u00fc"\n',
    "another first rule": 'file: "a" row*\nrow: "b" | "c"\n',
    "a look ahead": "start: /a+/ /b(?!c)/\n",
    "several lines": "start: line+\nline: WORD+ _NL\nWORD: /[a-z]+/\n_NL: /\\n+/\n%ignore / +/\n",
}

ANTLR = """
/* sums */
grammar Sums;
expr : expr '+' term | term ;
INT : [0-9]+ ;
"""

REFUSED = {
    "a rule that is not there": ('start: a\na: "x" | foo\n', r"x\.lark:2: .*'foo' used but not defined"),
    "a terminal that is not there": ("start: a\n\na: FOO\n", r"x\.lark:3: .*FOO"),
    "a bracket left open": ('start: a\na: ("x"\n', r"x\.lark:2: .*[Uu]n"),
    "text left open": ('start: "a"\n  | "b\n', r"x\.lark:2: "),
    "an import that is not there": ("%import common.NOPE\nstart: NOPE\n", r"x\.lark:1: .*NOPE"),
    "a rule twice": ('start: a\na: "x"\na: "y"\n', r"x\.lark:3: .*a"),
    "an expression that is none": ("start: A\nA: /(/\n", r"x\.lark.*A.*"),
    "a terminal without text": ("start: A\n%declare A\n", r"A is declared and has no text; write what it is: A: /"),
    "an expression that looks around": ("start: B\nB: /(?<=a)b/\n", r"no text is found for the terminal B; write"),
    "a rule that never ends": ('start: a\na: a "x"\n', r"rule \w+ never ends: .*add one"),
    "ANTLR": (ANTLR, r"a grammar of ANTLR, which is not read; write it as Lark's"),
    "nothing": ("", r"x\.lark"),
    "no text": ("\udcff", r"no grammar that can be read"),
}


def grammar(folder: Path, text: str, name: str = "x.lark") -> str:
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return str(path)


def raw(seed: int) -> Callable[[bytes, int], bytes]:
    """Stands in for libFuzzer."""
    rng = Random(seed)

    def mutate(data: bytes, size: int) -> bytes:
        at = rng.randint(0, len(data))
        more = rng.choice((b"", bytes([rng.choice(b"()[],+*ab01 ")]), rng.randbytes(1)))
        return (data[:at] + more + data[at + rng.randint(0, 2) :])[:size] or b"0"

    return mutate


@needs_lark
@pytest.mark.parametrize("case", drawn(list(TAKEN), 7))
def test_sentences_are_of_the_grammar_and_the_same_for_the_same_seed(case: str, tmp_path: Path) -> None:
    form = load(grammar(tmp_path, TAKEN[case]))
    sentences = [form.sentence(Random(seed)) for seed in range(25)]
    assert sentences == [form.sentence(Random(seed)) for seed in range(25)]
    short = [one for one in sentences if one and len(one) < 200]
    parsed = [one for one in short if form.walk(one, None) is not None]  # type: ignore[arg-type]
    assert len(parsed) >= 0.8 * len(short)
    assert all(form.walk(one, None).written() == one for one in parsed)  # type: ignore[arg-type, union-attr]


@needs_lark
@pytest.mark.parametrize("case", drawn(list(TAKEN), 7))
def test_mutants_of_any_input_keep_their_limit_and_are_mostly_of_the_grammar(case: str, tmp_path: Path) -> None:
    form = load(grammar(tmp_path, TAKEN[case]))
    data, good = form.sentence(Random(1), deep=4), 0
    for seed in range(40):
        found = form.mutate((data, b"\xff(", b"")[seed % 10 // 8 + (seed % 10 == 9)], 100, seed, raw(seed))
        assert found == form.mutate((data, b"\xff(", b"")[seed % 10 // 8 + (seed % 10 == 9)], 100, seed, raw(seed))
        assert len(found) <= 100
        good += form.walk(found, None) is not None  # type: ignore[arg-type]
    assert good >= 20


@needs_lark
@pytest.mark.parametrize("case", REFUSED)
def test_a_grammar_that_is_none_is_refused_with_its_line_or_what_to_write(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message):
        load(grammar(tmp_path, text))


def test_a_grammar_of_another_tool_or_none_at_all_is_refused_by_its_name(tmp_path: Path) -> None:
    pytest.importorskip("lark", reason="pip install 'mlfuzz[grammar]'")
    with pytest.raises(ConfigError, match="a grammar of ANTLR"):
        load(grammar(tmp_path, "expr : 'a' ;", "Sums.g4"))
    with pytest.raises(ConfigError, match="no grammar that can be read"):
        load(str(tmp_path / "missing.lark"))


def test_without_lark_the_line_to_write_is_said(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['lark'] = None\n"
        "from mlfuzz.codefuzz.formats.grammar import load\n"
        f"load({grammar(tmp_path, CALCULATOR)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "x.lark: a grammar needs Lark: pip install 'mlfuzz[grammar]'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "expression",
    [
        r"\d+",
        r"[a-z_]\w*",
        r"(?:a|bc)+?x{2,3}",
        r'"(?:[^"\\\n]|\\.)*"',
        r"(a)\1",
        r"[^a-z]",
        r".",
        r"\s*\S",
        r"(?i:ab)c",
        r"x$",
    ],
)
def test_what_is_drawn_for_an_expression_is_taken_by_it(expression: str) -> None:
    drawn = Drawn(expression)
    assert all(drawn.takes(drawn.text(Random(seed)) or "") for seed in range(40))
    shortest = drawn.text(None)
    assert shortest is not None
    assert len(shortest) <= min(len(drawn.text(Random(seed)) or "") for seed in range(40))


EVALUATOR = textwrap.dedent("""
    import re

    def parse(text):
        words = re.findall(r"\\d+|[A-Za-z_]\\w*|[-+*()\\[\\],]|\\S", text)
        return Parser(words).whole()

    class Parser:
        def __init__(self, words):
            self.words, self.at = words, 0

        def peek(self):
            return self.words[self.at] if self.at < len(self.words) else ""

        def take(self, word):
            if self.peek() != word:
                raise SyntaxError(word)
            self.at += 1

        def whole(self):
            found = self.sum()
            self.take("")
            return found

        def sum(self):
            found = self.product()
            while self.peek() in ("+", "-"):
                self.at += 1
                found = ("sum", [found, self.product()])
            return found

        def product(self):
            found = self.atom()
            while self.peek() == "*":
                self.at += 1
                found = ("product", [found, self.atom()])
            return found

        def atom(self):
            word = self.peek()
            if word == "(":
                self.at += 1
                found = self.sum()
                self.take(")")
                return found
            if word == "[":
                return ("list", self.items("[", "]"))
            if not (word.isalnum() or word.isidentifier()):
                raise SyntaxError(word)
            self.at += 1
            if self.peek() == "(" and not word.isdigit():
                return ("call", self.items("(", ")"))
            return ("word", [])

        def items(self, first, last):
            self.take(first)
            found = []
            while self.peek() != last:
                found.append(self.sum())
                if self.peek() != last:
                    self.take(",")
            self.take(last)
            return found

    def deepest(tree, lists=0):
        kind, below = tree
        if kind == "call" and lists >= 3 and len(below) > 1 and any(one[0] == "product" for one in below):
            raise KeyError("planted: a product among a call's arguments, three lists deep")
        return max([lists] + [deepest(one, lists + (kind == "list")) for one in below])
""")


@pytest.fixture(scope="module")
def fails() -> Callable[[bytes], bool]:
    """Whether the planted bug is met: behind the syntax of an expression, and a construct nested in it."""
    names: dict[str, Callable[..., object]] = {}
    exec(EVALUATOR, names)

    def fails(data: bytes) -> bool:
        try:
            names["deepest"](names["parse"](data.decode()))
        except KeyError:
            return True
        except (SyntaxError, UnicodeDecodeError, RecursionError):
            return False
        return False

    return fails


WITHIN = 2500
FIRST = b"f(1, 2) + [3]"


def met(mutate: Callable[[bytes, int], bytes], fails: Callable[[bytes], bool]) -> tuple[int, bytes]:
    """After how many inputs the bug is met, and with which; one is mutated up to five times, as libFuzzer does."""
    data = FIRST
    for number in range(WITHIN):
        data = FIRST if number % 5 == 0 else data
        data = mutate(data, number)
        if fails(data):
            return number, data
    return WITHIN, b""


@needs_lark
def test_a_bug_behind_syntax_is_met_with_the_grammar_and_not_without(
    tmp_path: Path, fails: Callable[[bytes], bool]
) -> None:
    form = load(grammar(tmp_path, CALCULATOR))
    number, data = met(lambda data, seed: form.mutate(data, 256, seed, raw(seed)), fails)
    assert number < WITHIN
    assert met(lambda data, seed: raw(seed)(data, 256), fails) == (WITHIN, b"")
    walked = [one.kind for one in tree(data, form).below()]
    assert walked.count("list") >= 3 or walked.count("atom") >= 3


@needs_lark
def test_what_was_found_is_made_small_by_its_parse_tree(tmp_path: Path, fails: Callable[[bytes], bool]) -> None:
    form = load(grammar(tmp_path, CALCULATOR))
    found = b"abc - sqrt(12, [7, [x + [3, [ max( 1 + 2, (a) * (b * 44), [5] ) ]], 9]]) * (1 + [2, 3])"
    assert fails(found)
    smaller = smallest(found, fails, RunBudget(60, tries=5000), hints=lambda data: simpler(data, form))
    assert fails(smaller)
    assert len(smaller) <= 1.2 * len(b"[[[a(0,0*0)]]]")


DECLARED = """
HARNESS = {
    "name": "evaluates", "instrument": ["evaluator"], "allowed": ["SyntaxError", "RecursionError"], "length": 256,
    "grammar": "calculator.lark",
}

import evaluator


def fuzz(data):
    evaluator.deepest(evaluator.parse(data.decode("utf-8", "replace")))
"""


@needs_lark
@pytest.mark.slow
def test_a_campaign_meets_the_bug_with_the_grammar_and_not_without(tmp_path: Path) -> None:
    if why := engine().available():
        pytest.skip(why)
    (tmp_path / "evaluator.py").write_text(EVALUATOR)
    (tmp_path / "calculator.lark").write_text(CALCULATOR)
    (tmp_path / "harness.py").write_text(f"import sys\n\nsys.path.insert(0, {str(tmp_path)!r})\n{DECLARED}")
    declaration = at(tmp_path / "harness.py", tmp_path).declaration
    with_it, runs = fuzzed(declaration, tmp_path, "with", 12_000)
    assert [type_ for type_ in with_it if "KeyError" in type_]
    assert fuzzed(msgspec.structs.replace(declaration, grammar=""), tmp_path, "without", min(runs, 1500))[0] == []


def fuzzed(declaration: Declaration, folder: Path, name: str, runs: int) -> tuple[list[str], int]:
    """Types of what it found until the first, and after how many inputs."""
    found: list[str] = []
    corpus = folder / name
    corpus.mkdir()
    (corpus / "first").write_bytes(FIRST)
    with engine().prepare(declaration, Options(project=str(folder), cache="none")) as session:
        progress = session.fuzz(
            corpus,
            seconds=300,
            runs=runs,
            on_failure=lambda payload, outcome: found.append(outcome.type),
            on_progress=lambda progress: None,
            stop=lambda: bool(found),
        )
    return found, progress.executions
