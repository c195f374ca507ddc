"""Each damaged regression is one test with one clear message; the others run."""

from __future__ import annotations

import time

import msgspec
import pytest

from mlfuzz.findings.trust import note_begun

pytest_plugins = "pytester"


def edited(path, **changes):
    record = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**record, **changes}))
    note_begun(path.parents[3], [changes[name] for name in ("load",) if changes.get(name)])


def as_input(path, **changes):
    record = msgspec.json.decode(path.read_bytes())
    edited(path, input={**record["input"], **changes})


DAMAGE = {
    "its input was edited": (lambda path: path.with_suffix(".png").write_bytes(b"other"), "was edited or is damaged"),
    "its input is missing": (lambda path: path.with_suffix(".png").unlink(), "is missing"),
    "its record is cut short": (lambda path: path.write_bytes(path.read_bytes()[:200]), "was edited or is damaged"),
    "its record has a key too many": (lambda path: edited(path, colour="red"), "colour"),
    "another schema": (lambda path: edited(path, schema="mlfuzz.finding/9"), "use the mlfuzz that wrote it"),
    "a path in its record": (lambda path: as_input(path, file="../../../secret.png"), "is no plain file name"),
    "an oracle that is not there": (lambda path: edited(path, oracle={"name": "labell"}), "did you mean 'label'"),
    "a label that the target lost": (lambda path: edited(path, label="dusk"), "has no label 'dusk' any more"),
    "a target that does not import": (lambda path: edited(path, load="nowhere.here:lamp"), "does not import"),
    "a target that is not there": (lambda path: edited(path, load="subject:lampe"), "did you mean 'lamp'"),
    "no target": (lambda path: edited(path, load=""), "was a live object"),
    "a modality that is not there": (lambda path: edited(path, modality={"name": "smell"}), "smell"),
    "an input that is no picture": (lambda path: as_input(path, sha256="0" * 64), "was edited or is damaged"),
}


@pytest.mark.parametrize(("harm", "says"), DAMAGE.values(), ids=DAMAGE)
def test_one_damaged_regression_is_one_failure_and_the_others_run(lamp, run, harm, says):
    paths = sorted(lamp.keep(number) for number in range(3))
    harm(paths[1])
    result = run()
    result.assert_outcomes(xfailed=2, failed=1)
    text = result.stdout.str()
    assert says in text
    assert paths[1].stem in text
    assert "Traceback" not in text


def test_files_of_others_are_left_alone(lamp, run):
    lamp.keep()
    folder = lamp.folder / "corpus" / "regressions" / "lamp"
    (folder / "notes.json").write_text("{}")
    (folder / "README.md").write_text("# ours")
    elsewhere = lamp.folder / "data"
    elsewhere.mkdir()
    (elsewhere / "0123456789abcdef.json").write_text("{}")
    run("corpus", "data").assert_outcomes(xfailed=1)


@pytest.mark.slow
def test_ten_thousand_regressions_are_collected_in_reasonable_time(lamp, run):
    one = lamp.keep()
    data = one.read_bytes()
    for number in range(10_000):
        (one.parent / f"{number:016x}.json").write_bytes(data)
    began = time.process_time()
    result = run("corpus", "--collect-only", "-q")
    assert result.ret == 0
    assert time.process_time() - began < 30
