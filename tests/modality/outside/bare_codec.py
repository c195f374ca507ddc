"""The least that a modality can be: a codec and an operator. It names nothing else."""

import numpy as np
import torch

import mlfuzz
from mlfuzz.errors import BadInputError
from mlfuzz.modality.base import MODALITIES
from mlfuzz.mutators.base import mutator
from mlfuzz.mutators.param import Real


class Pair:
    """Two numbers in [0, 1], as text."""

    name, suffix, reads = "pair", ".pair", (".pair",)
    levels, low, high, ragged = None, 0.0, 1.0, False

    def decode(self, data, *, suffix=""):
        try:
            left, right = map(float, data.decode().split())
        except ValueError as error:
            raise BadInputError("no pair", str(error)) from error
        return np.asarray([left, right], np.float32)

    def encode(self, payload):
        return " ".join(repr(float(value)) for value in payload).encode()

    def describe(self):
        return {}


@mutator("pair.raise", kind="level", amount=Real(0.0, 0.9, neutral=0.0))
def raised(rows, *, amount):
    """Add `amount` to both."""
    return rows.with_data(rows.data + amount[:, None])


class Order(torch.nn.Module):
    def forward(self, x):
        return torch.where(x.amin(1, keepdim=True) > 0.8, torch.nan, x)


def order():
    return mlfuzz.ModuleTarget("order", Pair(), Order(), labels=("left", "right"))


MODALITIES.add("pair", Pair)
