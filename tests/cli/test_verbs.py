"""Verbs that read what campaigns left; those that run a target are in test_end_to_end."""

from __future__ import annotations

import json

import pytest
import specimen

from mlfuzz.cli.verbs import doctor
from mlfuzz.storage.lock import Lock


def test_status_shows_a_finished_campaign(command, finished):
    ran = command("-C", finished, "status")
    assert ran.code == 0
    assert "digits-fragile  time is up" in ran.out
    state = json.loads(command("-C", finished, "--json", "status", "digits-fragile").out)[0]
    assert (state["running"], state["faults"], state["findings"], state["flaky"], state["to_confirm"]) == (
        False, 4, 11, 2, 1,
    )  # fmt: skip


def test_status_without_campaigns_says_how_to_begin(command, tmp_path):
    assert "mlfuzz demo" in command("-C", tmp_path, "status").out


def test_status_of_an_unknown_campaign_answers_with_the_nearest(command, finished):
    ran = command("-C", finished, "status", "digits-fragil")
    assert ran.code == 2
    assert "did you mean 'digits-fragile'" in ran.err


def test_stop_asks_a_running_campaign_and_leaves_an_ended_one_alone(command, tmp_path):
    workdir = specimen.build(tmp_path / ".mlfuzz")
    assert "not running" in command("-C", tmp_path, "stop", workdir.name).out
    assert not workdir.stop_request.exists()
    with Lock.acquire(workdir.lock):
        assert "running (" in command("-C", tmp_path, "status").out
        assert command("-C", tmp_path, "stop", workdir.name).code == 0
    assert workdir.stop_request.exists()


def test_what_is_wrong_is_listed_a_weakness_a_line(command, finished):
    lines = command("-C", finished, "findings", "list").out.splitlines()
    assert lines[1].split()[2] == "exception"
    assert "4 weaknesses, 4 faults, 11 confirmed findings" in lines
    assert "1 candidate not yet confirmed: mlfuzz findings confirm" in lines
    assert "2 flaky: mlfuzz findings list --verdict flaky" in lines
    assert "no confirmed findings" in command("-C", finished, "findings", "list", "--oracle", "none").out


def test_the_faults_of_each_weakness_are_listed_under_it(command, finished):
    lines = command("-C", finished, "findings", "list", "--by", "fault").out.splitlines()
    assert lines[0].split()[:4] == ["id", "severity", "oracle", "expected"]
    assert lines[1].startswith("exception|ValueError")
    assert lines[2].split()[2] == "exception"
    assert sum(": 1 fault, gets" in line for line in lines) == 4


def test_all_findings_are_listed_in_the_order_asked_for(command, finished):
    everything = command("-C", finished, "findings", "list", "-a").out.splitlines()
    assert len(everything) == 1 + 14 + 1
    ran = command("-C", finished, "--json", "findings", "list", "--sort", "margin")
    margins = [one.get("margin") for one in json.loads(ran.out)]
    known = [margin for margin in margins if margin is not None]
    assert known == sorted(known, reverse=True)
    assert margins == known + [None] * (len(margins) - len(known))


def test_weaknesses_for_machines_hold_the_ids_of_their_findings(command, finished):
    made = json.loads(command("-C", finished, "--json", "findings", "list", "--by", "weakness").out)
    ids = {one["id"] for one in json.loads(command("-C", finished, "--json", "findings", "list").out)}
    assert {each for one in made for fault in one["faults"] for each in fault["findings"]} == ids
    assert all(one["best"] in ids for one in made)


def test_a_list_elsewhere_names_its_folder_in_what_to_type(command, finished, tmp_path):
    folder = finished / ".mlfuzz"
    ran = command("-C", tmp_path, "findings", "list", "--dir", folder)
    assert f"mlfuzz findings confirm --dir {folder}" in ran.out


def test_a_finding_is_shown_by_the_beginning_of_its_id(command, finished):
    full = json.loads(command("-C", finished, "--json", "findings", "list", "--oracle", "exception").out)[0]["id"]
    ran = command("-C", finished, "findings", "show", full[:6])
    assert ran.code == 0
    for text in (full, "ValueError", "Traceback", f"mlfuzz replay {full[:10]}", "1/\\u202e<script>"):
        assert text in ran.out
    assert "\u202e" not in ran.out


