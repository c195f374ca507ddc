import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.errors import ConfigError, SeedError
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text

DIGIT = Image(size=(4, 4))


def picture(value, size=(4, 4)):
    file = io.BytesIO()
    Pillow.fromarray(np.full(size, value, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Three labels, four pictures each, all different."""
    for label in "012":
        for at in range(4):
            path = tmp_path / "seeds" / label / f"{at}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(int(label) * 50 + at))
    return tmp_path / "seeds"


def test_a_sub_folder_is_a_label_and_the_order_is_that_of_the_names(folder):
    found = load_seeds(folder, DIGIT, labels=("0", "1", "2"))
    assert [seed.name for seed in found.seeds] == [f"{label}/{at}.png" for label in "012" for at in range(4)]
    assert [seed.label for seed in found.seeds] == [label for label in "012" for _ in range(4)]
    assert found.skipped == {}
    seed = found.seeds[5]
    np.testing.assert_array_equal(seed.payload, np.full((1, 4, 4), 51, np.uint8))
    np.testing.assert_array_equal(DIGIT.decode(seed.data), seed.payload)


def test_the_innermost_folder_that_is_a_label_counts(folder):
    nested = folder / "train" / "2" / "batch"
    nested.mkdir(parents=True)
    (nested / "deep.png").write_bytes(picture(200))
    found = load_seeds(folder, DIGIT, labels=("0", "1", "2"))
    assert {seed.name: seed.label for seed in found.seeds}["train/2/batch/deep.png"] == "2"


def test_where_no_label_is_known_those_of_the_target_are_told(folder):
    with pytest.raises(SeedError, match=r"no usable seed: .*; a sub-folder is a label, the target's are: cat, dog$"):
        load_seeds(folder, DIGIT, labels=("cat", "dog"))


def test_an_unknown_label_is_counted_and_answered_with_the_nearest(folder):
    (folder / "2").rename(folder / "cat")
    found = load_seeds(folder, DIGIT, labels=("0", "1", "cats"))
    assert found.skipped == {"label the target does not have": 4}
    assert len(found) == 8
    assert found.warnings == ["4 seeds are labelled 'cat', which the target does not have; did you mean 'cats'?"]


def test_labels_may_stand_in_a_table(folder):
    (folder / "labels.csv").write_text("file,label\n0/0.png,one\n1/0.png,\ngone.png,two\n")
    found = load_seeds(folder, DIGIT)
    labels = {seed.name: seed.label for seed in found.seeds}
    assert labels["0/0.png"] == "one"
    assert labels["1/0.png"] is None
    assert labels["2/0.png"] is None
    assert found.skipped == {"named in labels.csv but not there": 1}


@pytest.mark.parametrize("table", ["", "note,remark,more\n", "file\n"])
def test_a_table_without_its_first_line_is_refused(folder, table):
    (folder / "labels.csv").write_text(table or "\n")
    with pytest.raises(SeedError, match="file,label"):
        load_seeds(folder, DIGIT)


def test_what_cannot_be_a_seed_is_counted_with_its_reason_and_a_few_names(folder, tmp_path):
    (folder / "0" / "empty.png").touch()
    (folder / "0" / "notes.txt").write_text("no picture")
    (folder / "0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n rubbish")
    (folder / "0" / "copy.png").write_bytes(picture(0))
    (folder / "0" / ".hidden.png").write_bytes(picture(99))
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.png").write_bytes(picture(98))
    (folder / "0" / "link.png").symlink_to(folder / "1" / "0.png")
    (folder / "0" / "lost.png").symlink_to("nowhere.png")
    (folder / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(folder / "0" / "pipe.png")
    (folder / "0" / "folder.png").mkdir()
    found = load_seeds(folder, DIGIT)
    assert len(found) == 12
    assert found.skipped["empty file"] == 1
    assert found.skipped[".txt: no image file"] == 1
    assert found.skipped["same content as another seed"] == 2
    assert found.skipped["link to nothing"] == 1
    assert found.skipped["link to a folder that it stands in"] == 1
    assert found.skipped["not an ordinary file"] == 1
    assert found.examples["not an ordinary file"] == ["0/pipe.png"]
    assert found.skipped["hidden file"] == 1
    assert found.skipped["hidden folder"] == 1
    assert sum(found.skipped.values()) == 10
    assert found.seen == 12 + 10
    assert "elsewhere" in found.reasons()


def test_what_there_is_to_do_is_said_beside_the_reason(folder):
    (folder / "0" / "more.7z").write_bytes(b"7z")
    (folder / "0" / "stack.npz").touch()
    (folder / "0" / "empty.png").touch()
    archive = folder / "0" / "more"
    assert load_seeds(folder, DIGIT).advice() == [
        f"1 x .npz: no image file (0/stack.npz): give arrays alone: --seeds {folder}/0/stack.npz",
        f"1 x an archive (0/more.7z): unpack it: 7z x {archive}.7z -o{archive}",
        "1 x empty file (0/empty.png)",
    ]


def test_an_archive_given_alone_is_refused_with_the_line_that_unpacks_it(tmp_path):
    for name, content in (("a.7z", b""), ("b.png", b"\x1f\x8b\x08"), ("c.zip", b"PK\x03\x04 cut")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SeedError, match=r"1 x (an|damaged) archive .*unpack it: (7z x|gunzip|unzip)"):
            load_seeds(tmp_path / name, DIGIT)


def test_a_table_of_labels_that_leaves_something_open_is_taken_with_a_word(folder):
    (folder / "labels.csv").write_text("file,label\n0/0.png,0\n0/0.png,1\n0/1.png\n")
    warned = load_seeds(folder, DIGIT).warnings
    assert warned == [
        "labels.csv has no label in line 4",
        "labels.csv gives 0/0.png two labels; the last one counts",
        "11 files are not named in labels.csv, so without a label: 0/1.png, 0/2.png, 0/3.png, ...",
    ]


def test_content_under_two_labels_is_used_once_and_said(folder):
    (folder / "2" / "9.png").write_bytes(picture(0))
    found = load_seeds(folder, DIGIT)
    assert found.warnings == ["'2/9.png' (2) is the same as '0/0.png' (0); only the latter is used"]


def test_a_few_seeds_come_evenly_from_all_labels_and_always_the_same(folder):
    first = load_seeds(folder, DIGIT, max_seeds=6, rng_seed=5)
    again = load_seeds(folder, DIGIT, max_seeds=6, rng_seed=5)
    assert [seed.name for seed in first.seeds] == [seed.name for seed in again.seeds]
    assert sorted(seed.label for seed in first.seeds) == ["0", "0", "1", "1", "2", "2"]
    assert first.left_out == 6
    others = {tuple(seed.name for seed in load_seeds(folder, DIGIT, max_seeds=6, rng_seed=at).seeds) for at in range(5)}
    assert len(others) > 1


def test_unusable_files_are_made_up_for_by_others(folder):
    for at in range(3):
        (folder / "0" / f"{at}.png").write_bytes(b"rubbish")
    found = load_seeds(folder, DIGIT, max_seeds=9)
    assert len(found) == 9


def test_no_seed_left_is_an_error_with_all_reasons(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "b.txt").touch()
    with pytest.raises(SeedError, match=r"1 x \.txt: no image file \(b\.txt\), 1 x empty file \(a\.png\)"):
        load_seeds(tmp_path, DIGIT)
    with pytest.raises(ConfigError, match=r"not there; give a folder of seeds, .*: --seeds PATH"):
        load_seeds(tmp_path / "nowhere", DIGIT)


def test_names_that_are_no_text_are_shown_as_bytes(tmp_path):
    (tmp_path / os.fsdecode(b"\xff<b>\n.png")).write_bytes(picture(1))
    (seed,) = load_seeds(tmp_path, DIGIT).seeds
    assert seed.name == "\\xff<b>\n.png"
    assert "\\n" in load_reasons(tmp_path)


def load_reasons(folder):
    (folder / "bad\n.png").touch()
    return load_seeds(folder, DIGIT).reasons()


def test_a_single_file_is_a_seed(folder):
    (seed,) = load_seeds(folder / "1" / "2.png", DIGIT, labels=("0", "1")).seeds
    assert (seed.name, seed.label) == ("2.png", None)


def test_pictures_of_any_size_keep_their_shapes(tmp_path):
    (tmp_path / "small.png").write_bytes(picture(1, (3, 5)))
    (tmp_path / "large.png").write_bytes(picture(1, (7, 6)))
    found = load_seeds(tmp_path, Image(size=None))
    assert [seed.payload.shape for seed in found.seeds] == [(1, 7, 6), (1, 3, 5)]


def test_an_archive_holds_inputs_and_labels(tmp_path):
    images = np.arange(3 * 16, dtype=np.uint8).reshape(3, 4, 4)
    np.savez(tmp_path / "set.npz", images=images, labels=np.array([2, 0, 9]))
    found = load_seeds(tmp_path / "set.npz", DIGIT, labels=("0", "1", "2"))
    assert [(seed.name, seed.label) for seed in found.seeds] == [("set.npz[0]", "2"), ("set.npz[1]", "0")]
    np.testing.assert_array_equal(found.seeds[1].payload[0], images[1])
    assert found.skipped == {"label the target does not have": 1}


def test_an_array_file_is_a_stack_or_where_that_makes_no_sense_one_input(tmp_path):
    np.save(tmp_path / "many.npy", np.arange(32, dtype=np.uint8).reshape(2, 4, 4))
    np.save(tmp_path / "one.npy", np.arange(16, dtype=np.uint8).reshape(4, 4))
    assert len(load_seeds(tmp_path / "many.npy", DIGIT)) == 2
    assert [seed.name for seed in load_seeds(tmp_path / "one.npy", DIGIT).seeds] == ["one.npy"]


def test_texts_come_as_files_and_as_arrays(tmp_path):
    (tmp_path / "a.txt").write_bytes("grüß\r\n".encode())
    (seed,) = load_seeds(tmp_path, Text()).seeds
    assert seed.payload == "grüß\r\n"
    np.savez(tmp_path / "texts.npz", texts=np.array(["one", "two"]), y=np.array(["a", "b"]))
    found = load_seeds(tmp_path / "texts.npz", Text())
    assert [(seed.payload, seed.label) for seed in found.seeds] == [("one", "a"), ("two", "b")]


@pytest.mark.parametrize("shape", [(3, 400), (3, 2, 400), (3, 400, 2)])
def test_waveforms_come_as_arrays_at_the_rate_of_the_target(tmp_path, shape):
    waves = (np.arange(np.prod(shape), dtype=np.int16).reshape(shape) * 7) % 3000
    axis = 1 if shape == (3, 400, 2) else 0
    for name, array in (("int16", waves.astype(np.int16)), ("float", waves.astype(np.float32) / 32768)):
        np.savez(tmp_path / f"{name}.npz", x=array, y=["a", "b", "a"])
        found = load_seeds(tmp_path / f"{name}.npz", Audio(sample_rate_hz=8000, seconds=None, channels=len(shape) - 1))
        assert [seed.label for seed in found.seeds] == ["a", "b", "a"]
        for seed, wave in zip(found.seeds, waves, strict=True):
            np.testing.assert_array_equal(seed.payload, np.moveaxis(np.atleast_2d(wave), axis, 0))
    np.savez(tmp_path / "bad.npz", x=np.zeros((2, 3, 4, 5)))
    with pytest.raises(SeedError, match="no waveform"):
        load_seeds(tmp_path / "bad.npz", Audio())


def test_files_and_folders_that_may_not_be_opened_are_counted(folder):
    load_seeds(folder, DIGIT)  # what is imported on the way is imported as oneself
    closed = [path for path in folder.parents if Path(tempfile.gettempdir()) in path.parents]
    modes = {path: path.stat().st_mode for path in closed}
    for path in closed:
        path.chmod(0o755)
    (folder / "0" / "0.png").chmod(0)
    (folder / "1").chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)  # root may open anything
        found = load_seeds(folder, DIGIT)
    finally:
        if root:
            os.seteuid(0)
        (folder / "1").chmod(0o755)
        for path, mode in modes.items():
            path.chmod(mode)
    assert found.skipped == {"folder that cannot be opened": 1, "cannot be opened": 1}
    assert len(found) == 7
