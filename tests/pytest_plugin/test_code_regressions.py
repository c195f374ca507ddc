from __future__ import annotations

import msgspec
import pytest
from codefuzz import toy_project

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.finding_builder import CodeOrigin, candidate, confirmed, tried
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.triage import triage_record

pytest_plugins = "pytester"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Confirmed findings of the toy parser, as a campaign leaves them: payload -> (finding, files)."""
    project = toy_project.build(tmp_path_factory.mktemp("found"))
    harness = discovery.find("toy", project)
    made = {}
    with replay_session(harness) as run:
        for payload in (b"TPE", b"TPDd", b"TPX"):
            outcomes = run.reproduce(payload, times=3)
            finding, files = candidate(payload, outcomes[0], CodeOrigin(harness))
            made[payload] = confirmed(finding, tried(outcomes, finding.key, finding.kind), payload), files
    return made


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return toy_project.build(pytester.path)


def keep(project, found, *payloads, **changes):
    folder = project / "corpus" / "regressions" / "toy"
    return [
        write_regression(folder, msgspec.structs.replace(found[one][0], **changes), found[one][1]) for one in payloads
    ]


def run(pytester):
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "corpus")


def test_an_open_failure_of_code_fails_and_says_where(pytester, project, found):
    keep(project, found, b"TPE")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*toyparser.py:*:parse*", "*mlfuzz replay *"])


def test_each_regression_is_an_item_and_holds_once_it_is_mended(pytester, project, found):
    paths = keep(project, found, b"TPE", b"TPDd")
    toy_project.mend(project)
    triage_record(paths[0], "fixed")
    result = run(pytester)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError*"])


def test_what_takes_its_process_down_takes_no_test_run_along(pytester, project, found):
    keep(project, found, b"TPX", b"TPE")
    result = run(pytester)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*status 3*"])


def test_ignored_and_quarantined_ones_are_skipped(pytester, project, found):
    keep(project, found, b"TPE", triage="ignored", note="wontfix")
    keep(project, found, b"TPDd", triage="quarantined", note="being looked at")
    run(pytester).assert_outcomes(skipped=2)


def test_a_harness_that_is_gone_is_an_error_that_says_so(pytester, project, found):
    keep(project, found, b"TPE")
    (project / "harnesses" / "toy.py").unlink()
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*harnesses/toy.py is not here*"])


def test_a_harness_that_does_not_import_is_an_error_that_says_so(pytester, project, found):
    keep(project, found, b"TPE")
    (project / "toyparser.py").unlink()
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*does not import: ModuleNotFoundError*toyparser*"])


def test_what_the_sandbox_leaves_without_a_verdict_is_no_pass(pytester, project, found):
    keep(project, found, b"TPE")
    asks = "import os\nclass FormatError(ValueError): pass\ndef parse(data):\n    os.kill(os.getppid(), 0)\n"
    (project / "toyparser.py").write_text(asks)
    result = run(pytester)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["not judged: the sandbox refused a signal to process *signals*mlfuzz.toml*"])
    (project / "mlfuzz.toml").write_text('[harnesses.toy]\nallow = ["signals"]\n')
    assert "not judged" not in run(pytester).stdout.str()
