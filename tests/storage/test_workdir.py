import pytest

from mlfuzz.errors import StorageError, UnknownNameError, UsageError
from mlfuzz.storage.names import plain
from mlfuzz.storage.workdir import Workdir, campaigns, find_campaign, life_number


def test_a_campaign_in_the_usual_folder_is_kept_out_of_git(tmp_path):
    workdir = Workdir.create(tmp_path / ".mlfuzz" / "digits")
    assert (tmp_path / ".mlfuzz" / ".gitignore").read_text() == "*\n"
    assert Workdir.open(workdir.root) == workdir
    elsewhere = Workdir.create(tmp_path / "runs" / "digits")
    assert (elsewhere.root / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "runs" / ".gitignore").exists()


def test_a_campaign_is_completed_when_created_again(tmp_path):
    workdir = Workdir.create(tmp_path / "digits")
    workdir.config.write_text("kept")
    Workdir.create(tmp_path / "digits")
    assert workdir.config.read_text() == "kept"


def test_a_folder_with_other_things_in_it_is_no_place_for_a_campaign(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StorageError, match="not empty"):
        Workdir.create(tmp_path)
    with pytest.raises(StorageError, match="holds no campaign"):
        Workdir.open(tmp_path)


def test_a_place_that_cannot_be_written_is_refused_with_its_name(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"):
        Workdir.create(tmp_path / "file" / "campaign")


def test_campaigns_are_found_by_name_and_a_wrong_name_gets_the_nearest(tmp_path):
    assert campaigns(tmp_path / "none") == []
    for name in ("speech", "digits"):
        Workdir.create(tmp_path / name)
    (tmp_path / "other").mkdir()
    assert [campaign.name for campaign in campaigns(tmp_path)] == ["digits", "speech"]
    assert find_campaign(tmp_path, "digits").root == tmp_path / "digits"
    with pytest.raises(UnknownNameError, match="did you mean 'digits'"):
        find_campaign(tmp_path, "digit")


def test_lives_count_up_for_each_worker_and_never_repeat(tmp_path):
    workdir = Workdir.create(tmp_path / "c")
    names = [workdir.new_life(worker) for worker in (0, 0, 1, 0, 1)]
    assert [life_number(name) for name in names] == [(0, 1), (0, 2), (1, 1), (0, 3), (1, 2)]
    assert len(set(names)) == 5
    assert workdir.lives() == sorted(names)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/etc", "", ".hidden", "-rf", "a\n", "a\x00b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(UsageError):
        plain(name)
    with pytest.raises(UsageError):
        Workdir(tmp_path).finding(name)


def test_the_folders_that_others_write_into_are_there(tmp_path):
    workdir = Workdir.create(tmp_path / "c")
    life = workdir.new_life()
    for path in (workdir.flight(life), workdir.checkpoint(), workdir.segment(life, 1), workdir.progress, workdir.lock):
        path.touch()


def test_used_bytes_count_what_lies_on_the_disk(tmp_path):
    workdir = Workdir.create(tmp_path / "c")
    before = workdir.used_bytes()
    workdir.stats.write_bytes(b"x" * 100_000)
    assert workdir.used_bytes() - before >= 100_000
