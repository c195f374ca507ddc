"""Inputs that cost far more than their seed (sponges): time, memory, length of the answer. On the host.

Source: Shumailov et al., Sponge Examples: Energy-Latency Attacks on Neural Networks, EuroS&P 2021.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Verdict

WORDS = {
    "cost-seconds": ("time", "slower", "s"),
    "cost-bytes": ("memory", "more", "bytes"),
    "cost-operations": ("operations", "more", "operations"),
}


class Cost:
    """Fails where a row costs more than `ratio` times what its seed does, and at least `least` more.

    margin: the smaller of (times the seed's / ratio) and (more than the seed / least), less 1. Rows that have not been
    measured are unjudged: a few of each batch are, alone. Whether the label was kept does not matter.
    """

    name = "cost"
    unit = "share of what is let pass, less 1"
    where: Literal["device", "host"] = "host"
    relative = True
    judges_any_chain = True
    meter = ""
    measured = True
    jitter = 0.0

    def __init__(self, *, ratio: float, least: float) -> None:
        if not (math.isfinite(ratio) and ratio > 1):
            raise ConfigError(f"oracle {self.name}: ratio must be above 1, not {ratio}")
        if not (math.isfinite(least) and least > 0):
            raise ConfigError(f"oracle {self.name}: least must be above 0, not {least}")
        self._ratio, self._least = ratio, least
        self.meters: tuple[str, ...] = (self.meter,)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        times, more = _compared(self._costs(seen), self._costs(reference))
        margin = torch.minimum(times / self._ratio, more / self._least) - 1.0
        return Verdict(torch.where(torch.isfinite(margin), margin, torch.nan).float(), torch.zeros_like(times).long())

    def noise(self, floor: Floor) -> float:
        return self.jitter

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        what, word, unit = WORDS[self.meter] if self.meter else ("length", "longer", "steps")
        mine, own = self._costs(seen)[row], self._costs(reference)[row]
        times, _ = _compared(mine[None], own[None])
        return {
            "expected": f"at most {self._ratio:g} times its seed's {what}",
            "expected_from": "model",
            "observed": word,
            "times": _plain(times[0]),
            "cost": _plain(mine.min()),
            "cost_of_seed": _plain(own.min()),
            "cost_unit": unit,
        }

    def describe(self) -> dict[str, Any]:
        return {"ratio": self._ratio, "least": self._least}

    def _costs(self, seen: Observation) -> Tensor:
        """(B, rounds)."""
        costs = seen.outputs.get(f"{self.meter}.alone")
        if not isinstance(costs, Tensor):
            raise ConfigError(f"oracle {self.name}: nothing was measured; there is {', '.join(seen.outputs)}")
        return costs.float()


class Latency(Cost):
    """Fails where an input takes longer than its seed: `ratio` times as long and `least` seconds more. On the host.

    While fuzzing, a few rows of each batch are timed alone, and the slowest row of a batch that took long. It counts
    only when measured again alone, in turn with its seed (A B A B, seven times): the median of the quotients and the
    quotient of the shortest times must both exceed the ratio.
    Source: Shumailov et al., Sponge Examples: Energy-Latency Attacks on Neural Networks, EuroS&P 2021, section 4.
    """

    name = "latency"
    meter = "cost-seconds"
    jitter = 0.1

    def __init__(self, *, ratio: float = 2.0, least: float = 0.0005) -> None:
        super().__init__(ratio=ratio, least=least)


class Memory(Cost):
    """Fails where an input needs more memory at its peak than its seed: `ratio` times and `least` bytes more.

    Counted are tensors alive at once during a forward pass of the row alone (on a GPU, what the allocator says).
    The idea: sponge examples, as for latency.
    """

    name = "memory"
    meter = "cost-bytes"

    def __init__(self, *, ratio: float = 2.0, least: float = 262144.0) -> None:
        super().__init__(ratio=ratio, least=float(least))


class Length(Cost):
    """Fails where an answer is longer than the seed's: `ratio` times and `least` steps more. On the host.

    of: "main", the answer's own length (letters of a text, steps of a sequence); the name of another output of the
    target that counts steps, (B,) or (B, 1); or "operations", the torch operations that the row alone takes, which
    count the steps of a decoder that does not tell.
    Source: Shumailov et al., Sponge Examples: Energy-Latency Attacks on Neural Networks, EuroS&P 2021, section 3.2
    (longer outputs as the cost of a decoder).
    """

    name = "length"

    def __init__(self, *, of: str = "main", ratio: float = 2.0, least: float = 8.0) -> None:
        self.meter = "cost-operations" if of == "operations" else ""
        self._of = of
        super().__init__(ratio=ratio, least=float(least))
        self.meters = (self.meter,) if self.meter else ()
        self.measured = bool(self.meter)

    def describe(self) -> dict[str, Any]:
        return {"of": self._of, **super().describe()}

    def _costs(self, seen: Observation) -> Tensor:
        if self.meter:
            return super()._costs(seen)
        output = seen.outputs.get(self._of)
        if isinstance(output, tuple):
            return torch.tensor([float(len(text)) for text in output])[:, None]
        if isinstance(output, Ragged):
            return output.lengths.float()[:, None]
        if isinstance(output, Tensor) and self._of != "main" and output.numel() == len(output):
            return output.float().reshape(-1, 1)
        raise ConfigError(
            f"oracle length: output {self._of!r} has no length of its own; name an output that counts steps, or "
            f"of=operations; there is {', '.join(seen.outputs)}"
        )


def _compared(costs: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """(times, more) (B,) of costs (B, rounds) over the seeds' own: by the smaller of two robust statistics.

    Where both were measured in turn, the median of the quotients; in any case the smallest cost over the smallest.
    """
    least, least_own = costs.amin(1), own.amin(1)
    times = least / least_own.clamp_min(1e-9)
    if costs.shape == own.shape:
        times = torch.minimum(times, (costs / own.clamp_min(1e-9)).nanmedian(1).values)
    return times, least - least_own


def _plain(value: Tensor) -> float | None:
    number = float(f"{float(value):.4g}")
    return number if math.isfinite(number) else None


ORACLES.add("latency", Latency)
ORACLES.add("memory", Memory)
ORACLES.add("length", Length)
