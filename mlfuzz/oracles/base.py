"""An oracle: outputs and what was done to the input in; failed, margin and key of each row out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.registry import Registry, built


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of B rows, on the observation's device.

    margin: (B,) float32 in the oracle's unit; > 0 exactly where failed, else minus the distance to go; NaN: unjudged.
    keys: (B,) int64 >= 0, equal for rows that fail in the same way (expected and got, say).
    """

    margin: Tensor
    keys: Tensor

    @property
    def failed(self) -> Tensor:
        return self.margin > 0

    @property
    def judged(self) -> Tensor:
        return self.margin == self.margin


@dataclass(frozen=True, slots=True)
class Floor:
    """What a target's outputs are worth: measured at calibration, in units of the main output.

    single: largest difference of a row alone against in a batch. spread: standard deviation of the outputs.
    apart: of a variant, the largest difference from the target itself on the seeds. level: mean absolute output.
    variants: the same, by name.
    """

    single: float = 0.0
    spread: float = 1.0
    apart: float = 0.0
    level: float = 0.0
    variants: Mapping[str, Floor] = field(default_factory=dict)

    def of(self, variant: str) -> Floor:
        """A variant's own floor; the target's where none was measured."""
        return self.variants.get(variant, self)


SINGLE_FACTOR = 8.0
"""A margin counts from 8 x the batch-versus-single noise: above it 0 of 19,202 flips failed to reproduce alone."""

SPREAD_SHARE = 1e-4
"""... and from 1e-4 of the outputs' standard deviation, where the measured noise is 0 by luck."""


class Oracle(Protocol):
    """Laws: a seed against itself never fails; margin > 0 exactly where failed; a row is judged the same in any batch.

    unit: of the margin, in words. where: "device", or "host" for oracles that judge text or need Python a row.
    relative: whether it compares with the seed's own observation (a finding then needs its seed file to replay).
    """

    @property
    def name(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def where(self) -> Literal["device", "host"]: ...

    @property
    def relative(self) -> bool: ...

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        """seen: of the batch's rows. reference: of each row's seed, in the same order."""

    def noise(self, floor: Floor) -> float:
        """The smallest margin that counts as a failure, in the oracle's unit."""

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        """For people and for grouping: "expected", "observed", and what else helps. Only asked for unknown keys."""

    def describe(self) -> dict[str, Any]:
        """Constructor arguments as JSON, without "name"."""


ORACLES: Registry[Callable[..., Oracle]] = Registry(
    "oracle",
    shipped=(
        "mlfuzz.oracles.numeric",
        "mlfuzz.oracles.metamorphic",
        "mlfuzz.oracles.label_set",
        "mlfuzz.oracles.grades",
        "mlfuzz.oracles.relation",
        "mlfuzz.oracles.sequence",
        "mlfuzz.oracles.vector",
        "mlfuzz.oracles.frames",
        "mlfuzz.oracles.differential",
        "mlfuzz.oracles.differential_majority",
        "mlfuzz.oracles.resource",
    ),
)


def beside(oracle: Oracle | None) -> tuple[str, ...]:
    """What must run beside the target for an oracle: the variants that it compares, and meters of cost."""
    return (*getattr(oracle, "variants", ()), *getattr(oracle, "meters", ()))


def margin_floor(floor: Floor) -> float:
    """The rule for margins in units of the main output."""
    return max(SINGLE_FACTOR * floor.single, SPREAD_SHARE * floor.spread)


def rebuild(description: Mapping[str, Any]) -> Oracle:
    """The oracle that `{"name": ..., **describe()}` stands for.

    "part" in it: an oracle that goes by a name of its own (a relation) says which registered part makes it.
    Raises UnknownNameError, ConfigError for arguments that it does not take.
    """
    arguments = dict(description)
    part = str(arguments.pop("part")) if "part" in arguments else str(arguments.pop("name"))
    factory = ORACLES.get(part)
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"oracle {part}: {error}; mlfuzz list oracles tells its arguments") from error
    return built(factory, arguments, f"oracle {part}", "oracles")
