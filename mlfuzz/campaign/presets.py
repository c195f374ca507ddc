"""Presets: guidance by one name. The published systems with their numbers, the baselines, and the default."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from mlfuzz.config import Config
from mlfuzz.registry import Registry

Table: TypeAlias = Mapping[str, Any]
Ranges: TypeAlias = Mapping[str, Mapping[str, tuple[float, float]]]
"""Operator -> parameter -> (low, high) that it is drawn from, instead of the operator's own range."""

DEFAULT = "mixed"

GUIDANCE_VERSION = 3
"""Goes into every hash: raised whenever a scheduler, criterion or way of dealing behaves otherwise under one name."""

UNBOUNDED: Table = {"per_kind": 1e6, "total": 1e6, "steps": 256, "sums": {}}
"""No limit but the length of a chain: published systems sum up nothing."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What one name stands for.

    source: paper and section. fuzz: keys of [fuzz] it sets. limits: arguments of `Limits`; what a target declares
    itself goes before. operators: by modality, which operators are used and with which ranges; without an entry: the
    modality's default set. bound: limits of one modality alone, by its name. departs: where batching, or a limit of
    mlfuzz, departs from the source.
    """

    name: str
    summary: str
    source: str
    fuzz: Table = field(default_factory=dict)
    limits: Table = field(default_factory=dict)
    operators: Mapping[str, Ranges] = field(default_factory=dict)
    bound: Mapping[str, Table] = field(default_factory=dict)
    departs: str = ""


PRESETS: Registry[Preset] = Registry("preset", shipped=("mlfuzz.campaign.published",))


def settings(name: str) -> dict[str, Any]:
    """What a preset sets of the configuration. Raises UnknownNameError with the nearest name."""
    return {"fuzz": _fuzz(PRESETS.get(name))} if name != DEFAULT else {}


def with_preset(options: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a campaign, with what their `preset` sets where they say nothing themselves."""
    preset = PRESETS.get(str(options.get("preset", DEFAULT)))
    return {**_fuzz(preset), **options, "limits": with_limits(preset.name, options.get("limits", {}))}


def settings_of(preset: Preset) -> dict[str, Any]:
    """Scheduler, coverage, dealing and search under a preset, those included that it leaves at their defaults."""
    fuzz = Config().fuzz
    plain = {name: getattr(fuzz, name) for name in ("scheduler", "coverage", "deal", "depth", "search")}
    return {**plain, **_fuzz(preset)}


def _fuzz(preset: Preset) -> dict[str, Any]:
    """Whoever is compared with searches nothing that it does not say itself."""
    return dict(preset.fuzz) if preset.name == DEFAULT else {"search": {"name": "off"}, **preset.fuzz}


def with_limits(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """A target's own limits over those of the preset."""
    return {**PRESETS.get(name).limits, **own}


def guidance(spec: Any) -> dict[str, Any]:
    """All that guides, and nothing of the task: the same for two targets, sets of operators and limits of their own.

    spec: a `WorkerSpec`.
    """
    preset = PRESETS.get(spec.preset)
    return {
        "version": GUIDANCE_VERSION, "preset": spec.preset, "scheduler": spec.scheduler, "coverage": spec.coverage,
        "deal": spec.deal, "search": spec.search, "depth": spec.depth, "limits": preset.limits,
        "operators": preset.operators, "bound": preset.bound, **({"overlap": True} if spec.overlap else {}),
    }  # fmt: skip


def guidance_hash(spec: Any) -> str:
    """12 hex digits of `guidance`."""
    return hashlib.sha256(msgspec.json.encode(guidance(spec), order="sorted")).hexdigest()[:12]
