"""The bits of a weight, whatever its type: part of a target's digest."""

from __future__ import annotations

import torch
from torch import Tensor


def bits_of(value: Tensor) -> bytes:
    """The values of a parameter or buffer as bytes, without its shape.

    Of a sparse tensor the stored values and their places, of a quantised one the whole numbers and their scales; b"" of
    one that holds no values (on the meta device, or of a lazy layer that has not run).
    """
    if torch.nn.parameter.is_lazy(value) or value.is_meta:
        return b""
    value = value.detach().cpu()
    if value.layout != torch.strided or value.is_nested:
        return b"".join(bits_of(part) for part in _stored(value))
    if value.is_quantized:
        return bits_of(value.int_repr()) + repr(_scales(value)).encode()
    # NumPy has no bfloat16 and no float8. The bytes of all other types are the same this way.
    flat = value.resolve_conj().resolve_neg().contiguous().view(-1)
    return flat.view(torch.uint8).numpy().tobytes()


def _stored(value: Tensor) -> tuple[Tensor, ...]:
    if value.is_nested:
        return value.unbind()
    if value.layout == torch.sparse_coo:
        value = value.coalesce()
        return value.indices(), value.values()
    if value.layout in (torch.sparse_csr, torch.sparse_bsr):
        return value.crow_indices(), value.col_indices(), value.values()
    if value.layout in (torch.sparse_csc, torch.sparse_bsc):
        return value.ccol_indices(), value.row_indices(), value.values()
    return (value.to_dense(),)


def _scales(value: Tensor) -> tuple[object, ...]:
    if value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return (value.q_scale(), value.q_zero_point())
    return (
        value.q_per_channel_axis(),
        value.q_per_channel_scales().tolist(),
        value.q_per_channel_zero_points().tolist(),
    )
