"""What `mlfuzz check --variants` says of each form of a target."""

from __future__ import annotations

import torch
from torch import nn

import mlfuzz
from mlfuzz.modality.image import Image
from mlfuzz.targets.variants.check import check_variants

IMAGE = Image(size=(8, 8))


def lines(names: list[str]) -> dict[str, tuple[str, str]]:
    torch.manual_seed(0)
    one, other = (nn.Sequential(nn.Flatten(), nn.Linear(64, 4)) for _ in range(2))
    target = mlfuzz.ModuleTarget("t", IMAGE, one, variants={"other": other})
    payloads = [torch.randint(0, 256, (1, 8, 8), dtype=torch.uint8).numpy() for _ in range(6)]
    found = check_variants(target, payloads, names)
    return {name: (line.level, line.text) for name, line in zip(names, found, strict=True)}


def test_a_near_form_is_fine_and_another_model_is_pointed_out() -> None:
    found = lines(["bf16", "other"])
    assert found["bf16"][0] == "ok"
    assert "0 of 6 answers differ" in found["bf16"][1]
    assert found["other"][0] == "warn"
    assert "0 of 6 answers differ" not in found["other"][1]


def test_a_form_that_cannot_be_had_is_told_once_with_its_remedy() -> None:
    level, text = lines(["padded"])["padded"]
    assert level == "warn"
    assert text.startswith("variant padded: target t takes neither")
    assert "mask" in text


def test_without_names_what_the_target_brings_comes_first() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    target = mlfuzz.ModuleTarget("t", IMAGE, model, variants={"other": model})
    payload = torch.zeros((1, 8, 8), dtype=torch.uint8).numpy()
    first = next(iter(check_variants(target, [payload])))
    assert first.text.startswith("variant other: apart by up to 0 on the seeds")
