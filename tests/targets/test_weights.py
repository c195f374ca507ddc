"""Weights of every type are part of a target's digest."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.weights import bits_of

IMAGE = Image(size=(2, 2))
FLOATS = (
    torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2,
    torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
)  # fmt: skip


class Scaled(nn.Module):
    """Weights of any type, kept as they are and multiplied in float32, as 8-bit checkpoints are."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.to(torch.float32)  # type: ignore[operator]


def digest(weight: Tensor) -> str:
    return ModuleTarget("t", IMAGE, Scaled(weight)).digest


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_weights_of_any_float_type_have_a_digest_that_follows_them(dtype: torch.dtype) -> None:
    weight = torch.tensor([[1.0, 2.0], [4.0, 8.0], [1.0, 1.0], [2.0, 2.0]])
    other = weight.clone()
    other[0, 0] = 2.0
    assert digest(weight.to(dtype)) == digest(weight.to(dtype))
    assert digest(weight.to(dtype)) != digest(other.to(dtype))
    assert digest(weight.to(dtype)) != digest(weight)


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, torch.float16, torch.float64, torch.int8, torch.int64, torch.bool, torch.complex64],
    ids=str,
)
def test_what_had_a_digest_before_keeps_it(dtype: torch.dtype) -> None:
    for weight in (torch.eye(3).to(dtype), torch.eye(3).to(dtype)[1:].T, torch.tensor(1).to(dtype), torch.ones(0, 2)):
        assert bits_of(weight) == weight.contiguous().view(-1).numpy().tobytes()


def quantised(value: Tensor) -> Tensor:
    return torch.quantize_per_tensor(value, 0.5, 0, torch.qint8)


def by_channel(value: Tensor) -> Tensor:
    return torch.quantize_per_channel(value, torch.full((4,), 0.5), torch.zeros(4), 0, torch.qint8)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch says of some of these that they are in beta
@pytest.mark.parametrize(
    "made",
    [
        Tensor.to_sparse, Tensor.to_sparse_csr, Tensor.to_sparse_csc, Tensor.to_mkldnn, quantised, by_channel,
        lambda value: torch.nested.nested_tensor([value, value[:2]]), lambda value: torch.complex(value, value).conj(),
        lambda value: value.to(torch.complex32),
    ],
    ids=["sparse", "csr", "csc", "mkldnn", "quantised", "by channel", "nested", "conjugate", "complex32"],
)  # fmt: skip
def test_weights_of_any_layout_are_told_apart(made: object) -> None:
    one, other = torch.eye(4), torch.eye(4)
    other[1, 1] = 2.0
    assert callable(made)
    assert bits_of(made(one)) == bits_of(made(one))
    assert bits_of(made(one)) != bits_of(made(other))


def test_scales_of_quantised_weights_count() -> None:
    same = torch.ones(4, 4)
    assert bits_of(quantised(same)) != bits_of(torch.quantize_per_tensor(same / 2, 0.25, 0, torch.qint8))


def test_weights_without_values_have_no_bits() -> None:
    assert bits_of(torch.ones(2, device="meta")) == b""
    assert bits_of(nn.UninitializedParameter()) == b""


def test_a_model_in_bfloat16_runs() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU()).to(torch.bfloat16)
    target = ModuleTarget("t", IMAGE, model, preprocess=lambda images: images.to(torch.bfloat16), labels="abc")
    seen = target.run(TensorRows(torch.rand(5, 1, 2, 2), IMAGE).project())
    assert seen.main.shape == (5, 3)
    assert seen.activations.dtype == torch.float32
    assert target.digest.startswith("2:")
