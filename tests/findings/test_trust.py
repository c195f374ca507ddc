"""What may be imported because it was begun here, and what because mlfuzz ships it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from findings.samples import sample

from mlfuzz.config import resolve
from mlfuzz.config.state import state_home
from mlfuzz.errors import StorageError
from mlfuzz.findings.trust import Trust, is_built, is_shipped, note_begun, note_built


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("name", "shipped"),
    {
        "mlfuzz.examples.digits:fragile": True, "mlfuzz.examples.photos:efficientnet": True,
        "mlfuzz.testing.puzzles:nan_when_bright": True, "mlfuzz.examples.digits:DigitNet": False,
        "mlfuzz.examples.digits:_twin": False, "mlfuzz.examples.digits:centre": False,
        "mlfuzz.examples.data:path": False, "mlfuzz.examples.digits:torch": False,
        "mlfuzz.examples.gone:fragile": False,
        "mlfuzz.examples.digits.evil:fragile": False, "mlfuzz.examples.digits:fragile\n": False,
        "mlfuzz.regressions.runner:RegressionRunner": False, "mlfuzz.examples:digits": False,
        "digits:fragile": False, "": False,
    }.items(),
)  # fmt: skip
def test_shipped_are_the_functions_without_arguments_of_examples_and_puzzles(name: str, shipped: bool) -> None:
    assert is_shipped(name) == shipped


def test_what_was_begun_holds_in_its_own_place_and_under_its_own_name_only(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    note_begun(here, ["zoo:make"])
    note_begun(here, ["zoo:make", "mlfuzz.examples.digits:fragile"])
    ours, theirs = (Trust.of(resolve(folder)) for folder in (here, there))
    assert [ours.admits(name) for name in ("zoo:make", "zoo:other", "zoo", "")] == [True, False, False, False]
    assert (ours.own, theirs.own, theirs.admits("zoo:make")) == (True, False, False)
    here.rename(tmp_path / "moved")
    assert not Trust.of(resolve(tmp_path / "moved")).admits("zoo:make")


def test_what_the_configuration_names_may_run_and_what_it_compares_with_too(tmp_path: Path) -> None:
    (tmp_path / "mlfuzz.toml").write_text(
        '[targets.zoo]\nuse = "zoo:make"\noracles = [{name = "differ", of = "zoo:old"}]\nvalidity = ["zoo:judge"]\n'
    )
    trust = Trust.of(resolve(tmp_path))
    assert all(trust.admits(f"zoo:{name}") for name in ("make", "old", "judge"))
    finding, _ = sample(load="zoo:make", oracle={"name": "differ", "of": "zoo:old+bf16+threads:4"})
    assert trust.refusal(finding, tmp_path) == ""
    finding, _ = sample(load="zoo:make", oracle={"name": "differ", "of": "zoo:new"})
    assert trust.refusal(finding, tmp_path).endswith('targets."zoo:new".use = "zoo:new"')


def test_the_lines_of_one_refusal_after_another_stand_together_and_let_the_record_run(tmp_path: Path) -> None:
    oracle = {"name": "differ", "of": "zoo:old+checkpoint:zoo:older"}
    finding, _ = sample(load="zoo:make", oracle=oracle, evidence={"keeps_label": {"said": {"zoo:judge": "1"}}})
    written = tmp_path / "mlfuzz.toml"
    for _ in range(4):
        refused = Trust.of(resolve(tmp_path)).refusal(finding, tmp_path)
        with written.open("a") as file:
            file.write(refused.rpartition(": ")[2] + "\n")
    trust = Trust.of(resolve(tmp_path))
    assert trust.refusal(finding, tmp_path) == ""
    assert resolve(tmp_path).config.targets[finding.target].use == "zoo:make"


def test_a_target_that_was_named_stands_for_the_records_own_but_not_for_what_it_compares_with(tmp_path: Path) -> None:
    trust = Trust.of(resolve(tmp_path), again="mlfuzz replay {}")
    plain, _ = sample(load="zoo:make; rm x")
    assert trust.refusal(plain, tmp_path / "a b").endswith(f"mlfuzz replay '{tmp_path}/a b' --target 'zoo:make; rm x'")
    assert trust.refusal(plain, tmp_path, target="zoo:mine") == ""
    compared, _ = sample(load="zoo:make", oracle={"name": "differ", "of": "checkpoint:zoo:old"})
    assert '"zoo:old"' in trust.refusal(compared, tmp_path, target="zoo:mine")


def test_the_state_folder_is_where_the_specification_says(tmp_path: Path) -> None:
    assert state_home({"XDG_STATE_HOME": "/s"}) == Path("/s/mlfuzz")
    for environment in ({}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "relative"}):
        assert state_home(environment) == Path.home() / ".local/state/mlfuzz"


def test_a_note_that_cannot_be_written_is_an_error_of_ours(state: Path, tmp_path: Path) -> None:
    state.write_text("a file")
    with pytest.raises(StorageError, match="cannot be written"):
        note_begun(tmp_path / "here", ["zoo:make"])


def test_notes_that_lie_in_the_project_itself_are_neither_written_nor_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "here"
    root.mkdir()
    note_begun(root, ["zoo:make"])
    shutil.copytree(tmp_path / "state", root / "state")
    monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
    trust = Trust.of(resolve(root))
    assert (trust.own, trust.admits("zoo:make")) == (False, False)
    with pytest.raises(StorageError, match="XDG_STATE_HOME lies in"):
        note_begun(root, ["zoo:other"])
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(root))  # whoever works in the folder that is their home has notes all the same
    note_begun(root, ["zoo:other"])
    assert Trust.of(resolve(root)).admits("zoo:other")


def test_what_a_command_is_asked_to_trust_is_the_name_or_all_of_a_module(tmp_path: Path) -> None:
    found = resolve(tmp_path)
    of = {"name": "differ", "of": ["zoo:old", "barn:older", "zoo:old"]}
    finding, _ = sample(load="zoo:make", oracle=of)
    assert Trust.of(found, given=["zoo", "barn:older"]).refusal(finding, tmp_path) == ""
    assert not Trust.of(found, given=["zoo:make"]).apart()
    for given in (["zoo:make"], ["zo", "barn"], ["zoo:mak", "barn:older"], [""], [":"]):
        assert Trust.of(found, given=given).refusal(finding, tmp_path) != "", given
    refused = Trust.of(found, given=["zoo:make"], again="mlfuzz replay {}").refusal(finding, tmp_path / "x")
    assert f"for one run mlfuzz replay {tmp_path / 'x'} --trust zoo:old --trust barn:older; for all, write" in refused
    refused = Trust.of(found, again="mlfuzz compare a b", option="--trust").refusal(finding, tmp_path / "x")
    assert "for one run mlfuzz compare a b --trust zoo:make; for all, write" in refused


def test_plugins_of_the_configuration_may_be_imported_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "mlfuzz.toml").write_text('plugins = ["parts"]\n')
    trust = Trust.of(resolve(tmp_path))
    assert [trust.admits(name) for name in ("parts", "parts:any", "other")] == [True, False, False]


def test_a_user_whom_the_system_does_not_know_has_no_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert state_home({}) is None


def test_a_build_is_noted_by_its_place_and_its_record_and_makes_no_project_of_the_folder(tmp_path: Path) -> None:
    here = tmp_path / "here"
    build = here / ".mlfuzz/native/pillow-address"
    build.mkdir(parents=True)
    note_built(here, build, "a")
    note_built(here, build, "a")
    assert (is_built(here, build, "a"), is_built(here, build, "b")) == (True, False)
    assert not is_built(here, build.with_name("soundfile-address"), "a")
    assert not Trust.of(resolve(here)).own
    here.rename(tmp_path / "moved")
    assert not is_built(tmp_path / "moved", tmp_path / "moved/.mlfuzz/native/pillow-address", "a")


@pytest.mark.parametrize("inside", ["here", "there"])
def test_a_build_is_not_noted_in_the_folder_that_it_would_be_copied_with(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tmp_path / "there/native/pillow-address"
    note_built(tmp_path / "here", build, "a")
    shutil.copytree(tmp_path / "state", tmp_path / inside / "state")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / inside / "state"))
    assert not is_built(tmp_path / "here", build, "a")
    with pytest.raises(StorageError, match=f"XDG_STATE_HOME lies in {tmp_path / inside}"):
        note_built(tmp_path / "here", build, "b")
