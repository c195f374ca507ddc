"""Maps and boxes on the whole line: healthy models pass under every operator of geometry, planted faults are found.

The pictures hold a red and a blue block on grey; the models tell colours by plain comparison, so that where a block is
moved the answer moves along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import mlfuzz
from mlfuzz.batch import Batch, Step, from_payloads
from mlfuzz.campaign.setup.default_oracles import default_oracles
from mlfuzz.corpus.truth import Truth
from mlfuzz.errors import AnswerError
from mlfuzz.mutation import Chain, Mutation
from mlfuzz.mutators.base import MUTATORS, Mutator, replay
from mlfuzz.oracles.base import Verdict
from mlfuzz.placemap import PLACE_MAPS
from mlfuzz.targets.agreement import agreements
from mlfuzz.targets.detections import detections
from tests.zoo.line import walk

SIDE = 32
PICTURES = mlfuzz.Image(size=(SIDE, SIDE), channels=3)
COLOURS = ((220, 40, 40), (40, 40, 220))
NAMES = ("red", "blue")
BRIGHT = 0.33
"""Mean above which the planted faults show: the seeds lie below."""

GEOMETRY = sorted(name for name in MUTATORS.names() if MUTATORS.get(name).kind == "geometry")
HIDING = sorted({name for name in MUTATORS.names() if name in PLACE_MAPS} - {*GEOMETRY})


def blocks(number: int) -> tuple[NDArray[np.uint8], list[tuple[int, int, int, int]]]:
    """A picture, and left, top, right and bottom of its red and its blue block."""
    rng = np.random.default_rng(number)
    picture = np.full((SIDE, SIDE, 3), 40, np.uint8)
    corners = []
    for half, colour in enumerate(COLOURS):
        height, width = rng.integers(7, 11, 2)
        top, left = int(rng.integers(7, SIDE - 7 - height)), int(6 + 11 * half + rng.integers(0, 11 - width + 1))
        picture[top : top + height, left : left + width] = colour
        corners.append((left, top, left + int(width), top + int(height)))
    return picture, corners


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "blocks"
    folder.mkdir()
    for number in range(6):
        Image.fromarray(blocks(number)[0]).save(folder / f"{number}.png")
    return folder


def masked(folder: Path) -> None:
    """Beside each picture its mask."""
    for number in range(6):
        classes = np.zeros((SIDE, SIDE), np.uint8)
        for label, (left, top, right, bottom) in enumerate(blocks(number)[1], start=1):
            classes[top:bottom, left:right] = label
        Image.fromarray(classes).save(folder / f"{number}_mask.png")


def boxed(folder: Path) -> None:
    """Beside each picture its boxes, as YOLO has them."""
    for number in range(6):
        lines = [
            f"{label} {(left + right) / 2 / SIDE} {(top + bottom) / 2 / SIDE} {(right - left) / SIDE}"
            f" {(bottom - top) / SIDE}"
            for label, (left, top, right, bottom) in enumerate(blocks(number)[1])
        ]
        (folder / f"{number}.txt").write_text("\n".join(lines))


class Planes(nn.Module):
    """Scores of ground, red and blue at each place. fault: what happens to blue in a picture that is rather bright."""

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        self.fault, self.act = fault, nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        red, green, blue = x.unbind(1)
        ground = torch.full_like(red, 0.02)
        reds = self.act(red - torch.maximum(green, blue) - 0.12)
        blues = self.act(blue - torch.maximum(red, green) - 0.12)
        bright = (x.mean((1, 2, 3)) > BRIGHT)[:, None, None]
        if self.fault == "vanishes":
            blues = torch.where(bright, -1.0, blues)
        elif self.fault == "jumps":
            blues = torch.where(bright, blues.roll(12, 1), blues)
        return torch.stack([ground, reds, blues], 1)


class Coarse(Planes):
    """The same at half the resolution, as most nets give it."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(super().forward(x), 2)


