"""The laws of modalities and distances can fail: each part here breaks one, and that law says so."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch

from mlfuzz.modality.image import Image
from mlfuzz.modality.parts import ModalityParts
from mlfuzz.modality.text import Text
from mlfuzz.mutators.image.limits import ImageDistance
from mlfuzz.mutators.limits.limits import Limits
from mlfuzz.mutators.text.limits import TextDistance
from mlfuzz.testing import distances, modalities

GREY = {"size": (6, 7)}


class Unregistered(Image):
    """The name of another."""


class Shy(Image):
    def describe(self):
        return {"size": list(self.size)}


class Fine(Image):
    """More levels than 16 bits hold."""

    levels = 100_000


class Elsewhere(Image):
    reads = (".jpg",)


class Loud(Image):
    suffix = ".PNG"
    reads = (".PNG",)


class Lossy(Image):
    """Writes JPEG-like: not exactly."""

    def encode(self, payload):
        return super().encode(self._checked(payload, np.uint8) & np.uint8(0xFE))


class Dated(Image):
    count: ClassVar = [0]

    def encode(self, payload):
        self.count[0] += 1
        return super().encode(payload) + str(self.count[0]).encode()


class Wide(Image):
    def decode(self, data, *, suffix=""):
        return super().decode(data, suffix=suffix).astype(np.int16)


class Beyond(Image):
    high = 0.5


class Trusting(Image):
    def decode(self, data, *, suffix=""):
        if not data:
            raise IndexError("empty")
        return super().decode(data, suffix=suffix)


class Generous(Image):
    def encode(self, payload):
        return b"" if payload is None else super().encode(payload)


class Careless(Image):
    parts = ModalityParts(mutators="mlfuzz.mutators.image", reading=lambda modality, file: BAD)


class BAD:
    imports, lines = (), ("x = (",)


class Sloppy(Text):
    """Loses the ends of lines."""

    def decode(self, data, *, suffix=""):
        return str(super().decode(data, suffix=suffix)).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (modalities.its_name_is_what_it_is_registered_under, Unregistered(**GREY)),
        (modalities.its_description_rebuilds_it, Shy(**GREY, channels=3)),
        (modalities.its_range_holds_its_grid, Fine(**GREY)),
        (modalities.its_files_are_what_it_reads, Elsewhere(**GREY)),
        (modalities.its_files_are_what_it_reads, Loud(**GREY)),
        (modalities.a_payload_survives_its_file_exactly, Lossy(**GREY)),
        (modalities.a_payload_survives_its_file_exactly, Dated(**GREY)),
        (modalities.a_payload_survives_its_file_exactly, Sloppy()),
        (modalities.what_it_decodes_lies_on_its_grid, Wide(**GREY)),
        (modalities.rows_give_payloads_back, Beyond(**GREY, grid="float32")),
        (modalities.what_is_no_payload_is_not_written, Generous(**GREY)),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_broken_modality_is_caught(law, broken):
    with pytest.raises(AssertionError):
        law(broken)


def test_what_is_raised_for_a_damaged_file_names_itself():
    with pytest.raises(IndexError, match="empty"):
        modalities.a_damaged_file_is_refused_or_read(Trusting(**GREY))


def test_lines_that_are_no_python_are_caught():
    with pytest.raises(SyntaxError):
        modalities.what_it_names_is_there(Careless(**GREY))


def test_shipped_ones_keep_what_the_broken_ones_break():
    for modality in (Image(**GREY), Text()):
        for law in modalities.LAWS:
            law(modality)


class Unknown(ImageDistance):
    measures = ("linf", "colour")


class Strict(ImageDistance):
    """Refuses the seed itself."""

    def check(self, rows, roots, limits, *, kind):
        return super().check(rows, roots, limits, kind=kind) & (rows.data != roots.data).flatten(1).any(1)


class Blind(ImageDistance):
    """Does not look at ssim."""

    def check(self, rows, roots, limits, *, kind):
        return super().check(rows, roots, Limits(linf=limits.linf, l0=limits.l0), kind=kind)


class Backwards(ImageDistance):
    """Takes the largest allowed share for the least."""

    def check(self, rows, roots, limits, *, kind):
        if limits.l0 is None:
            return super().check(rows, roots, limits, kind=kind)
        changed = (rows.data != roots.data).flatten(1).float().mean(1)
        return (changed >= limits.l0) | (changed == 0)


class Either(ImageDistance):
    """Within one limit is enough."""

    def check(self, rows, roots, limits, *, kind):
        each = [Limits(**{name: getattr(limits, name)}) for name in limits.distances]
        return torch.stack([super(Either, self).check(rows, roots, one, kind=kind) for one in each]).any(0)


class Loose(ImageDistance):
    def clip(self, rows, roots, limits):
        return rows


class Coupled(ImageDistance):
    def likeness(self, rows, roots):
        like = super().likeness(rows, roots)
        return like - like.mean()


class Writing(ImageDistance):
    def likeness(self, rows, roots):
        rows.data.zero_()
        return super().likeness(rows, roots)


class Upside(TextDistance):
    """More is less like."""

    def likeness(self, rows, roots):
        return -super().likeness(rows, roots)


@pytest.mark.parametrize(
    ("law", "broken", "modality"),
    [
        (distances.it_says_what_it_measures, Unknown(), Image(**GREY)),
        (distances.a_seed_is_within_any_limit_of_itself, Strict(), Image(**GREY)),
        (distances.another_input_is_beyond_the_narrowest_limit, Blind(), Image(**GREY)),
        (distances.a_wider_limit_lets_by_what_a_narrower_one_does, Backwards(), Image(**GREY)),
        (distances.limits_hold_together, Either(), Image(**GREY)),
        (distances.what_is_clipped_is_within_and_on_the_grid, Loose(), Image(**GREY)),
        (distances.a_row_is_measured_the_same_in_any_batch, Coupled(), Image(**GREY)),
        (distances.what_is_measured_is_left_as_it_was, Writing(), Image(**GREY)),
        (distances.what_is_liker_has_a_higher_likeness, Upside(), Text()),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_broken_distance_is_caught(law, broken, modality):
    with pytest.raises(AssertionError):
        law(broken, modality)


class TestImage(modalities.ModalityLaws, distances.DistanceLaws):
    def modality(self):
        return Image(**GREY)

    def distance(self):
        return ImageDistance()
