"""Seeds with masks or boxes in the forms that people keep them in: mask files, COCO, YOLO, tables of boxes.

Masks: a picture of class numbers (palette or grey, or .npy) with the picture's own name in a folder of `MASK_FOLDERS`
that lies where the pictures' lies, or beside it with one of `MASK_ENDS`. 255 is nothing known, or yes where there are
two classes. Boxes: a .json of COCO; a .txt a picture of YOLO (class, centre and size as shares of the sides) beside it
or in a folder of `BOX_FOLDERS`; a .csv with a line a box and a header.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlfuzz.corpus.files import some
from mlfuzz.corpus.seeds import Seed, SeedSet, load_seeds
from mlfuzz.corpus.truth import UNKNOWN, Box, Truth, label_number
from mlfuzz.errors import BadInputError, SeedError, suggestion
from mlfuzz.modality.base import Modality, read_guarded
from mlfuzz.modality.picture import read_numbers, read_picture

Kind: TypeAlias = Literal["maps", "boxes", ""]

PICTURE_FOLDERS = ("images", "image", "img", "imgs", "pictures", "jpegimages", "leftimg8bit")
MASK_FOLDERS = (
    "masks", "mask", "labels", "label", "annotations", "segmentation", "segmentations", "segmentationclass", "gt",
    "gtfine", "targets",
)  # fmt: skip
BOX_FOLDERS = ("labels", "label", "annotations")
MASK_ENDS = ("_gtfine_labelids", "_labelids", "_mask", "-mask", ".mask", "_masks", "_label", "_labels", "_seg", "_gt")
PICTURE_ENDS = ("_leftimg8bit",)
NO_BOXES = ("classes.txt", "readme.txt", "train.txt", "val.txt", "test.txt", "requirements.txt")
"""Texts that are no picture's."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("file", "filename", "file_name", "image", "image_id", "path", "image_path", "name"),
    "label": ("label", "class", "class_name", "category", "classname", "label_name"),
    "left": ("xmin", "x_min", "x1", "left", "x0"),
    "top": ("ymin", "y_min", "y1", "top", "y0"),
    "right": ("xmax", "x_max", "x2", "right"),
    "bottom": ("ymax", "y_max", "y2", "bottom"),
    "x": ("x", "bbox_x"),
    "y": ("y", "bbox_y"),
    "width": ("w", "bbox_width", "box_width", "bbox_w"),
    "height": ("h", "bbox_height", "box_height", "bbox_h"),
}
"""Names of columns; "name" is the file's only where there is another for the label."""

UNMATCHED = "annotation of no picture"
UNREADABLE = "annotation that cannot be read"


def load_annotated(
    path: Path, modality: Modality, *, kind: Kind, labels: Sequence[str] = (), max_seeds: int | None = None,
    rng_seed: int = 0,
) -> SeedSet:  # fmt: skip
    """`load_seeds`, with the truth of each seed where there is some. kind: of the truth; "": none is looked for.

    Folders are no labels here: what is true of a picture as a whole says nothing of its places.
    Raises SeedError as `load_seeds` does, and where there are annotations and not one fits a picture.
    """
    if not kind or not path.is_dir():
        found = load_seeds(path, modality, labels=() if kind else labels, max_seeds=max_seeds, rng_seed=rng_seed)
        return _unlabelled(found) if kind else found
    files = _annotations(path, kind)
    aside = {file.relative_to(path).as_posix() for file in files if file.is_relative_to(path)}
    aside |= {"classes.txt", "labels/classes.txt"} if kind == "boxes" else set()
    found = load_seeds(path, modality, max_seeds=max_seeds, rng_seed=rng_seed, leave=aside.__contains__)
    found = _unlabelled(replace(found, leave=lambda _: False))
    if not files:
        return found
    given = _masks(files, path, labels, found) if kind == "maps" else _boxes(files, path, labels, found)
    matched = 0
    for at, seed in enumerate(found.seeds):
        truth = given.get(_key(PurePosixPath(seed.name), picture=True))
        if truth is not None and (fitted := _fitted(truth, path / seed.name, seed, modality, found)):
            found.seeds[at] = replace(seed, truth=fitted.write())
            matched += 1
    _account(path, files, given, matched, found)
    return found


