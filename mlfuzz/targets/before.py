"""Digests as they were made by the first scheme, for campaigns that were begun with one: 64 hex digits, no number."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from mlfuzz.targets.programs import programs
from mlfuzz.targets.source import source_of
from mlfuzz.targets.weights import bits_of


def of_module(model: nn.Module, preprocess: Any, facts: tuple[Any, ...]) -> str:
    """facts: name and description of the modality, the labels, and what else is declared."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode())
        if isinstance(value, Tensor):
            digest.update(str(value.dtype).encode() + bits_of(value))
    for part in (type(model), preprocess):
        digest.update(source_of(part).encode())
    for program in programs(model):
        digest.update(program)
    digest.update(repr((*facts[:3], torch.__version__, *facts[3:])).encode())
    return digest.hexdigest()


def of_function(function: Any, facts: tuple[Any, ...], named: str = "") -> str:
    """facts: name and description of the modality, and the labels. named: what the function says that it is made of."""
    head, declared = facts[:3], facts[3:]
    parts = (source_of(function), *head, torch.__version__, *declared, *([named] if named else []))
    return hashlib.sha256(repr(parts).encode()).hexdigest()
