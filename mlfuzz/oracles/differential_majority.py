"""Several models of one task, and the one that most of the others contradict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, Floor, Verdict, margin_floor


class Majority:
    """Fails where the target says another class than more than half of all models, itself among them.

    of: the other models, "module:attribute" each (joined by "+" on the command line), or any variants. Two at least.
    margin: the smaller of two leads: the target's, of its class over the majority's, and the least of the majority's
    models', of their class over the target's. While it sides with the majority, minus the target's own lead over its
    runner-up. Rows on which no class has more than half of the votes, or a score is not finite, are unjudged.
    key: majority * classes + the target's class.
    Source: Pei et al., DeepXplore, SOSP 2017, section 4: models of one task cross-reference each other.
    """

    where: Literal["device", "host"] = "device"
    relative = False
    unit = "score"

    def __init__(self, name: str = "majority", *, of: Sequence[str] | str) -> None:
        models = [one.strip() for one in of.split("+")] if isinstance(of, str) else list(of)
        if len(models) < 2 or not all(models):
            raise ConfigError(
                f"oracle majority: name two models at least besides the target, not {models}; for one, use differ:{of}"
            )
        self.name = name
        self.variants: tuple[str, ...] = tuple(models)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        scores = self._scores(seen)
        own = scores[0]
        votes = scores.argmax(2)
        counts = torch.zeros_like(own).scatter_add_(1, votes.T, torch.ones_like(votes.T, dtype=own.dtype))
        most, winner = counts.max(1)
        got = votes[0]
        lead = own.gather(1, got[:, None])[:, 0] - own.gather(1, winner[:, None])[:, 0]
        theirs = scores[1:].gather(2, winner[None, :, None].expand(len(scores) - 1, -1, 1))[:, :, 0]
        theirs = theirs - scores[1:].gather(2, got[None, :, None].expand(len(scores) - 1, -1, 1))[:, :, 0]
        least = theirs.masked_fill(votes[1:] != winner, torch.inf).amin(0)
        best = own.topk(2, dim=1).values
        margin = torch.where(got == winner, best[:, 1] - best[:, 0], torch.minimum(lead, least))
        judged = (most > len(scores) / 2) & torch.isfinite(scores).all(2).all(0)
        return Verdict(torch.where(judged, margin, torch.nan).float(), winner * own.shape[1] + got)

    def noise(self, floor: Floor) -> float:
        return max(margin_floor(floor), *(margin_floor(floor.of(name)) for name in self.variants))

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        """Classes by number; who knows the target's labels puts names for them."""
        verdict = self.check(seen, reference, batch)
        scores = self._scores(seen)[:, row]
        votes = dict(zip(("main", *self.variants), scores.argmax(1).tolist(), strict=True))
        margin = float(verdict.margin[row])
        return {
            "expected": int(verdict.keys[row]) // scores.shape[1],
            "expected_from": "majority",
            "observed": votes["main"],
            "variant": "+".join(self.variants),
            "votes": votes,
            "severity": margin if margin > 0 else None,
        }

    def describe(self) -> dict[str, Any]:
        return {"part": "majority", "of": list(self.variants)}

    def _scores(self, seen: Observation) -> Tensor:
        """(models, B, K), the target first. Raises ConfigError where they do not give scores of the same classes."""
        outputs = [seen.outputs.get(name) for name in ("main", *(f"{one}.main" for one in self.variants))]
        if any(not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < 2 for output in outputs):
            raise ConfigError(
                f"oracle {self.name}: each model must give scores (B, classes); there is {list(seen.outputs)}"
            )
        scores = [output.float() for output in outputs if isinstance(output, Tensor)]
        if len({one.shape[1] for one in scores}) != 1:
            widths = [one.shape[1] for one in scores]
            raise ConfigError(f"oracle {self.name}: the models give {widths} scores; they must have the same classes")
        return torch.stack(scores)


ORACLES.add("majority", Majority)