def _unlabelled(found: SeedSet) -> SeedSet:
    labelled = sorted({str(seed.label) for seed in found.seeds if seed.label is not None})
    shown = [label for label in labelled if label.lower() not in PICTURE_FOLDERS]
    if shown:
        found.warnings.append(
            f"folders are no labels for this task ({some(shown)}): what is true of places is given as masks or boxes"
        )
    found.seeds = [replace(seed, label=None) for seed in found.seeds]
    return found


def _account(path: Path, files: Sequence[Path], given: dict[str, Any], matched: int, found: SeedSet) -> None:
    """What of the annotations was used; nothing is left unsaid. Raises SeedError where none was."""
    keys = {_key(PurePosixPath(seed.name), picture=True) for seed in found.seeds}
    strange = [key for key in given if key not in keys]
    if not matched:
        names = some([file.name for file in files])
        why = "; ".join(found.advice()) or (f"they name {some(strange)}" if strange else "")
        raise SeedError(
            f"{path}: {len(files)} annotation file{'' if len(files) == 1 else 's'} ({names}), and not one fits a seed: "
            f"{why or 'nothing in them could be used'}; a mask or a .txt has its picture's name, a .json or .csv names "
            "the pictures' files"
        )
    if not found.left_out:
        for key in strange:
            found.refuse(UNMATCHED, key, "name it as its picture is named")
    bare = [seed.name for seed in found.seeds if not seed.truth]
    if bare:
        found.warnings.append(f"{len(bare)} of {len(found.seeds)} seeds have no annotation: {some(bare)}")


def _annotations(path: Path, kind: Kind) -> list[Path]:
    """Below the folder, and in a folder beside it where its own name says that it holds pictures."""
    roots = [path]
    if path.name.lower() in PICTURE_FOLDERS:
        beside = MASK_FOLDERS if kind == "maps" else BOX_FOLDERS
        roots += [
            folder for folder in sorted(path.parent.iterdir()) if folder.is_dir() and folder.name.lower() in beside
        ]
    return [file for root in roots for file in _files(root) if _is_annotation(file, root, path, kind)]


