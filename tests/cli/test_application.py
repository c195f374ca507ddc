"""Exit codes, messages and options that hold for every verb."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from mlfuzz.cli import application as module
from mlfuzz.cli.application import VERBS
from mlfuzz.errors import TargetError
from mlfuzz.storage.workdir import Workdir

MOST_TIMES_CPU = 3.5
"""Of the help, over what the libraries that write it take to be imported: about 2 on an idle machine."""


def test_help_names_every_verb_and_the_exit_codes(command):
    ran = command("--help")
    assert ran.code == 0
    for verbs in VERBS.values():
        for verb in verbs:
            assert f" {verb} " in ran.out
    assert "130 interrupted" in " ".join(ran.out.split())


@pytest.mark.parametrize("verb", [verb for verbs in VERBS.values() for verb in verbs])
def test_every_verb_explains_itself(command, verb):
    ran = command(verb, "--help")
    assert ran.code == 0
    assert f"mlfuzz {verb}" in ran.out


def commands(app, verb):
    """The commands behind a verb: itself, or those below it."""
    below = [name for name in app[verb] if not name.startswith("-")]
    return [app[verb][name] for name in below] or [app[verb]]


@pytest.mark.parametrize("verb", [verb for verbs in VERBS.values() for verb in verbs])
def test_every_argument_of_every_verb_is_explained(verb):
    for command in commands(module.application(), verb):
        arguments = command.assemble_argument_collection(parse_docstring=True)
        mute = [one.name for one in arguments if one.parameter.parse is not False and not one.parameter.help]
        assert mute == []


def cpu_seconds(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
def test_help_is_quick():
    pairs = [
        (cpu_seconds("-m", "mlfuzz", "--help"), cpu_seconds("-c", "import cyclopts, rich.console, msgspec"))
        for _ in range(2)
    ]
    assert min(helped for helped, _ in pairs) < MOST_TIMES_CPU * min(imported for _, imported in pairs)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fuz", "x"), "unknown verb 'fuz'; did you mean 'fuzz'?"),
        (("fuzz", "digits:fragile", "--tim", "3s"), "--tim"),
        (("fuzz",), "which target?"),
        (("check",), "requires an argument"),
        (("fuzz", "--name", "nothing"), "unknown campaign 'nothing'"),
        (("fuzz", "digits:fragile", "--time", "soon"), "time: 'soon' is no duration"),
        (("config", "shw"), 'Did you mean "show"?'),
        (("list", "mutatrs"), "did you mean 'mutators'?"),
        (("fuzz", "digits-fragile"), "unknown target 'digits-fragile'"),
        (("demo", "imge"), "did you mean 'image'?"),
        (("--config", "nowhere.toml", "config", "show"), "no such file"),
        (("--color", "blue", "status"), "blue"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(command, tmp_path, arguments, says):
    ran = command("-C", tmp_path, *arguments)
    assert ran.code == 2
    assert says.lower() in ran.err.lower()
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("subject", ["image", "code"])
def test_a_demonstration_that_is_mistyped_leaves_the_last_one_alone(command, tmp_path, subject):
    last = Workdir.create(tmp_path / ".mlfuzz" / f"demo-{subject}")
    assert command("-C", tmp_path, "demo", subject, "--time", "soon").code == 2
    assert last.is_campaign


def verb_that_raises(monkeypatch, error):
    def stop(**_):
        raise error

    monkeypatch.setattr("mlfuzz.cli.verbs.status.campaigns", lambda _: stop())


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (TargetError("the model is \x1b[31mbroken\u202e"), 3, "error: the model is \\x1b[31mbroken\\u202e"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (ZeroDivisionError("x"), 3, "this is a fault of mlfuzz"),
    ],
)
def test_an_error_has_its_own_exit_code_and_shows_no_control_characters(
    command, monkeypatch, tmp_path, error, code, says
):
    verb_that_raises(monkeypatch, error)
    ran = command("-C", tmp_path, "status")
    assert ran.code == code
    assert says in ran.err
    assert ("Traceback" in ran.err) == isinstance(error, ZeroDivisionError)


def test_the_traceback_of_an_error_is_shown_when_asked_for(command, monkeypatch, tmp_path):
    verb_that_raises(monkeypatch, TargetError("broken"))
    assert "Traceback" in command("-C", tmp_path, "-v", "status").err


def test_global_options_stand_before_or_after_the_verb(command, tmp_path):
    (tmp_path / "mlfuzz.toml").write_text("seed = 5\n")
    for arguments in (("-C", tmp_path, "--json", "config", "show"), ("config", "show", "--json", "-C", tmp_path)):
        ran = command(*arguments)
        assert '"seed":{"value":5,"origin":"mlfuzz.toml"}' in ran.out


def test_the_seed_of_the_command_line_is_a_flag(command, tmp_path):
    ran = command("-C", tmp_path, "--seed", "9", "--json", "config", "show")
    assert '"seed":{"value":9,"origin":"--seed"}' in ran.out


def test_the_version_is_the_packages(command):
    from mlfuzz import __version__

    assert command("--version").out.strip() == __version__


def test_verbs_are_where_the_table_says():
    app = module.application()
    for verbs in VERBS.values():
        for verb in verbs:
            assert callable(app[verb])


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_not_a_finding():
    listing = [sys.executable, "-m", "mlfuzz", "list", "mutators"]
    with subprocess.Popen(listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        output = process.stderr.read()
    assert (process.returncode, output) == (0, b"")


def test_a_folder_that_is_not_there_is_an_error_and_not_an_empty_one(command, tmp_path):
    ended = command("-C", str(tmp_path / "nowhere"), "status")
    assert ended.code == 2
    assert "nowhere: there is no such folder" in " ".join(ended.err.split())


@pytest.mark.parametrize(
    ("verb", "option", "default"),
    [
        ("fuzz", "--time", "10m"),
        ("fuzz", "--preset", "mixed"),
        ("check", "--max-seeds", "512"),
        ("triage", "--note", ""),
    ],
)
def test_the_help_says_what_holds_where_nothing_is_typed(command, monkeypatch, verb, option, default):
    monkeypatch.setenv("COLUMNS", "300")
    (line,) = [line for line in command(verb, "--help").out.splitlines() if f"{option} " in line]
    assert f"[default: {default}]" in line if default else "[default" not in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fuzz", "digits:fragile", "--time", "-5s"), "'-5s' is no duration"),
        (("robustness", "digits:fragile", "--max-seeds", "-3"), "--max-seeds must be 1 or more"),
    ],
)
def test_a_value_that_begins_with_a_minus_is_judged_as_a_value(command, words, said):
    ran = command(*words)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_verbs_and_options(command, shell, tmp_path):
    ran = command("completion", shell)
    assert ran.code == 0
    assert "robustness" in ran.out
    assert "max-seeds" in ran.out
    if shell == "bash":
        (tmp_path / "mlfuzz").write_text(ran.out)
        assert subprocess.run(["bash", "-n", tmp_path / "mlfuzz"], check=False).returncode == 0


def test_init_says_for_machines_what_it_wrote(command, tmp_path):
    ran = command("-C", tmp_path, "--json", "init")
    files = {one["file"]: one["done"] for one in map(json.loads, ran.out.splitlines())}
    assert files["mlfuzz.toml"] == files["mlfuzz_targets.py"] == "wrote"
    again = [json.loads(line)["done"] for line in command("-C", tmp_path, "--json", "init").out.splitlines()]
    assert set(again) == {"kept"}
