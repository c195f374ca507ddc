"""Where the shipped data lies, and that there is little of it."""

import pytest

from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import data


def test_a_missing_file_is_an_error_that_says_how_to_get_it():
    with pytest.raises(TargetLoadError, match=r"lacks models/none\.safetensors; .*scripts/train_digits\.py"):
        data.path("models", "none.safetensors")


def test_an_installed_wheel_is_searched_before_the_checkout(tmp_path, monkeypatch):
    wheel, checkout = tmp_path / "_corpus", tmp_path / "corpus"
    for place in (wheel, checkout):
        place.mkdir()
        (place / "file").touch()
    monkeypatch.setattr(data, "_PLACES", (wheel, checkout))
    assert data.path("file") == wheel / "file"
    (wheel / "file").unlink()
    assert data.path("file") == checkout / "file"


def test_every_shipped_model_is_smaller_than_half_a_megabyte():
    files = sorted(data.path("models").glob("*.safetensors"))
    assert len(files) >= 2
    assert {file.name: file.stat().st_size for file in files if file.stat().st_size >= 500_000} == {}


def test_no_shipped_model_or_page_names_a_path_of_the_machine_it_was_made_on():
    for file in (*data.path("models").iterdir(), data.path("README.md")):
        content = file.read_bytes()
        assert not any(place in content for place in (b"/home/", b"/tmp/", b"/root/")), file.name