def _files(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*")):
        inside = file.relative_to(root).parts
        if not any(part.startswith(".") for part in inside) and not file.is_symlink() and file.is_file():
            yield file


def _is_annotation(file: Path, root: Path, path: Path, kind: Kind) -> bool:
    folders = [part.lower() for part in file.relative_to(root).parts[:-1]]
    folders += [root.name.lower()] if root != path else []
    suffix, stem = file.suffix.lower(), file.stem.lower()
    if kind == "maps":
        named = stem.endswith(MASK_ENDS) or any(folder in MASK_FOLDERS for folder in folders)
        return named and suffix in (".png", ".bmp", ".npy", ".gif", ".tif", ".tiff")
    return suffix in (".json", ".csv") or (suffix == ".txt" and file.name.lower() not in NO_BOXES)


def _key(name: PurePosixPath, *, picture: bool) -> str:
    """What a picture and its annotation share: the place without the folder that says which it is, and the stem."""
    folders = [part for part in name.parts[:-1] if part.lower() not in (*PICTURE_FOLDERS, *MASK_FOLDERS)]
    stem, ends = name.stem, PICTURE_ENDS if picture else MASK_ENDS
    end = next((end for end in ends if stem.lower().endswith(end)), "")
    return "/".join([*folders, stem[: len(stem) - len(end)] if end else stem])


def _masks(files: Sequence[Path], path: Path, labels: Sequence[str], found: SeedSet) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for file in files:
        try:
            numbers = read_numbers(read_guarded(file))
            given[_key(_place(file, path), picture=False)] = _classes(numbers, labels)
        except BadInputError as error:
            found.refuse(UNREADABLE, _place(file, path).as_posix(), f"{error.remedy or error}")
    return given


def _classes(numbers: NDArray[np.integer[Any]], labels: Sequence[str]) -> NDArray[np.uint16]:
    """Class numbers (H, W), UNKNOWN where none is said. Raises BadInputError for numbers that are no class."""
    values = np.unique(numbers)
    if len(labels) == 2 and set(values.tolist()) <= {0, 255}:
        return (numbers > 0).astype(np.uint16)
    classes = np.where(numbers == 255, UNKNOWN, numbers).astype(np.uint16) if len(labels) <= 255 else numbers
    beyond = [int(value) for value in values if value != 255 and labels and value >= len(labels)]
    if beyond:
        raise BadInputError(
            "mask with numbers that are no class", f"{beyond[:5]}",
            remedy=f"write class numbers 0 to {len(labels) - 1}, and 255 where nothing is known; it has {beyond[:5]}",
        )  # fmt: skip
    return np.asarray(classes, np.uint16)


def _boxes(files: Sequence[Path], path: Path, labels: Sequence[str], found: SeedSet) -> dict[str, Any]:
    """Key of a picture -> boxes; of YOLO as shares of the sides, marked by a leading True."""
    given: dict[str, Any] = {}
    names = _names(path, labels)
    for file in files:
        place = _place(file, path)
        try:
            text = read_guarded(file).decode("utf-8-sig")
            if file.suffix.lower() == ".txt":
                given[_key(place, picture=False)] = (True, _of_yolo(text, names))
                continue
            read = _of_coco(text) if file.suffix.lower() == ".json" else _of_table(text)
        except (BadInputError, ValueError, KeyError, TypeError) as error:
            found.refuse(UNREADABLE, place.as_posix(), str(error))
            continue
        for name, boxes in read.items():
            key = _key(PurePosixPath(name.replace("\\", "/")), picture=True)
            known = given.setdefault(key, (False, []))
            known[1].extend(boxes)
    unknown = sorted({box[4] for _, boxes in given.values() for box in boxes if label_number(box[4], labels) < 0})
    if labels and unknown:
        raise SeedError(
            f"{path}: boxes are labelled {some(unknown)}, which the target does not have"
            f"{suggestion(unknown[0], labels)}; name them in labels=[...]"
        )
    return _by_ending(given, found)


def _by_ending(given: dict[str, Any], found: SeedSet) -> dict[str, Any]:
    """Pictures named without the folders they lie in are found by their last part, where there is one of that name."""
    keys = [_key(PurePosixPath(seed.name), picture=True) for seed in found.seeds]
    ends: dict[str, list[str]] = {}
    for key in keys:
        ends.setdefault(key.rpartition("/")[2], []).append(key)
    placed = {}
    for key, boxes in given.items():
        alike = ends.get(key.rpartition("/")[2], ())
        placed[alike[0] if key not in keys and len(alike) == 1 else key] = boxes
    return placed


def _names(path: Path, labels: Sequence[str]) -> list[str]:
    """Of YOLO's numbers: classes.txt where there is one, else the target's labels."""
    for folder in (path, path.parent, path / "labels"):
        if (folder / "classes.txt").is_file():
            lines = read_guarded(folder / "classes.txt").decode("utf-8-sig", "replace").splitlines()
            return [line.strip() for line in lines if line.strip()]
    return list(labels)


def _of_yolo(text: str, names: Sequence[str]) -> list[Box]:
    """Lines of class, centre and size, as shares of the sides; more numbers are the corners of a polygon."""
    boxes: list[Box] = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) < 5:
            raise ValueError(f"line {number} is {line!r}; a line is: class x-centre y-centre width height")
        label, values = cells[0], [float(cell) for cell in cells[1:]]
        if len(values) >= 6 and len(values) % 2 == 0:
            xs, ys = values[::2], values[1::2]
            box = (min(xs), min(ys), max(xs), max(ys))
        else:
            x, y, width, height = values[:4]
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        name = names[int(label)] if label.isdigit() and int(label) < len(names) else label
        boxes.append((*box, name))
    return boxes


def _of_coco(text: str) -> dict[str, list[Box]]:
    held = json.loads(text)
    if not isinstance(held, dict) or not {"images", "annotations"} <= held.keys():
        raise ValueError('it holds no "images" and "annotations", as COCO does')
    files = {image["id"]: str(image["file_name"]) for image in held["images"]}
    names = {one["id"]: str(one["name"]) for one in held.get("categories", ())}
    boxes: dict[str, list[Box]] = {name: [] for name in files.values()}
    for one in held["annotations"]:
        x, y, width, height = (float(value) for value in one["bbox"])
        label = names.get(one["category_id"], str(one["category_id"]))
        boxes[files[one["image_id"]]].append((x, y, x + width, y + height, label))
    return boxes


