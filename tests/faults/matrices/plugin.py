"""Test runs of other people, with the pytest plugin and without: the same tests, outcomes, words and exit code."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest
import specimen
from _pytest.config import default_plugins

from mlfuzz.findings.regression import write_regression

PROMISE = "A test run without regressions is the same with mlfuzz installed; with some, it has these besides."

HEX = "0123456789abcdef"
PASSES = "def test_it():\n    assert True\n"
FAILS = "def test_one(): pass\n\n\ndef test_two():\n    assert 1 == 2\n"
PLAIN = {"tests/test_plain.py": PASSES}
TAKES = """
import pytest


def pytest_collect_file(file_path, parent):
    return Case.from_parent(parent, path=file_path) if file_path.suffix in (".json", ".txt", ".wav", ".png") else None


class Case(pytest.File):
    def collect(self):
        yield Item.from_parent(self, name="case")


class Item(pytest.Item):
    def runtest(self):
        assert self.path.stat().st_size < 1 << 20
"""
DIRECTORIES = """
import pytest


class Sorted(pytest.Dir):
    def collect(self):
        yield from reversed(list(super().collect()))


def pytest_collect_directory(path, parent):
    return Sorted.from_parent(parent, path=path)
"""
STYLES = """
import unittest


class Old(unittest.TestCase):
    def setUp(self): self.ready = True
    def test_old(self): self.assertTrue(self.ready)


class TestNose:
    def setup_method(self): self.ready = True
    def test_nose(self): assert self.ready
"""

LAYOUTS: dict[str, dict[str, str]] = {
    "tests in regressions": {
        "tests/regressions/test_top.py": PASSES, "tests/regressions/api/test_42.py": FAILS, **PLAIN,
    },
    "deep": {"regressions/a/b/c/d/test_deep.py": PASSES, "x/regressions/y/regressions/test_deeper.py": FAILS},
    "packages": {
        "tests/__init__.py": "", "tests/regressions/__init__.py": "", "tests/regressions/pack/__init__.py": "",
        "tests/regressions/pack/test_in.py": "from . import __name__ as name\n\n\ndef test_name(): assert name\n",
    },
    "conftest": {
        "regressions/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef lent(): return 1\n",
        "regressions/api/test_lent.py": "def test_lent(lent): assert lent\n",
    },
    "hex json": {
        **PLAIN, f"tests/regressions/{HEX}.json": '{"annotations": [1]}', f"regressions/t/{HEX}.json": "[1, 2",
        f"regressions/t/{HEX}.png": "theirs", "regressions/00000017.json": "{}", f"regressions/u/{'e' * 40}.json": "",
        "regressions/records.json": '{"schema": "mlfuzz.not/1"}',
    },
    "tests in a corpus": {
        "corpus/test_corpus.py": PASSES, "corpus/regressions/digits/test_theirs.py": FAILS,
        "corpus/seeds/cat/a.txt": "x", "corpus/regressions/test_deep.py": PASSES,
        "mlfuzz.toml": 'corpus-dir = "corpus"\n',
    },
    "own collectors": {
        "tests/conftest.py": TAKES, f"tests/regressions/{HEX}.json": "{}", "tests/regressions/a.txt": "",
        "tests/b.wav": "x", f"tests/corpus/regressions/digits/{HEX}.png": "x", "tests/regressions/test_it.py": PASSES,
    },
    "own directories": {
        "conftest.py": DIRECTORIES, "regressions/a/test_a.py": PASSES, "regressions/b/test_b.py": FAILS,
    },
    "doctests": {
        "corpus/regressions/usage.txt": ">>> 1 + 1\n2\n", "corpus/seeds/words.txt": "good morning\n",
        "src/regressions/lib.py": '"""\n>>> 2 + 2\n4\n"""\n', "corpus/regressions/wrong.txt": ">>> 1 + 1\n3\n",
    },
    "styles": {"regressions/test_styles.py": STYLES, "regressions/sub/test_styles_too.py": STYLES},
    "broken": {"regressions/test_syntax.py": "def test_(:\n", "regressions/api/test_fine.py": PASSES, **PLAIN},
    "warnings": {
        "pytest.ini": "[pytest]\nfilterwarnings = error\n",
        "regressions/test_warns.py": "import warnings\n\n\ndef test_w():\n    warnings.warn('mine')\n",
        f"regressions/t/{HEX}.json": "{}",
    },
    "testpaths": {
        "pytest.ini": "[pytest]\ntestpaths = checks corpus\npython_files = check_*.py\n",
        "checks/regressions/check_a.py": PASSES, "corpus/regressions/check_b.py": FAILS, "other/check_c.py": PASSES,
    },
    "a file named regressions": {"regressions": "text", "tests/test_plain.py": PASSES, "corpus/regressions": "text"},
    "nothing": {"corpus/regressions/digits/readme.md": "empty"},
    "wrong configuration": {"mlfuzz.toml": "[regression]\nstrikt = true\n", "regressions/test_it.py": FAILS},
    "marks": {
        "regressions/test_marks.py": (
            "import pytest\n\n\n@pytest.mark.xfail\ndef test_x(): assert 0\n\n\n"
            "@pytest.mark.skip\ndef test_s(): pass\n\n\n"
            "@pytest.mark.parametrize('regression', [1, 2])\ndef test_p(regression): assert regression\n"
        ),
    },
}  # fmt: skip
"""By name: files of somebody else's project."""

