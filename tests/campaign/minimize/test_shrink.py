"""A shrunk chain is simpler in one total order, and fails for the same reason."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from torch import Tensor

from mlfuzz.campaign.confirm.complexity import dominant, order
from mlfuzz.campaign.minimize.shrink import shrink
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.modality.image import Image
from mlfuzz.mutation import Chain, Mutation
from mlfuzz.targets.callable import CallableTarget

IMAGE = Image(size=(12, 12))
SEED = np.full((1, 12, 12), 100, np.uint8)


def brighter_is_one(images: Tensor) -> Tensor:
    mean = images.flatten(1).mean(1)
    return torch.stack([torch.full_like(mean, 0.5), mean, torch.full_like(mean, -1.0)], 1)


TARGET = CallableTarget("t", IMAGE, brighter_is_one, labels=("dark", "bright", "never"))


def finding(chain: Chain) -> Finding:
    reference = FileRef("input.png", hashlib.sha256(b"").hexdigest())
    return Finding(
        id="0" * 16, side="model", kind="label", target="t", input=reference, seed=reference, label="dark",
        chain=chain, first_chain=chain, oracle={"name": "label"}, key="label|1", floor=1e-4,
    )  # fmt: skip


def step(name: str, **params: float | int) -> Mutation:
    return Mutation(f"image.{name}", {key: _recorded(value) for key, value in params.items()})


def _recorded(value: float | int) -> float | int:
    return float(np.float32(value)) if isinstance(value, float) else value


def test_steps_that_do_nothing_for_the_failure_are_dropped_and_the_rest_made_mild() -> None:
    chain = (step("rotate", degrees=9.0), step("brightness", delta=0.37), step("blur_gauss", sigma=0.01))
    names = {part.name for part in chain}
    assert len(names) == 3
    result = shrink(TARGET, finding(_fitting(chain)), SEED, seconds=10)
    assert result is not None
    assert [one.name for one in result.chain] == ["image.brightness"]
    delta = next(iter(result.chain[0].params.values()))
    assert 0.108 < float(delta) < 0.13  # 100/255 needs 0.1078 more to pass 0.5
    assert result.margin is not None
    assert result.margin > 0


def test_two_halves_of_one_step_become_one() -> None:
    chain = _fitting((step("brightness", delta=0.06), step("brightness", delta=0.07)))
    result = shrink(TARGET, finding(chain), SEED, seconds=10)
    assert result is not None
    assert len(result.chain) == 1


def test_a_chain_that_does_not_fail_from_its_seed_is_left_alone() -> None:
    assert shrink(TARGET, finding(_fitting((step("brightness", delta=0.05),))), SEED, seconds=5) is None


def test_fewer_steps_come_before_milder_ones() -> None:
    one = _fitting((step("brightness", delta=0.3),))
    two = _fitting((step("brightness", delta=0.06), step("brightness", delta=0.07)))
    assert order(one) < order(two)
    milder = _fitting((step("brightness", delta=0.1),))
    assert order(milder) < order(one)
    assert dominant((*milder, *one)) == "image.brightness"
    assert dominant(()) == ""


@pytest.mark.parametrize("other", ["label|2", "label|0"])
def test_a_shrink_never_drifts_to_another_key(other: str) -> None:
    import msgspec

    chain = _fitting((step("brightness", delta=0.37),))
    drifting = msgspec.structs.replace(finding(chain), key=other)
    assert shrink(TARGET, drifting, SEED, seconds=5) is None


def _fitting(chain: Chain) -> Chain:
    """With the names of parameters that the operators have, whatever they are called."""
    from mlfuzz.mutators.base import MUTATORS

    fitted = []
    for mutation in chain:
        names = list(MUTATORS.get(mutation.name).space)
        assert len(names) == len(mutation.params) == 1, mutation.name
        fitted.append(Mutation(mutation.name, {names[0]: next(iter(mutation.params.values()))}))
    return tuple(fitted)