def _of_table(text: str) -> dict[str, list[Box]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    head = [cell.strip().lower() for cell in next(rows, [])]
    places = {key: next((head.index(name) for name in names if name in head), -1) for key, names in COLUMNS.items()}
    corners = min(places[key] for key in ("left", "top", "right", "bottom")) >= 0
    places["x"], places["y"] = (places[b] if places[a] < 0 else places[a] for a, b in (("x", "left"), ("y", "top")))
    for key in ("width", "height"):  # alone they are the box's; beside corners the picture's
        places[key] = head.index(key) if places[key] < 0 and not corners and key in head else places[key]
    needed = (
        ("file", "label", "left", "top", "right", "bottom")
        if corners
        else ("file", "label", "x", "y", "width", "height")
    )
    if missing := [key for key in needed if places[key] < 0]:
        raise ValueError(
            f"its header is {first.strip()!r} and has no {', '.join(missing)}; write file,xmin,ymin,xmax,ymax,label"
        )
    boxes: dict[str, list[Box]] = {}
    for row in rows:
        if not any(row):
            continue
        name = row[places["file"]].strip()
        kept = boxes.setdefault(name, [])
        if not any(row[places[key]].strip() for key in needed[2:]):
            continue  # a picture without a box
        four = [float(row[places[key]]) for key in needed[2:]]
        right, bottom = (four[2], four[3]) if corners else (four[0] + four[2], four[1] + four[3])
        kept.append((four[0], four[1], right, bottom, row[places["label"]].strip()))
    return boxes


def _fitted(given: Any, file: Path, seed: Seed, modality: Modality, found: SeedSet) -> Truth | None:
    """As the codec brings the picture to its size, so its truth."""
    height, width = (int(side) for side in np.shape(seed.payload)[-2:])
    crop = getattr(modality, "fit", "resize") == "crop"
    if isinstance(given, np.ndarray):
        return Truth(_cut(given, (height, width)) if crop else _nearest(given, (height, width)))
    shares, boxes = given
    try:
        tall, wide = (height, width) if shares and not crop else read_picture(read_guarded(file)).shape[:2]
    except BadInputError as error:
        found.refuse(UNREADABLE, seed.name, str(error))
        return None
    across, down = (wide, tall) if shares else (1.0, 1.0)
    scale = (1.0, 1.0) if crop else (width / wide, height / tall)
    shift = (_offset(wide, width), _offset(tall, height)) if crop else (0, 0)
    placed = [
        (box[0] * across * scale[0] + shift[0], box[1] * down * scale[1] + shift[1],
         box[2] * across * scale[0] + shift[0], box[3] * down * scale[1] + shift[1], box[4])
        for box in boxes
    ]  # fmt: skip
    return Truth(boxes=tuple(placed))


def _offset(have: int, want: int) -> int:
    """Where the first pixel of a picture lies in what is cut from it, or put round it, about its centre."""
    return -((have - want) // 2) if have >= want else (want - have) // 2


def _nearest(mask: NDArray[np.uint16], size: tuple[int, int]) -> NDArray[np.uint16]:
    down, across = (np.arange(want) * have // want for want, have in zip(size, mask.shape, strict=True))
    return np.asarray(mask[down[:, None], across[None]], np.uint16)


def _cut(mask: NDArray[np.uint16], size: tuple[int, int]) -> NDArray[np.uint16]:
    out = np.full(size, UNKNOWN, np.uint16)
    down, across = (_offset(have, want) for have, want in zip(mask.shape, size, strict=True))
    into = [slice(max(0, shift), max(0, min(want, have + shift))) for shift, have, want in
            zip((down, across), mask.shape, size, strict=True)]  # fmt: skip
    away = [slice(part.start - shift, part.stop - shift) for part, shift in zip(into, (down, across), strict=True)]
    out[into[0], into[1]] = mask[away[0], away[1]]
    return out


def _place(file: Path, path: Path) -> PurePosixPath:
    root = path if file.is_relative_to(path) else path.parent
    return PurePosixPath(file.relative_to(root).as_posix())
