"""Masks and boxes of seeds, in the forms that people keep them in: one truth, whatever the form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mlfuzz.corpus.annotated import load_annotated
from mlfuzz.corpus.truth import UNKNOWN, read_truth
from mlfuzz.errors import SchemaError, SeedError
from mlfuzz.modality.image import Image

NAMES = ("ground", "cat", "dog")
BOX = (4, 2, 12, 10)
"""Of a cat in each picture of 20 x 16 pixels."""


def picture(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((16, 20), 40 + shade, np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 200
    Pillow.fromarray(pixels).save(path)


def classes() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    numbers = np.zeros((16, 20), np.uint8)
    numbers[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 1
    numbers[-1] = 255
    return numbers


def pair(folder: Path) -> None:
    for number in range(2):
        picture(folder / f"{number}.png", number)


def palette(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = Pillow.fromarray(classes())
    mask = mask.convert("P")
    mask.putdata(classes().flatten().tolist())
    mask.save(path)


def grey(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(classes()).save(path)


def array(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, classes().astype(np.int64))


def beside(folder: Path) -> Path:
    pair(folder)
    [grey(folder / f"{number}_mask.png") for number in range(2)]
    return folder


def parallel(folder: Path) -> Path:
    pair(folder / "images")
    [palette(folder / "masks" / f"{number}.png") for number in range(2)]
    return folder


def next_to(folder: Path) -> Path:
    parallel(folder)
    return folder / "images"


def arrays(folder: Path) -> Path:
    pair(folder / "images")
    [array(folder / "labels" / f"{number}.npy") for number in range(2)]
    return folder


def cityscapes(folder: Path) -> Path:
    for number in range(2):
        picture(folder / "leftImg8bit" / "town" / f"{number}_leftImg8bit.png", number)
        grey(folder / "gtFine" / "town" / f"{number}_gtFine_labelIds.png")
    return folder


MASKS: dict[str, Callable[[Path], Path]] = {
    "beside": beside, "in a folder": parallel, "in the folder beside": next_to, "arrays": arrays, "cities": cityscapes,
}  # fmt: skip


def coco(folder: Path) -> Path:
    pair(folder / "images")
    held = {
        "images": [{"id": 7 + number, "file_name": f"{number}.png"} for number in range(2)],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [
            {"id": number, "image_id": 7 + number, "category_id": 3, "bbox": [4, 2, 8, 8]} for number in range(2)
        ],
    }
    (folder / "instances.json").write_text(json.dumps(held))
    return folder


def yolo(folder: Path) -> Path:
    pair(folder / "images")
    (folder / "labels").mkdir()
    for number in range(2):
        (folder / "labels" / f"{number}.txt").write_text("1 0.4 0.375 0.4 0.5\n")
    return folder


def yolo_named(folder: Path) -> Path:
    pair(folder)
    (folder / "classes.txt").write_text("cat\ndog\n")
    for number in range(2):
        (folder / f"{number}.txt").write_text("0 0.4 0.375 0.4 0.5\n")
    return folder


def polygons(folder: Path) -> Path:
    pair(folder)
    for number in range(2):
        (folder / f"{number}.txt").write_text("1 0.2 0.125 0.6 0.125 0.6 0.625 0.2 0.625\n")
    return folder


def table(folder: Path, *, head: str = "file,xmin,ymin,xmax,ymax,label", line: str = "{}.png,4,2,12,10,cat") -> Path:
    pair(folder)
    (folder / "boxes.csv").write_text("\n".join([head, *(line.format(number) for number in range(2))]))
    return folder


def kaggle(folder: Path) -> Path:
    return table(folder, head="filename;width;height;class;xmin;ymin;xmax;ymax", line="{}.png;20;16;cat;4;2;12;10")


def sized(folder: Path) -> Path:
    return table(folder, head="image_path,x,y,width,height,class_name", line="{}.png,4,2,8,8,cat")


BOXES: dict[str, Callable[[Path], Path]] = {
    "COCO": coco, "YOLO": yolo, "YOLO with classes.txt": yolo_named, "YOLO polygons": polygons, "a table": table,
    "Kaggle's table": kaggle, "a table of sizes": sized,
}  # fmt: skip


@pytest.mark.parametrize("form", MASKS)
def test_a_mask_is_found_and_fitted_as_its_picture(form: str, tmp_path: Path) -> None:
    found = load_annotated(MASKS[form](tmp_path), Image(size=(32, 40)), kind="maps", labels=NAMES)
    assert len(found.seeds) == 2
    assert found.warnings == []
    assert found.skipped == {}
    for seed in found.seeds:
        truth = read_truth(seed.truth)
        assert truth is not None
        assert truth.mask is not None
        assert truth.mask.shape == (32, 40)
        assert truth.mask[4:20, 8:24].tolist() == np.ones((16, 16)).tolist()
        assert int((truth.mask == 1).sum()) == 16 * 16
        assert (truth.mask[-2:] == UNKNOWN).all()


@pytest.mark.parametrize("fit", ["resize", "crop"])
@pytest.mark.parametrize("form", BOXES)
def test_boxes_are_found_and_fitted_as_their_picture(form: str, fit: str, tmp_path: Path) -> None:
    modality = Image(size=(32, 40), fit=fit)  # type: ignore[arg-type]
    found = load_annotated(BOXES[form](tmp_path), modality, kind="boxes", labels=NAMES)
    assert len(found.seeds) == 2
    assert found.warnings == []
    assert found.skipped == {}
    expected = (8, 4, 24, 20) if fit == "resize" else (14, 10, 22, 18)
    for seed in found.seeds:
        truth = read_truth(seed.truth)
        assert truth is not None
        (box,) = truth.boxes
        assert box[:4] == pytest.approx(expected)
        assert box[4] in ("cat", "1")
        edges = np.flatnonzero((np.asarray(seed.payload)[0] > 120).any(0))
        assert (edges[0], edges[-1] + 1) == (expected[0], expected[2])


def test_what_fits_no_picture_or_cannot_be_read_is_said(tmp_path: Path) -> None:
    beside(tmp_path)
    grey(tmp_path / "nobody_mask.png")
    (tmp_path / "2_mask.png").write_bytes(b"no picture")
    picture(tmp_path / "2.png", 2)
    Pillow.fromarray(np.zeros((16, 20, 3), np.uint8)).save(tmp_path / "3_mask.png")
    picture(tmp_path / "3.png", 3)
    Pillow.fromarray(np.full((16, 20), 9, np.uint8)).save(tmp_path / "4_mask.png")
    picture(tmp_path / "4.png", 4)
    found = load_annotated(tmp_path, Image(size=(16, 20)), kind="maps", labels=NAMES)
    assert [bool(seed.truth) for seed in found.seeds] == [True, True, False, False, False]
    assert found.skipped == {"annotation of no picture": 1, "annotation that cannot be read": 3}
    assert "3 of 5 seeds have no annotation: 2.png, 3.png, 4.png" in found.warnings
    assert found.seen == 9


@pytest.mark.parametrize(("build", "kind", "told"), [
    (lambda folder: table(folder, line="other{}.png,1,1,2,2,cat"), "boxes", "not one fits a seed"),
    (lambda folder: table(folder, head="a,b,c", line="{},1,1"), "boxes", "write file,xmin,ymin,xmax,ymax,label"),
    (lambda folder: table(folder, line="{}.png,4,2,12,10,cow"), "boxes", "labelled cow, which the target"),
    (lambda folder: (pair(folder), (folder / "0.txt").write_text("cat 1 2\n")), "boxes", "class x-centre y-centre"),
    (lambda folder: (pair(folder), (folder / "a.json").write_text("[]")), "boxes", "as COCO does"),
    (lambda folder: (pair(folder / "images"), grey(folder / "masks" / "else.png")), "maps", "not one fits a seed"),
])  # fmt: skip
def test_annotations_of_which_none_can_be_used_are_an_error(build, kind, told, tmp_path: Path) -> None:
    build(tmp_path)
    with pytest.raises(SeedError, match=told):
        load_annotated(tmp_path, Image(size=(16, 20)), kind=kind, labels=NAMES)


def test_folders_are_no_labels_of_places(tmp_path: Path) -> None:
    pair(tmp_path / "cat")
    found = load_annotated(tmp_path, Image(size=(16, 20)), kind="maps", labels=NAMES)
    assert [seed.label for seed in found.seeds] == [None, None]
    assert "folders are no labels for this task (cat)" in found.warnings[0]


@pytest.mark.parametrize("text", ["{", "[]", '{"mask": "!", "size": [2, 2]}', '{"mask": "eJw=", "size": [9999999, 9]}'])
def test_a_truth_that_was_edited_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="truth of a seed cannot be read"):
        read_truth(text)
