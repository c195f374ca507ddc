"""Findings to test with."""

from __future__ import annotations

import hashlib
from typing import Any

from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.mutation import Mutation


def sample(number: int = 0, **changes: Any) -> tuple[Finding, dict[str, bytes]]:
    """A finding of a model and its files; another one for each number."""
    files = {"input.png": b"input %d" % number, "seed.png": b"seed"}
    given: dict[str, Any] = {
        "id": identify(files["input.png"], "digits", "label"), "side": "model", "kind": "label", "target": "digits",
        "load": "examples:digits", "modality": {"name": "image", "size": [4, 4]}, "oracle": {"name": "label"},
        "input": ref("input.png", files["input.png"]), "seed": ref("seed.png", files["seed.png"]),
        "chain": (Mutation("image.rotate", {"degrees": 7.25}),), "expected": "7", "observed": "1", "margin": 0.5,
    }  # fmt: skip
    return Finding(**{**given, **changes}), files


def ref(name: str, data: bytes) -> FileRef:
    return FileRef(name, hashlib.sha256(data).hexdigest())