OPTIONS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "collect only": ("--collect-only", "-q"),
    "prepend": ("--import-mode=prepend",),
    "append": ("--import-mode=append",),
    "importlib": ("--import-mode=importlib",),
    "-k": ("-k", "it or one or deep"),
    "twice, last failed": ("--lf",),
    "failed first": ("--ff",),
    "warnings": ("-W", "error"),
    "strict": ("--strict-markers", "--strict-config"),
    "doctest": ("--doctest-modules", "--doctest-glob=*.txt", "--continue-on-collection-errors"),
    "keep going": ("--continue-on-collection-errors", "-rA"),
    "rootdir": ("--rootdir=.", "regressions"),
    "elsewhere": ("--rootdir=/", "."),
    "below": ("tests",),
    "corpus": ("corpus",),
    "no cache": ("-p", "no:cacheprovider", "-v"),
    "junit": ("--junitxml=out.xml", "-o", "junit_family=xunit2"),
}
"""By name: what is given to pytest."""

RECORDS = ("plain", "collect only", "importlib", "warnings", "rootdir", "elsewhere", "doctest")
"""Options also for a project that has records of ours among its own files."""

_TIMES = re.compile(r"\bin [0-9.]+s\b(?: \([0-9:]+\))?|\b0x[0-9a-f]+\b|time(?:stamp)?=\"[^\"]*\"")
_HEADER = ("plugins: ", "platform ", "cachedir: ")


def cases() -> list[str]:
    made = [f"{layout} / {option}" for layout in LAYOUTS for option in OPTIONS]
    return [*made, *(f"with records: {layout} / {option}" for layout in LAYOUTS for option in RECORDS)]


def broken(case: str, folder: Path) -> str:
    layout, _, option = case.removeprefix("with records: ").partition(" / ")
    for name, text in LAYOUTS[layout].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ours = _keep(folder) if case.startswith("with records: ") else set()
    runs = 2 if option in ("twice, last failed", "failed first") else 1
    words = OPTIONS[option]
    if ours and option != "collect only":
        words = ("--collect-only", "-q", *words)  # what the records name is not there to be run
    without = _run(folder, ("-p", "no:mlfuzz", *words), runs)
    with_it = _run(folder, words, runs)
    if ours:
        return _beside(without, with_it, ours)
    for what in without:
        if without[what] != with_it[what]:
            return f"{what}: without {without[what]!r:.400}, with {with_it[what]!r:.400}"
    return ""


def _beside(without: dict[str, object], with_it: dict[str, object], ours: set[str]) -> str:
    theirs, all_of_them = set(_ids(without)), set(_ids(with_it))
    if theirs - all_of_them:
        return f"lost: {sorted(theirs - all_of_them)}"
    wrong = sorted(one for one in all_of_them - theirs if not any(identity in one for identity in ours))
    return f"taken: {wrong}" if wrong else ""


def _ids(run: dict[str, object]) -> Sequence[str]:
    collected = run["collected"]
    assert isinstance(collected, list)
    return collected


def _keep(folder: Path) -> set[str]:
    """Records of ours, in the corpus and in a foreign folder; their ids."""
    made = specimen._flips("c")[:2]
    for place in ("corpus", "deep/er"):
        if (folder / place / "regressions").is_file():
            continue
        for finding, files in made:
            write_regression(folder / place / "regressions" / "digits", finding, files)
    return {finding.id for finding, _ in made}


def _run(folder: Path, words: Sequence[str], runs: int) -> dict[str, object]:
    """pytest in a fork of this process: its imports are there, and nothing it does stays."""
    shutil.rmtree(folder / ".pytest_cache", ignore_errors=True)
    (folder / "out.xml").unlink(missing_ok=True)
    for name in (*(f"_pytest.{plugin}" for plugin in default_plugins), "mlfuzz.pytest_plugin.items", "xdist.plugin"):
        importlib.import_module(name)  # once here, not in each fork
    for _ in range(runs):
        answer = folder.with_name(f"{folder.name}.answer")
        if (child := os.fork()) == 0:
            try:
                _inside(folder, words, answer)
            except BaseException:  # noqa: BLE001  # a fork must not go on with the tests of its parent
                answer.write_text(json.dumps({"raised": traceback.format_exc()}))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    found: dict[str, object] = json.loads(answer.read_text())
    answer.unlink()
    return found


class _Ear:
    """What a run collects, and how it ends."""

    def __init__(self) -> None:
        self.collected: list[str] = []
        self.errors: list[str] = []
        self.outcomes: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.collected = [item.nodeid for item in session.items]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.outcomes.append(f"{report.nodeid} {report.when} {report.outcome}")


def _inside(folder: Path, words: Sequence[str], answer: Path) -> None:
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("PYTEST_", "MLFUZZ_"))]:
        del os.environ[name]
    os.environ["XDG_STATE_HOME"] = str(folder.with_name("state"))
    for name in ("COLUMNS", "PYTHONDONTWRITEBYTECODE"):
        os.environ[name] = "100"
    sys.dont_write_bytecode = True
    said = os.open(f"{answer}.said", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    sys.stdout, sys.stderr = (open(stream, "w", closefd=False) for stream in (1, 2))  # noqa: SIM115
    ear = _Ear()
    code = pytest.main([*words, "-p", "no:xdist", "-p", "no:hypothesispytest", "--color=no"], plugins=[ear])
    sys.stdout.flush()
    text = Path(f"{answer}.said").read_text(errors="replace")
    os.unlink(f"{answer}.said")
    lines = [_TIMES.sub("", line).strip("= ") for line in text.splitlines() if not line.startswith(_HEADER)]
    junit = Path("out.xml")
    answer.write_text(json.dumps({
        "collected": ear.collected, "errors": ear.errors, "outcomes": ear.outcomes, "code": int(code), "said": lines,
        "junit": _TIMES.sub("", junit.read_text()) if junit.exists() else "",
    }))  # fmt: skip