class Numbers(Planes):
    """Class numbers instead of scores."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).argmax(1)


class OnePlane(Planes):
    """A logit of blue at each place."""

    def forward(self, x: Tensor) -> Tensor:
        planes = super().forward(x)
        return (planes[:, 2:] - planes[:, :2].amax(1, keepdim=True)) * 10


class Finder(Planes):
    """A box around all of each colour; scores of 0 behind where there are fewer."""

    def forward(self, x: Tensor) -> Any:
        places, bright = super().forward(x)[:, 1:] > 0, x.mean((1, 2, 3)) > BRIGHT
        across, down = places.any(2), places.any(3)
        first = [line.int().argmax(2) for line in (across, down)]
        last = [SIDE - line.flip(2).int().argmax(2) for line in (across, down)]
        labels = torch.tensor([0, 1]).repeat(len(x), 1)
        if self.fault == "relabels":
            labels[bright, 1] = 0
        scores = torch.where((across.sum(2) > 2) & (down.sum(2) > 2), 0.9, 0.0)
        if self.fault == "doubts":
            scores[bright, 1] = scores[bright, 1] / 2
        return self.shaped(torch.stack([*first, *last], 2).float(), labels, scores, bright)

    def shaped(self, boxes: Tensor, labels: Tensor, scores: Tensor, bright: Tensor) -> Any:
        found = []
        for row, kept in enumerate(scores > 0):
            found.append({"boxes": boxes[row, kept], "labels": labels[row, kept], "scores": scores[row, kept]})
        return found


class Invents(Finder):
    """A blue box in a corner, once it is bright."""

    def shaped(self, boxes: Tensor, labels: Tensor, scores: Tensor, bright: Tensor) -> Any:
        corner = torch.tensor([[1.0, 24, 9, 31]]).expand(len(boxes), 1, 4)
        return {
            "boxes": torch.cat([boxes, corner], 1),
            "labels": torch.cat([labels, labels[:, 1:]], 1),
            "scores": torch.cat([scores, torch.where(bright, 0.8, 0.0)[:, None]], 1),
        }


def shares(found: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
    return [{**one, "boxes": one["boxes"] / SIDE} for one in found]


def centred(found: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
    sized = [one["boxes"][:, 2:] - one["boxes"][:, :2] for one in found]
    return [
        {**one, "boxes": torch.cat([one["boxes"][:, :2] + size / 2, size], 1)}
        for one, size in zip(found, sized, strict=True)
    ]


def columns(found: list[dict[str, Tensor]]) -> dict[str, list[Tensor]]:
    return {key: [one[key] for one in found] for key in found[0]}


def padded(found: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    lengths = [len(one["scores"]) for one in found]
    packed = {
        key: nn.utils.rnn.pad_sequence([one[key] for one in found], batch_first=True) for key in found[0]
    }  # fmt: skip
    return {**packed, "num_detections": torch.tensor(lengths)}


def table(found: list[dict[str, Tensor]]) -> list[Tensor]:
    return [torch.cat([one["boxes"], one["scores"][:, None], one["labels"][:, None].float()], 1) for one in found]


def by_name(found: list[dict[str, Tensor]]) -> list[dict[str, Any]]:
    return [{**one, "labels": [NAMES[label] for label in one["labels"].tolist()]} for one in found]


def as_tuple(found: list[dict[str, Tensor]]) -> tuple[list[Tensor], ...]:
    return tuple([one[key] for one in found] for key in ("boxes", "labels", "scores"))


FORMS: dict[str, tuple[Callable[..., Any], str]] = {
    "a list of dicts": (lambda found: found, ""),
    "shares of the sides": (shares, "detection"),
    "centre and size": (centred, "detection:boxes=cxcywh"),
    "a dict of lists": (columns, ""),
    "padded tensors": (padded, ""),
    "a table an input": (table, "detection"),
    "labels by name": (by_name, ""),
    "a tuple of lists": (as_tuple, "detection"),
}


class Shaped(nn.Module):
    def __init__(self, inner: nn.Module, shape: Callable[..., Any]) -> None:
        super().__init__()
        self.inner, self.shape = inner, shape

    def forward(self, x: Tensor) -> Any:
        return self.shape(self.inner(x))


def segmenter(model: nn.Module, labels: tuple[str, ...] = ("ground", *NAMES)) -> Any:
    return mlfuzz.ModuleTarget("maps", PICTURES, model, labels=labels, task="segmentation")


def detector(model: nn.Module, task: str = "") -> Any:
    return mlfuzz.ModuleTarget("boxes", PICTURES, model, labels=NAMES, task=task)


TWO = ("other", "blue")
HEALTHY: dict[str, Callable[[], Any]] = {
    "scores at half the resolution": lambda: segmenter(Coarse()),
    "class numbers": lambda: segmenter(Numbers()),
    "one plane of logits": lambda: segmenter(OnePlane(), TWO),
    "boxes": lambda: detector(Finder()),
    "boxes as shares of the sides": lambda: detector(Shaped(Finder(), shares)),
}
BROKEN: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a class vanishes": (lambda: segmenter(Planes("vanishes")), "area of blue", "lost"),
    "a class jumps": (lambda: segmenter(Planes("jumps")), "area of blue", "moved"),
    "a box vanishes": (lambda: detector(Finder("vanishes")), "box of blue", "lost"),
    "a box jumps": (lambda: detector(Finder("jumps")), "box of blue", "elsewhere"),
    "a box gets another label": (lambda: detector(Finder("relabels")), "box of blue", "a box of red"),
    "a box comes out of nothing": (lambda: detector(Invents()), "no box of blue", "a box of blue"),
}
"""Target, and what a finding of its fault expects and sees."""


@pytest.mark.parametrize("name", FORMS)
def test_boxes_are_read_alike_in_every_form_that_people_have(name: str) -> None:
    """Of two pictures, one of which has a box of each colour, the other of one alone."""
    form, task = FORMS[name]
    pictures = np.stack([blocks(1)[0], blocks(2)[0]])
    pictures[1][(pictures[1] == COLOURS[0]).all(2)] = 40
    rows = from_payloads(list(pictures.transpose(0, 3, 1, 2)), PICTURES, torch.device("cpu"))
    target = detector(Shaped(Finder(), form), task)
    target.run(rows)
    found = target.run(rows).outputs["main"]
    assert target.task.name == "detection"
    assert found.lengths.tolist() == [2, 1]
    size = SIDE if name == "shares of the sides" else 1
    expected = [blocks(1)[1][0], blocks(1)[1][1], blocks(2)[1][1]]
    boxes = torch.cat([found.values[0, :2], found.values[1, :1]])
    assert torch.allclose(boxes[:, :4] * size, torch.tensor(expected).float(), atol=1e-4)
    assert boxes[:, 4].tolist() == pytest.approx([0.9] * 3)
    assert boxes[:, 5].tolist() == [0, 1, 1]


@pytest.mark.parametrize("answer", [
    torch.zeros(2, 5, 3), [{"labels": torch.zeros(1)}] * 2, {"boxes": torch.zeros(3, 1, 4)}, "a box", None,
    [{"boxes": torch.zeros(2, 4), "labels": torch.zeros(1), "scores": torch.zeros(2)}] * 2,
    [{"boxes": torch.zeros(1, 4), "labels": ["green"], "scores": torch.zeros(1)}] * 2,
], ids=lambda answer: type(answer).__name__)  # fmt: skip
def test_what_is_no_boxes_is_refused_with_what_to_give(answer: Any) -> None:
    with pytest.raises(AnswerError, match=r"detector gives, for each picture, boxes|among the target's labels"):
        detections(answer, 2, "boxes", labels=NAMES)


@pytest.mark.parametrize("name", [name for name in HEALTHY if name != "boxes"])
def test_the_answers_of_a_healthy_model_move_along_with_the_picture(name: str) -> None:
    """Under each operator of geometry alone, and under chains of three of them."""
    target = HEALTHY[name]()
    rng = np.random.default_rng(5)
    parts = [MUTATORS.get(part) for part in (GEOMETRY if "boxes" in name else [*GEOMETRY, *HIDING])]
    chains = [(drawn(part, rng),) for part in parts for _ in range(2)]
    chains += [tuple(drawn(parts[at], rng) for at in rng.integers(0, len(parts), 3)) for _ in range(12)]
    verdict, _ = judged(target, chains)
    broken = [(chains[row], float(verdict.margin[row])) for row in verdict.failed.nonzero()[:, 0].tolist()]
    assert broken == []
    assert float(verdict.judged.float().mean()) > 0.9


def drawn(part: Mutator, rng: np.random.Generator) -> Mutation:
    columns = part.draw(1, rng)
    return Step(part.name, part.version, 0, 1, columns).mutation(0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scores at half the resolution", "boxes"])
def test_a_healthy_model_has_no_findings_under_any_operator_that_moves(name: str, seeds: Path, tmp_path: Path) -> None:
    # Bits of colour that hide a thing are a thing themselves for a model that goes by colour alone.
    hiding = [] if name.startswith("boxes") else HIDING
    walked = walk(HEALTHY[name](), seeds, tmp_path / "c", inputs=320, batch=64, mutators=[*GEOMETRY, *hiding])
    assert walked.ready, [line.text for line in walked.lines if line.level == "fail"]
    assert [(one.expected, one.observed, one.sentence) for one in walked.findings] == []


WALKED = ("a class vanishes", "a box vanishes", "a box jumps")
LABELLED = {"a class vanishes": masked, "a box vanishes": boxed}


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_planted_fault_does_is_named(name: str) -> None:
    make, expected, observed = BROKEN[name]
    verdict, explain = judged(make(), [brighter(0.2)] * 6)
    assert verdict.failed.all()
    assert {(told["expected"], told["observed"]) for told in map(explain, range(6))} == {(expected, observed)}


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKED)
def test_a_planted_fault_is_found_and_replayed_from_its_file(name: str, seeds: Path, tmp_path: Path) -> None:
    make, expected, observed = BROKEN[name]
    if name in LABELLED:
        LABELLED[name](seeds)
    operators = ["image.brightness", "image.rotate", "image.translate"]
    walked = walk(make(), seeds, tmp_path / "c", inputs=320, batch=64, mutators=operators)
    told = {(one.expected, one.observed): one for one in walked.confirmed}
    assert (expected, observed) in told
    assert walked.retried
    evidence = told[expected, observed].evidence
    assert (evidence["expected_from"], "truth" in evidence) == (
        ("label", True) if name in LABELLED else ("model", False)
    )


def judged(target: Any, chains: Sequence[Chain], truths: Sequence[str] = ()) -> tuple[Verdict, Any]:
    """What the task's own oracle says of mutants of the six pictures in turn, and how it explains a row."""
    pictures = [blocks(number % 6)[0].transpose(2, 0, 1) for number in range(len(chains))]
    seeds = from_payloads(pictures, PICTURES, torch.device("cpu"))
    reference, seen = target.run(seeds), target.run(replay(seeds, chains))
    numbers = np.arange(len(chains))
    batch = Batch(seeds, numbers, numbers, np.zeros((len(chains), 1), np.float32), np.ones(len(chains), np.bool_),
                  chains=chains.__getitem__)  # fmt: skip
    oracle: Any = default_oracles(target, seen.outputs["main"])[1]
    oracle.name_classes(target.labels)
    if truths:
        oracle.bind_truths(truths)
    return oracle.check(seen, reference, batch), lambda row: oracle.explain(seen, reference, batch, row)


