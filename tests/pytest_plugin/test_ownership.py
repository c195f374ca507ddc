"""The plugin adds what is its own to a test run, and takes nothing out of it."""

from __future__ import annotations

import json
import os

import pytest
from pytest_plugin.lamp import MENDED

pytest_plugins = "pytester"

HEX = "0123456789abcdef"

FOREIGN = [
    b'{"annotations": [1, 2, 3]}',
    b"[1, 2, 3]",
    b'{"id": "0123456789abcdef", "schema": "coco/1"}',
    b'{"schema": {"$ref": "mlfuzz.finding/1"}}',
    b'{"schema": "other", "of": {"schema": "mlfuzz.finding/1"}}',
    b'{"annotations": [1, 2',
    b"",
    bytes(range(256)),
    b"[" * 100_000,
    b'{"name": "\xff"}',
]


def foreign_project(folder):
    """Tests of others in every form, below folders named regressions, at the top and deep."""
    files = {
        "regressions/test_top.py": "def test_top(): pass\n",
        "regressions/conftest.py": "import pytest\n\n@pytest.fixture\ndef lent(): return 1\n",
        "regressions/api/test_issue_42.py": "def test_one(lent): pass\n\ndef test_two(): assert 1 == 2\n",
        "regressions/api/usage.txt": ">>> 1 + 1\n2\n",
        "regressions/api/deep/er/test_deep.py": "class TestDeep:\n    def test_it(self): pass\n",
        "regressions/pack/__init__.py": "",
        "regressions/pack/test_inside.py": "from . import __name__ as name\n\ndef test_named(): assert name\n",
        "regressions/taken/conftest.py": TAKES_JSON,
        f"regressions/taken/{HEX}.json": "{}",
        "unit/regressions/test_low.py": "def test_low(): pass\n",
        "regressions/api/00000017.json": '{"annotations": [1, 2, 3]}',
        f"regressions/api/{HEX}.json": '{"annotations": [1, 2, 3]}',
        f"regressions/api/{HEX}.png": "a picture of theirs",
        f"regressions/lines/{HEX}.json": '{"box": [1, 2]}\n{"box": [3, 4]}\n',
        f"regressions/lines/{HEX}.png": "a picture of theirs",
        f"unit/regressions/{HEX}.json": "[broken",
    }
    for name, text in files.items():
        path = folder / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    os.mkfifo(folder / "tests" / "regressions" / "00000018.json")
    (folder / "tests" / "regressions" / "00000019.json").symlink_to("nowhere")
    with (folder / "tests" / "regressions" / f"{'e' * 16}.json").open("wb") as huge:
        huge.truncate(1 << 33)


TAKES_JSON = """
import pytest

def pytest_collect_file(file_path, parent):
    return Case.from_parent(parent, path=file_path) if file_path.suffix == ".json" else None

class Case(pytest.File):
    def collect(self):
        yield Item.from_parent(self, name="case")

class Item(pytest.Item):
    def runtest(self): pass
"""


@pytest.fixture
def collected(run):
    """The node ids that `pytest ARGUMENTS...` collects, ours and theirs."""

    def collected(*arguments):
        result = run("--collect-only", "-q", "--doctest-glob=*.txt", *arguments)
        assert result.ret in (0, pytest.ExitCode.NO_TESTS_COLLECTED), result.stdout.str()
        return sorted(line for line in result.stdout.lines if "::" in line)

    return collected


def compare(folder, collected, arguments):
    foreign_project(folder)
    without = collected("-p", "no:mlfuzz", *arguments)
    assert without
    assert collected(*arguments) == without


def test_a_run_of_others_collects_the_same_with_the_plugin_and_without(lamp, collected):
    compare(lamp.folder, collected, ["tests"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["tests/regressions"],
        ["tests/regressions/api"],
        ["tests/regressions/api/test_issue_42.py"],
        ["tests/regressions/api/test_issue_42.py::test_one"],
        ["tests/regressions/pack"],
        ["tests/regressions/taken"],
        ["tests", "--import-mode=importlib"],
    ],
    ids=" ".join,
)
def test_a_part_of_a_run_of_others_collects_the_same_too(lamp, collected, arguments):
    compare(lamp.folder, collected, arguments)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["-p", "no:mlfuzz"], ["-n", "2"]], ids=" ".join)
def test_tests_of_others_end_as_they_do_without_the_plugin(lamp, run, options):
    foreign_project(lamp.folder)
    run("tests", *options).assert_outcomes(passed=6, failed=1)


