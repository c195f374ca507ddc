"""One finding run again from its files alone: against its own target or another, and whether its recipe still holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from mlfuzz.campaign.confirm.confirm import confirm
from mlfuzz.campaign.confirm.oracle_run import OracleRun
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import Payload, rebuild
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.targets.given import GivenTarget


def retry(target: GivenTarget, finding: Finding, files: Mapping[str, bytes], times: int) -> dict[str, Any]:
    """What `replay` reports: failed, times, answered, drifted, before, after, other, margin.

    drifted: why the chain no longer makes the stored input from the stored seed, or ""; the input decides.
    Raises ReplayError, BadInputError, SchemaError where it cannot be run.
    """
    modality = rebuild(finding.modality)
    CONTENTS.put_all(files[ref.file] for ref in finding.blobs)
    payload = modality.decode(files[finding.input.file], suffix=modality.suffix)
    seed = None if finding.seed is None else modality.decode(files[finding.seed.file], suffix=modality.suffix)
    result = confirm(target, finding, payload, seed, times=times, any_key=True)
    return {
        "failed": result.failed, "times": result.times, "answered": result.times, "other": result.other,
        "margin": result.margin, "drifted": drift(target, finding, payload, seed),
        "before": None if result.before is None else msgspec.to_builtins(result.before),
        "after": msgspec.to_builtins(result.after),
    }  # fmt: skip


def drift(target: GivenTarget, finding: Finding, payload: Payload, seed: Payload | None) -> str:
    """Why the recorded chain gives another input than the stored one here, or ""."""
    if seed is None or not finding.chain:
        return ""
    try:
        made = OracleRun(target, finding, seed).mutants([finding.chain]).payload(0)
    except MlfuzzError as error:
        return str(error)
    if isinstance(made, str) or isinstance(payload, str):
        return "" if made == payload else "the chain gives another text here"
    if made.shape != payload.shape:
        return f"the chain gives shape {made.shape} here, the stored input has {payload.shape}"
    differing = int(np.count_nonzero(made != payload))
    return f"the chain gives {differing} other values here" if differing else ""