def brighter(amount: float) -> Chain:
    return (Mutation("image.brightness", {"amount": amount}),)


def test_agreement_is_that_of_places_and_of_boxes() -> None:
    """Of a mask that the model hits, of one shifted by half a block, and of boxes of which one is found and one not."""
    rows = from_payloads([blocks(0)[0].transpose(2, 0, 1)], PICTURES, torch.device("cpu"))
    maps, boxes = segmenter(Planes()), detector(Finder(), "detection")
    mask = np.asarray(maps.run(rows).outputs["main"].argmax(1)[0].numpy(), np.uint16)
    right, shifted = (Truth(each).write() for each in (mask, np.roll(mask, 5, 1)))
    answer = maps.run(rows).outputs["main"]
    assert agreements(maps, answer, [right]) == [1.0]
    assert 0.3 < agreements(maps, answer, [shifted])[0] < 0.7
    found = boxes.run(rows).outputs["main"]
    given = [(*map(float, box), name) for box, name in zip(blocks(0)[1], NAMES, strict=True)]
    assert agreements(boxes, found, [Truth(boxes=tuple(given)).write()]) == [1.0]
    assert agreements(boxes, found, [Truth(boxes=(given[0], (0.0, 0.0, 3.0, 3.0, "blue"))).write()]) == [0.5]
    assert agreements(boxes, found, [""])[0] != agreements(boxes, found, [""])[0]