def test_json_files_of_others_are_no_tests(lamp, collected):
    for number, content in enumerate(FOREIGN):
        for digits in (8, 16, 40):
            path = lamp.folder / "tests" / "regressions" / "data" / f"{number:0{digits}x}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    assert collected("tests") == []


def test_tests_and_packages_of_others_run_beside_our_records(lamp, collected):
    records = [lamp.keep(number) for number in range(2)]
    folder = records[0].parent
    (folder / "__init__.py").touch()
    (folder / "test_theirs.py").write_text("def test_it(): pass\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "test_below.py").write_text("def test_it(): pass\n")
    theirs = collected("corpus", "-p", "no:mlfuzz")
    ours = [f"corpus/regressions/lamp/{path.name}::label" for path in records]
    assert len(theirs) == 2
    assert collected("corpus") == sorted(theirs + ours)


@pytest.mark.slow
def test_records_are_found_at_any_depth_and_outside_the_corpus(lamp, collected):
    path = lamp.keep()
    for place in ("tests/regressions", "tests/regressions/a/b/c"):
        folder = lamp.folder / place
        folder.mkdir(parents=True)
        for file in path.parent.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    assert len(collected("tests")) == 2


SAYS_SO_STILL = [
    lambda path: path.write_bytes(path.read_bytes()[:200]),
    lambda path: path.write_bytes(b"<<<<<<< HEAD\n" + path.read_bytes()),
    lambda path: path.write_bytes(path.read_bytes().replace(b"finding/1", b"finding/9")),
    lambda path: path.write_text(json.dumps(json.loads(path.read_bytes()), sort_keys=True)),
]
SAYS_NOTHING = [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(bytes(300)),
    lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
    lambda path: (path.unlink(), path.symlink_to("nowhere")),
    lambda path: (path.unlink(), os.mkfifo(path)),
]
SAYS_SOMETHING_ELSE = [lambda path: path.write_bytes(b"{}"), lambda path: path.write_bytes(b"[1]")]


def damage(lamp, harms):
    """One record damaged in each way."""
    for number, harm in enumerate(harms):
        harm(lamp.keep(number))


def leave_alone(folder):
    """Only the records stay."""
    for path in folder.iterdir():
        if path.suffix != ".json":
            path.unlink()


def test_each_damaged_record_in_the_configured_corpus_is_a_test(lamp, collected):
    damage(lamp, [*SAYS_SO_STILL, *SAYS_NOTHING, *SAYS_SOMETHING_ELSE])
    leave_alone(lamp.folder / "corpus" / "regressions" / "lamp")
    assert len(collected("corpus")) == 11


def test_without_a_configuration_a_damaged_record_is_told_by_itself_or_by_what_lies_beside_it(lamp, collected):
    (lamp.folder / "mlfuzz.toml").unlink()
    damage(lamp, [*SAYS_SO_STILL, *SAYS_NOTHING, *SAYS_SOMETHING_ELSE])
    assert len(collected("corpus")) == 9
    leave_alone(lamp.folder / "corpus" / "regressions" / "lamp")
    assert len(collected("corpus")) == 4


@pytest.mark.slow
def test_a_link_to_nowhere_fails_and_the_gate_and_the_others_run(lamp, run):
    (lamp.folder / "mlfuzz.toml").write_text('[regression]\nmode = "both"\nmax-failure-rate = 0.5\n')
    lamp.limit(MENDED)
    first, _ = lamp.keep(0, triage="fixed"), lamp.keep(1, triage="fixed")
    first.unlink()
    first.symlink_to("nowhere")
    result = run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*is a symbolic link*"])
    run("corpus", f"--ignore={first}").assert_outcomes(passed=2)


@pytest.mark.slow
def test_a_wrong_configuration_is_told_once_and_leaves_the_tests_of_others(lamp, run):
    for number in range(3):
        lamp.keep(number)
    (lamp.folder / "mlfuzz.toml").write_text("[regression]\nstrikt = true\n")
    foreign_project(lamp.folder)
    result = run("--continue-on-collection-errors", "corpus", "tests/regressions/pack")
    result.assert_outcomes(errors=1, passed=1)


@pytest.mark.slow
def test_tests_of_others_import_after_a_regression_what_they_did_before(lamp, run):
    lamp.keep()
    path = lamp.folder / "tests" / "test_after.py"
    path.parent.mkdir()
    path.write_text(f"import sys\n\ndef test_path(): assert {str(lamp.folder)!r} not in sys.path\n")
    run("--import-mode=importlib", "corpus", "tests").assert_outcomes(passed=1, xfailed=1)