def test_the_replay_of_a_finding_elsewhere_is_told_with_its_folder(command, finished, tmp_path):
    ran = command("-C", finished, "--json", "findings", "list", "--oracle", "exception")
    full, folder = json.loads(ran.out)[0]["id"], finished / ".mlfuzz"
    shown = command("-C", tmp_path, "findings", "show", full, "--dir", folder)
    assert f"mlfuzz replay {full[:10]} --dir {folder}" in shown.out


def test_an_unknown_id_is_a_usage_error(command, finished):
    ran = command("-C", finished, "findings", "show", "zzzz")
    assert ran.code == 2
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("format", "begins"), [("html", "<!doctype html>"), ("json", "{"), ("sarif", "{"), ("junit", "<?xml")]
)
def test_reports_are_written_where_asked(command, finished, tmp_path, format, begins):
    path = tmp_path / "out"
    ran = command("-C", finished, "report", "--format", format, "--output", path)
    assert ran.code == 0
    assert str(path) in ran.out
    assert path.read_text().startswith(begins)


def test_a_report_needs_to_know_which_campaign(command, tmp_path):
    assert command("-C", tmp_path, "report").code == 2
    for name in ("one", "two"):
        specimen.build(tmp_path / ".mlfuzz", name=name, clean=True)
    ran = command("-C", tmp_path, "report")
    assert ran.code == 2
    assert "one, two" in ran.err
    assert command("-C", tmp_path, "report", "two").code == 0


def test_replay_without_findings_says_where_to_look(command, tmp_path):
    ran = command("-C", tmp_path, "replay")
    assert (ran.code, ran.out) == (3, "")
    assert "mlfuzz status" in ran.err


def test_config_show_tells_the_origin_of_each_value(command, tmp_path, monkeypatch):
    (tmp_path / "mlfuzz.toml").write_text("[fuzz]\ncap = 7\n")
    monkeypatch.setenv("MLFUZZ_FUZZ_TIME", "3m")
    values = json.loads(command("-C", tmp_path, "--json", "config", "show").out)["values"]
    assert values["fuzz.cap"] == {"value": 7, "origin": "mlfuzz.toml", "campaigns": ["fuzz"]}
    both = ["fuzz", "harness run"]
    assert values["fuzz.time"] == {"value": 180.0, "origin": "MLFUZZ_FUZZ_TIME", "campaigns": both}
    assert values["seed"] == {"value": 0, "origin": "default"}
    assert "what counts as new" in command("-C", tmp_path, "-v", "config", "show").out


def test_targets_are_listed_with_where_they_come_from(command, tmp_path):
    (tmp_path / "mlfuzz.toml").write_text('[targets.mine]\nuse = "zoo:mine"\n')
    rows = json.loads(command("-C", tmp_path, "--json", "list", "targets").out)
    origins = {row["name"]: row["from"] for row in rows}
    assert origins["mine"] == "configuration"
    assert origins["digits:robust"] == origins["digits:fragile"] == "mlfuzz"


def test_a_plugin_that_does_not_import_is_a_usage_error(command, tmp_path):
    (tmp_path / "mlfuzz.toml").write_text('plugins = ["no_such_module_here"]\n')
    ran = command("-C", tmp_path, "list", "targets")
    assert ran.code == 2
    assert "no_such_module_here" in ran.err


def test_doctor_fails_only_where_mlfuzz_cannot_run(command, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "probe", lambda: doctor.MachineCheck(openmp=["/x/libgomp.so.1"], cpu="AVX2", threads=1))
    ran = command("-C", tmp_path, "doctor")
    assert ran.code == 0
    assert "campaigns run on the processor" in ran.out
    monkeypatch.setattr(doctor, "probe", lambda: doctor.MachineCheck(error="torch and faiss do not import: x"))
    assert command("-C", tmp_path, "doctor").code == 3


def test_two_kinds_of_openmp_in_one_process_are_a_warning():
    seen = doctor.MachineCheck(openmp=["/a/libgomp-e98.so.1", "/b/libiomp5.so"], cpu="AVX2")
    assert [line.level for line in doctor.runtime(seen) if line.what == "OpenMP"] == ["warn"]
    twice = doctor.MachineCheck(openmp=["/a/libgomp-e98.so.1", "/b/libgomp.so.1"], cpu="AVX2")
    assert [line.level for line in doctor.runtime(twice) if line.what == "OpenMP"] == ["ok"]


def test_doctor_says_why_atheris_is_not_there(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda _: "")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "aarch64")
    (line,) = doctor.atheris()
    assert line.level == "warn"
    assert "aarch64" in line.text


@pytest.mark.slow
def test_the_probe_of_this_machine_sees_torch():
    assert doctor.probe().error == ""