def test_a_class_that_the_model_never_had_right_is_not_lost() -> None:
    """By its mask the red block is blue and half of the blue one is ground: the seed's own errors are no findings."""
    mask = np.zeros((SIDE, SIDE), np.uint16)
    left, top, right, bottom = blocks(0)[1][0]
    mask[top:bottom, left:right] = 2
    wrong = [Truth(mask).write()]
    right_mask = mask.copy()
    right_mask[mask == 2] = 1
    left, top, right, bottom = blocks(0)[1][1]
    right_mask[top:bottom, left:right] = 2
    target = segmenter(Planes("vanishes"))
    assert float(judged(target, [brighter(0.2)], wrong)[0].margin[0]) < 0
    verdict, explain = judged(target, [brighter(0.2)], [Truth(right_mask).write()])
    assert float(verdict.margin[0]) == pytest.approx(0.5)
    assert explain(0)["expected_from"] == "label"


def test_boxes_that_the_model_never_found_or_made_up_are_no_findings() -> None:
    """Of the seed's own boxes only red's is one that the model gives; blue's lies elsewhere by the label."""
    boxes = [(*map(float, box), name) for box, name in zip(blocks(0)[1], NAMES, strict=True)]
    elsewhere = [boxes[0], (25.0, 25.0, 31.0, 31.0, "blue")]
    target = detector(Finder("vanishes"))
    assert float(judged(target, [brighter(0.2)], [Truth(boxes=tuple(elsewhere)).write()])[0].margin[0]) < 0
    verdict, explain = judged(target, [brighter(0.2)], [Truth(boxes=tuple(boxes)).write()])
    assert float(verdict.margin[0]) == pytest.approx(0.45)
    assert explain(0)["expected"] == "box of blue"
    assert explain(0)["box_before"] == [float(edge) for edge in blocks(0)[1][1]]


def test_scores_near_the_threshold_count_neither_way() -> None:
    """A score of 0.9 halved is 0.45: within the band of 0.05 below the threshold, and beyond one of 0.01."""
    assert not judged(detector(Finder("doubts")), [brighter(0.2)])[0].failed.any()
    told = judged(detector(Finder("doubts"), "detection:band=0.01"), [brighter(0.2)])[0]
    assert told.margin[0] == pytest.approx(0.04)


def test_a_box_that_has_left_the_picture_is_not_missed() -> None:
    """Shifted by half the width the blue block on the right leaves; shifted the other way it stays."""
    target = detector(Finder("vanishes"))
    for right, lost in ((0.5, False), (-0.4, True)):
        moved = Mutation("image.translate", {"right": right, "down": 0.0})
        verdict, _ = judged(target, [(moved, *brighter(0.3))] * 2)
        assert verdict.failed.tolist() == [lost, lost]
