"""The code side from the command line, with an engine that tries a given list of inputs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from codefuzz import toy_project
from codefuzz.scripted import ScriptedEngine
from faults.drawn import drawn

from mlfuzz.cli.verbs.harness_formats import STARTERS
from mlfuzz.codefuzz.corpus.corpus_directory import WorkingCorpus, name_of
from mlfuzz.codefuzz.engine import default_engine
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.workdir import Workdir

BUGS = [b"TPokay", b"TPExyz", b"TPDdddd", b"TPXxx"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = toy_project.build(tmp_path / "project")
    monkeypatch.setattr(default_engine, "engine", lambda: ScriptedEngine({"toy": BUGS}))
    return root


@pytest.fixture
def mlfuzz(command, project):
    """Run `mlfuzz -C PROJECT ARGUMENTS...`."""
    return lambda *arguments: command("-C", project, *arguments)


@pytest.fixture
def fuzzed(mlfuzz):
    """The project after a run; what the run said."""
    return mlfuzz("harness", "run", "toy", "--inputs", "5k")


def ids(mlfuzz):
    return {one["observed"]: one["id"] for one in json.loads(mlfuzz("findings", "list", "--json").out)}


def test_a_run_tells_news_and_what_to_type_next(fuzzed, project):
    assert fuzzed.code == 1
    assert "NEW exception KeyError" in fuzzed.out
    assert "3 faults (2 exception, 1 os-exit)" in fuzzed.out
    assert "mlfuzz findings promote " in fuzzed.out
    page = (project / ".mlfuzz/toy/report.html").read_text()
    assert "toyparser.py" in page
    assert "54 50 45" in page  # the hexdump of TPE


def test_a_harness_goes_before_a_folder_that_is_called_like_it(mlfuzz, project):
    (project / "toy").mkdir()
    assert "toy: imported" in mlfuzz("harness", "run", "toy", "--inputs", "100").out


@pytest.mark.slow
def test_from_finding_to_regression_to_fixed(fuzzed, mlfuzz, project):
    key_error = ids(mlfuzz)["KeyError"]
    shown = mlfuzz("findings", "show", key_error[:8]).out
    assert "KeyError: b''" in shown
    replayed = mlfuzz("replay", key_error)
    assert (replayed.code, "x FAILS" in replayed.out) == (1, True)
    assert mlfuzz("findings", "promote", key_error).code == 0
    record = project / f"corpus/regressions/toy/{key_error}.json"
    assert record.with_suffix(".toy").read_bytes() == b"TPE"
    toy_project.mend(project)
    again = mlfuzz("replay", record)
    assert (again.code, "+ FIXED" in again.out) == (0, True)
    assert mlfuzz("triage", "--mark-fixed").code == 0
    assert json.loads(record.read_bytes())["triage"] == "fixed"


def test_the_repro_script_shows_the_failure_without_mlfuzz(fuzzed, mlfuzz, project):
    key_error = ids(mlfuzz)["KeyError"]
    script = project / f".mlfuzz/toy/findings/{key_error}/repro.py"
    done = subprocess.run([sys.executable, "-I", script], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("KeyError")


@pytest.mark.slow
def test_any_file_is_handed_to_a_harness(mlfuzz, project):
    (project / "x.bin").write_bytes(b"TPE")
    (project / "y.bin").write_bytes(b"TPq")
    ran = mlfuzz("replay", "x.bin", "y.bin", "--target", "toy")
    assert ran.code == 1
    assert "x FAILS" in ran.out
    assert "+ HOLDS" in ran.out
    assert mlfuzz("replay", "y.bin", "--target", "toy").code == 0
    assert mlfuzz("replay", "y.bin", "--target", "tiy").code == 2


def test_consumed_values_are_told(mlfuzz, project):
    (project / "x.bin").write_bytes(b"\x07\x01abc")
    ran = mlfuzz("replay", "x.bin", "--target", "plain_toy")
    assert "ConsumeUnicode(4) -> 'abc'" in ran.out


def test_a_list_names_harnesses_and_what_is_none(mlfuzz, project):
    ran = mlfuzz("harness", "list")
    assert ran.code == 0
    assert "a toy file -> a toy parser" in ran.out
    (project / "harnesses/odd.py").write_text("x = (")
    assert mlfuzz("harness", "list").code == 3


def test_broken_harnesses_end_with_three_and_clear_words(mlfuzz, project):
    (project / "harnesses/broken.py").write_text("import nothing_such\ndef TestOneInput(data): pass\n")
    ran = mlfuzz("harness", "run", "broken", "--time", "100ms")
    assert ran.code == 3
    assert "broken.py does not import: ModuleNotFoundError" in ran.err
    assert mlfuzz("harness", "run", "nobody").code == 2


def test_without_an_engine_a_run_ends_with_three_and_replay_works(fuzzed, mlfuzz, monkeypatch):
    monkeypatch.setattr(
        default_engine, "engine", lambda: ScriptedEngine({}, missing="atheris is not installed: pip ...")
    )
    ran = mlfuzz("harness", "run", "toy")
    assert (ran.code, "atheris is not installed" in ran.err) == (3, True)
    assert mlfuzz("replay").code == 1


def test_a_campaign_shows_in_status_and_reports_in_all_forms(fuzzed, mlfuzz, project):
    assert "toy" in mlfuzz("status").out
    for form, words in (("json", "KeyError"), ("sarif", "toyparser.py"), ("junit", "KeyError")):
        path = project / f"r.{form}"
        assert mlfuzz("report", "toy", "--format", form, "--output", path.name).code == 0
        assert words in path.read_text()
    sarif = json.loads((project / "r.sarif").read_text())
    (place,) = {
        (one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
         one["locations"][0]["physicalLocation"]["region"]["startLine"])
        for one in sarif["runs"][0]["results"] if "KeyError" in one["message"]["text"]
    }  # fmt: skip
    line = 1 + next(at for at, text in enumerate(toy_project.PARSER.splitlines()) if "return {}[rest]" in text)
    assert place == ("toyparser.py", line)


def test_inputs_of_other_fuzzers_become_findings(mlfuzz, project):
    theirs = project / "theirs"
    theirs.mkdir()
    (theirs / "crash-0123456789").write_bytes(b"TPE1")
    (theirs / "crash-0123456780").write_bytes(b"TPq")
    ran = mlfuzz("findings", "import", "theirs", "--harness", "toy")
    assert ran.code == 1
    assert "1 new, 1 do not fail here" in ran.out
    assert mlfuzz("report", "imported-toy").code == 0
    assert mlfuzz("findings", "import", "theirs", "--harness", "toy").code == 0


def test_a_new_harness_can_be_replayed_at_once(mlfuzz, project):
    assert mlfuzz("harness", "new", "mine", "--for", "text").code == 0
    (project / "x.toml").write_text("a = 1")
    assert mlfuzz("replay", "x.toml", "--target", "mine").code == 0
    assert mlfuzz("harness", "new", "mine").code == 2
    assert mlfuzz("harness", "new", "no-name").code == 2
    unknown = mlfuzz("harness", "new", "other", "--for", "pngs")
    assert unknown.code == 2
    assert '"png"' in unknown.err
    assert '"safetensors"' in unknown.err


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "audio", "text", "bytes", *drawn(sorted(STARTERS), 1)])
def test_new_harnesses_take_their_own_seeds(mlfuzz, project, kind):
    mlfuzz("harness", "new", f"new_{kind}", "--for", kind)
    for path in sorted((project / f"corpus/seeds/code/new_{kind}").iterdir()):
        ran = mlfuzz("replay", path, "--target", f"new_{kind}", "--times", "1", "--json")
        assert json.loads(ran.out)["kind"] == "ok"


@pytest.mark.slow
def test_a_corpus_is_listed_verified_minimised_and_carried_away(fuzzed, mlfuzz, project):
    corpus = WorkingCorpus(project / ".mlfuzz/toy/derived/corpus-toy")
    corpus.add(b"TPaaab")
    (corpus.folder / "by-hand").write_bytes(b"TPlong")
    (row,) = json.loads(mlfuzz("corpus", "list", "--json").out)
    assert (row["of"], row["inputs"]) == ("toy", 5)
    assert mlfuzz("corpus", "verify", "toy").code == 3
    assert mlfuzz("corpus", "verify", "--fix").code == 0
    stats = json.loads(mlfuzz("corpus", "stats", "toy", "--edges", "--json").out)
    assert (stats["inputs"], stats["edges"]) == (5, 3)
    assert json.loads(mlfuzz("corpus", "min", "toy", "--dry-run", "--json").out)["kept"] == 3
    assert len(corpus) == 5
    assert mlfuzz("corpus", "min", "toy").code == 0
    assert len(corpus) == 3
    assert mlfuzz("corpus", "export", "toy", "out").code == 0
    assert {path.name for path in (project / "out").iterdir()} == {path.name for path in corpus.files()}
    assert mlfuzz("corpus", "export", "toy", "out.zip").code == 0
    (project / "more").mkdir()
    (project / "more/new").write_bytes(b"TP1234567")
    (project / "more/old").write_bytes(b"TPbbbb")
    (project / "more/huge").write_bytes(bytes(1000))
    merged = json.loads(mlfuzz("corpus", "merge", "toy", "more", "--json").out)
    assert (merged["offered"], merged["taken"]) == (3, 2)
    added = json.loads(mlfuzz("corpus", "import", "more", "--harness", "toy", "--json").out)
    assert (added["added"], added["too_large"]) == (1, 1)
    assert (corpus.folder / name_of(b"TPbbbb")).exists()


@pytest.mark.slow
def test_coverage_names_files_and_pages(fuzzed, mlfuzz, project):
    ran = mlfuzz("harness", "coverage", "toy")
    assert ran.code == 0
    assert "75" in ran.out
    assert (project / ".mlfuzz/coverage-toy/index.html").exists()


def test_a_finding_is_shrunk_further(fuzzed, mlfuzz):
    assert mlfuzz("shrink", ids(mlfuzz)["KeyError"], "--time", "1s").code == 0


@pytest.mark.slow
def test_findings_of_the_code_side_need_neither_torch_nor_atheris(fuzzed, mlfuzz, project):
    verbs = (["harness", "list"], ["findings", "list"], ["replay"])
    code = (
        "import sys; from mlfuzz.cli.main import main; "
        f"codes = [main(['-C', {str(project)!r}, *words]) for words in {verbs!r}]; "
        "print(codes, [name for name in ('torch', 'atheris') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[0, 0, 1] []"


def test_a_campaign_goes_on_by_its_name_alone(fuzzed, mlfuzz, project):
    again = mlfuzz("harness", "run", "--name", "toy", "--inputs", "2k", "--fail-on", "none")
    assert again.code == 0
    assert "fuzzing toy, campaign toy" in again.out


@pytest.mark.slow
def test_each_side_names_the_verb_that_goes_on_with_a_campaign(fuzzed, mlfuzz):
    ran = mlfuzz("fuzz", "--name", "toy")
    assert (ran.code, "mlfuzz harness run --name toy" in ran.err) == (2, True)


@pytest.mark.slow
def test_a_project_of_the_code_side_begins_with_a_harness_that_runs(command, tmp_path):
    assert command("-C", tmp_path, "init", "--example", "code").code == 0
    assert (tmp_path / ".gitignore").read_text() == ".mlfuzz/\n"
    ran = command("-C", tmp_path, "replay", "corpus/seeds/code/my_parser/table.toml", "--target", "my_parser")
    assert (ran.code, "+ HOLDS" in ran.out) == (0, True)


@pytest.mark.slow
def test_what_is_kept_is_not_new_and_what_is_ignored_is_not_found(fuzzed, mlfuzz, project):
    found = ids(mlfuzz)
    for one in found.values():
        assert mlfuzz("findings", "promote", one, "--no-replay").code == 0
    again = mlfuzz("harness", "run", "toy", "--name", "fresh", "--inputs", "5k", "--fail-on", "new")
    assert again.code == 0
    record = project / f"corpus/regressions/toy/{found['KeyError']}.json"
    assert mlfuzz("triage", record, "--status", "ignored", "--note", "upstream").code == 0
    third = mlfuzz("harness", "run", "toy", "--name", "third", "--inputs", "5k")
    assert "KeyError" not in third.out
    assert "2 faults (1 os-exit, 1 exception), 2 inputs that failed again alone, all known already" in third.out


@pytest.mark.slow
def test_the_projects_file_is_heeded_and_options_go_before_it(mlfuzz, project):
    (project / "mlfuzz.toml").write_text(
        '[fuzz]\ninputs = "2k"\nfail-on = "none"\nworkers = 2\nmax-findings = 50\nbatch = 64\npreset = "random"\n'
    )
    ran = mlfuzz("--json", "harness", "run", "toy")
    result = json.loads(ran.out.splitlines()[-1])
    assert (ran.code, result["reason"]) == (0, "2000 inputs ran")
    assert "of models, and nothing to harnesses: fuzz.batch (mlfuzz.toml), fuzz.preset (mlfuzz.toml)\n" in ran.err
    assert mlfuzz("harness", "run", "toy", "--inputs", "1k", "--fail-on", "any").code == 1


@pytest.mark.slow
def test_what_is_kept_is_not_new_whatever_was_decided_and_on_another_line_too(fuzzed, mlfuzz, project):
    def again():
        shutil.rmtree(project / ".mlfuzz")
        return mlfuzz("harness", "run", "toy", "--inputs", "5k", "--fail-on", "new")

    assert mlfuzz("findings", "promote", *ids(mlfuzz).values(), "--no-replay").code == 0
    records = sorted((project / "corpus/regressions").rglob("*.json"))
    parser = project / "toyparser.py"
    parser.write_text(parser.read_text().replace("    kind, rest =", "    pass\n    kind, rest ="))
    for state in ("open", "fixed", "quarantined", "ignored"):
        assert mlfuzz("triage", *records, "--status", state, "--note", "as intended").code == 0
        ran = again()
        assert (ran.code, "NEW" in ran.out) == (0, False), state
    records[0].write_bytes(b"")
    damaged = again()
    assert (damaged.code, "its fault counts as new" in damaged.err) == (1, True)


@pytest.mark.slow
def test_candidates_that_a_kill_left_are_confirmed_later(mlfuzz, project):
    workdir = Workdir.create(project / ".mlfuzz" / "toy")
    harness = discovery.find("toy", project)
    with replay_session(harness) as run:
        finding, files = candidate(b"TPExyz", run.reproduce(b"TPExyz", times=1)[0], CodeOrigin(harness))
    FindingStore(workdir.findings).save(finding, files)
    assert mlfuzz("findings", "confirm", "--name", "toy").code in (0, 1)
    (one,) = FindingStore(workdir.findings).records()
    assert (one.verdict, one.confirmed, one.evidence["size"]) == ("confirmed", "3/3", 3)
