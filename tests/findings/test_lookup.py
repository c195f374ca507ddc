import pytest
from findings.samples import sample

from mlfuzz.errors import UsageError
from mlfuzz.findings.lookup import find
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.workdir import Workdir


@pytest.fixture
def project(tmp_path):
    """Two campaigns with a finding each, and two regressions, one of them also in a campaign."""
    for number, name in enumerate(("a", "b")):
        FindingStore(Workdir.create(tmp_path / ".mlfuzz" / name).findings).save(*sample(number))
    for number in (1, 2):
        write_regression(tmp_path / "corpus" / "regressions" / "digits", *sample(number))
    return tmp_path


def test_findings_are_found_by_the_beginning_of_their_id_wherever_they_are(project):
    for number, kept in ((0, False), (1, False), (2, True)):
        finding, files = sample(number)
        found = find(finding.id[:6], [project])
        assert found.finding.id == finding.id
        assert found.kept == kept
        assert found.bytes_of(found.finding.input) == files["input.png"]
        assert sorted(found.files().values()) == sorted(files.values())


def test_findings_are_found_by_paths(project):
    finding, _ = sample(0)
    folder = project / ".mlfuzz" / "a" / "findings" / finding.id
    for path in (folder, folder / "finding.json", folder / "input.png", folder / "seed.png"):
        assert find(path).finding.id == finding.id
    kept = sample(2)[0].id
    flat = project / "corpus" / "regressions" / "digits"
    for name in (f"{kept}.json", f"{kept}.png", f"{kept}.seed.png"):
        assert find(str(flat / name)).finding.id == kept


def test_a_folder_of_campaigns_elsewhere_is_a_root_too(project):
    finding, _ = sample(0)
    (project / ".mlfuzz").rename(project / "runs")
    assert find(finding.id, [project / "runs"]).finding.id == finding.id


def test_what_is_not_there_is_told(project):
    with pytest.raises(UsageError, match="no finding 'zz'"):
        find("zz", [project])
    (project / "lone.png").touch()
    with pytest.raises(UsageError, match="belongs to no finding"):
        find(project / "lone.png")
