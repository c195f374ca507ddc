"""A modality from outside the tree: series of readings, one CSV line each. All that belongs to it is in this file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.base import MODALITIES, rebuild
from mlfuzz.modality.parts import ModalityParts, Reading
from mlfuzz.mutators.base import mutator
from mlfuzz.mutators.param import Integer, Real
from mlfuzz.mutators.replaced import replacing
from mlfuzz.report.exhibits import Exhibit
from mlfuzz.testing.rows import ExampleRows


def plain_reading(modality, file):
    return Reading(
        ("import numpy as np",), ("x = torch.from_numpy(np.loadtxt(path, np.float32, delimiter=','))[None]  # (1, N)",)
    )


@dataclass(frozen=True, slots=True)
class Series:
    """Readings (N,) between -8 and 8. grid: "float32", or "tenths" for readings of one decimal."""

    length: int = 12
    grid: Literal["float32", "tenths"] = "float32"

    parts: ClassVar = ModalityParts(
        mutators="acme_series",
        distance="acme_series:DISTANCE",
        exhibit="acme_series:EXHIBIT",
        examples="acme_series:EXAMPLES",
        pieces="readings",
        starter="length=12",
        handed="x: (B, 12), float32 in [-8, 8]",
        reading=plain_reading,
    )
    name: ClassVar = "series"
    suffix: ClassVar = ".csv"
    reads: ClassVar = (".csv",)
    low: ClassVar = -8.0
    high: ClassVar = 8.0
    ragged: ClassVar = False

    def __post_init__(self):
        if not isinstance(self.length, int) or not 1 <= self.length <= 100_000:
            raise ConfigError(f"series length is 1 to 100,000, not {self.length!r}")

    @property
    def levels(self):
        return 10 if self.grid == "tenths" else None

    def decode(self, data, *, suffix=""):
        try:
            values = np.array([float(field) for field in data.decode("ascii").split(",")], np.float64)
        except ValueError as error:
            raise BadInputError("no series", str(error)) from error
        if values.shape != (self.length,) or not np.isfinite(values).all():
            raise BadInputError("no series", f"{len(values)} readings where {self.length} finite ones are due")
        values = values.clip(self.low, self.high)
        return np.rint(values * 10).astype(np.int16) if self.levels else values.astype(np.float32)

    def encode(self, payload):
        dtype = np.int16 if self.levels else np.float32
        if not isinstance(payload, np.ndarray) or payload.dtype != dtype or payload.shape != (self.length,):
            raise BadInputError("not a payload of this modality", f"a series is ({self.length},) {dtype.__name__}")
        fields = [f"{int(value) / 10:.1f}" if self.levels else repr(float(value)) for value in payload]
        return (",".join(fields) + "\n").encode()

    def describe(self):
        return asdict(self)


@mutator("series.lift", kind="level", amount=Real(-3.0, 3.0, neutral=0.0))
def lift(rows, *, amount):
    """Add `amount` to every reading."""
    return rows.with_data(rows.data + amount[:, None])


@mutator("series.spike", kind="spike", at=Integer(0, 99_999), height=Real(-6.0, 6.0, neutral=0.0))
def spike(rows, *, at, height):
    """Add `height` to one reading, the one at `at` counted round."""
    place = torch.arange(rows.data.shape[1], device=rows.data.device) == (at % rows.data.shape[1])[:, None]
    return rows.with_data(rows.data + place * height[:, None])


replacing("series")


class SeriesDistance:
    """Readings against those of the seed."""

    measures = ("linf", "l0")
    like = ("share of readings kept", 0.5)
    moving = frozenset({"level"})

    def clip(self, rows, roots, limits):
        if limits.linf is None:
            return rows
        reach = limits.linf * 8.0  # a share of full scale; on the grid a whole number of levels
        reach = int(reach * 10 + 1e-6) / 10 if rows.modality.levels else reach
        return rows.with_data(rows.data.clamp(roots.data - reach, roots.data + reach)).project()

    def check(self, rows, roots, limits, *, kind):
        apart = (rows.data - roots.data).abs()
        within = torch.ones(len(rows), dtype=torch.bool, device=apart.device)
        if limits.linf is not None:
            within &= apart.amax(1) <= limits.linf * 8.0 + 1e-5
        if limits.l0 is not None:
            within &= (apart > 0).float().mean(1) <= limits.l0
        return within

    def likeness(self, rows, roots):
        return (rows.data == roots.data).float().mean(1)


DISTANCE = SeriesDistance()


def show(finding, data, seed):
    """Readings of before and after, numbers alone."""
    modality = rebuild(dict(finding.modality))
    scale = modality.levels or 1
    before = None if seed is None else [float(value) / scale for value in modality.decode(seed)]
    return {"before": before, "after": [float(value) / scale for value in modality.decode(data)]}


EXHIBIT = Exhibit(Path(__file__).with_name("series.html"), show)

EXAMPLES = ExampleRows(
    values=lambda modality, number, rng: rng.uniform(-4, 4, modality.length),
    small=({}, {"length": 5, "grid": "tenths"}),
    tiny=({"length": 1},),
    large={"length": 40_000},
)

MODALITIES.add("series", Series)
