"""Variants of a target: what each gives, what it is compared with, and what is said where one cannot be had."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mlfuzz
from mlfuzz.batch import Rows, TensorRows, TextRows
from mlfuzz.errors import ConfigError, TargetError, UnknownNameError
from mlfuzz.findings.trust import FORMS
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.targets.calibrate import noises
from mlfuzz.targets.variants.base import VARIANTS, Varied, build, itself, nameable, varied
from mlfuzz.targets.variants.numeric import nearest_level
from mlfuzz.testing.puzzles import BatchCoupled

IMAGE = Image(size=(8, 8))


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))


def pictures(count: int = 9) -> TensorRows:
    torch.manual_seed(1)
    return TensorRows(torch.rand(count, 1, 8, 8), IMAGE).project()


def target(**options: object) -> mlfuzz.ModuleTarget:
    return mlfuzz.ModuleTarget("t", IMAGE, small(), labels="abcde", **options)  # type: ignore[arg-type]


class Masked(nn.Module):
    """Mean of embeddings over valid steps; `forgetful` counts padding too."""

    def __init__(self, *, forgetful: bool = False) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.embed, self.head = nn.Embedding(64, 6), nn.Linear(6, 3)
        self.forgetful = forgetful

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        share = torch.ones_like(mask).float() if self.forgetful else mask.float()
        mean = (self.embed(ids) * share[:, :, None]).sum(1) / share.sum(1, keepdim=True).clamp_min(1)
        scores: Tensor = self.head(mean)
        return scores


def letters(texts: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, texts), default=1) or 1
    ids = torch.tensor([[ord(char) % 64 for char in text.ljust(longest, "\0")] for text in texts])
    return ids, torch.arange(longest) < torch.tensor([[len(text)] for text in texts])


def reader(*, forgetful: bool = False) -> mlfuzz.ModuleTarget:
    model = Masked(forgetful=forgetful)
    return mlfuzz.ModuleTarget("reader", Text(max_chars=40), model, preprocess=letters, labels="xyz")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("fp16", "bf16", "int8", "int8-torch", "export", "single", "threads:2"),
        pytest.param("compile:eager", marks=pytest.mark.slow),
        pytest.param("compile", marks=pytest.mark.slow),
    ],
)
def test_a_variant_answers_each_row_near_to_the_target_in_any_batch(name: str) -> None:
    seen = varied(target(), [name]).run(pictures())
    other = seen.outputs[f"{name}.main"]
    assert isinstance(other, Tensor)
    assert other.shape == seen.main.shape
    assert other.dtype == torch.float32
    assert float((other - seen.main).abs().max()) < 0.05
    alone = varied(target(), [name]).run(pictures().part(3, 4)).outputs[f"{name}.main"]
    assert isinstance(alone, Tensor)
    assert float((alone - other[3:4]).abs().max()) < 0.01


@pytest.mark.parametrize("name", ["fp16", "bf16", "int8"])
def test_fewer_bits_change_the_numbers(name: str) -> None:
    seen = varied(target(), [name]).run(pictures())
    assert not torch.equal(seen.outputs[f"{name}.main"], seen.main)  # type: ignore[arg-type]


def test_int8_of_a_row_does_not_depend_on_an_extreme_neighbour() -> None:
    quiet, loud = pictures(2), pictures(2)
    loud.data[1] = 1.0
    one, other = (varied(target(), ["int8"]).run(rows).outputs["int8.main"] for rows in (quiet, loud))
    assert isinstance(one, Tensor)
    assert isinstance(other, Tensor)
    assert torch.allclose(one[0], other[0], atol=1e-6)


def test_rounding_keeps_zero_and_the_ends_of_the_range() -> None:
    values = torch.tensor([[-1.0, 0.0, 0.37, 3.0]])
    rounded = nearest_level(values, (1,))
    assert rounded[0, 1] == 0.0
    assert torch.allclose(rounded, values, atol=4.0 / 255)
    assert not torch.equal(rounded, values)


def test_a_model_with_operations_that_half_precision_lacks_runs_under_autocast() -> None:
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(5 * 8, 3)

        def forward(self, x: Tensor) -> Tensor:
            scores: Tensor = self.head(torch.fft.rfft(x[:, 0].float()).abs().flatten(1))
            return scores

    torch.manual_seed(0)
    both = varied(mlfuzz.ModuleTarget("s", IMAGE, Spectral()), ["bf16"])
    seen = both.run(pictures())
    assert both.parts[0].how == "autocast"
    assert 0 < float((seen.outputs["bf16.main"] - seen.main).abs().max()) < 0.5


def test_gradients_flow_through_the_target_and_its_variants() -> None:
    rows = pictures(2)
    rows.data.requires_grad_(True)
    outputs = varied(target(), ["bf16", "int8"]).outputs(rows)
    for name in ("main", "bf16.main", "int8.main"):
        (slope,) = torch.autograd.grad(outputs[name].sum(), rows.data, retain_graph=True)
        assert float(slope.abs().max()) > 0, name


def test_a_row_that_came_alone_is_compared_with_itself_in_company() -> None:
    coupled = mlfuzz.ModuleTarget("c", Image(size=(28, 28)), BatchCoupled(), labels="abc")
    torch.manual_seed(0)
    rows = TensorRows(torch.rand(3, 1, 28, 28), coupled.modality)
    both = varied(coupled, ["single"])
    together, alone = both.run(rows).outputs, both.run(rows.part(0, 1)).outputs
    assert torch.equal(together["single.base"], together["main"])  # type: ignore[arg-type]
    assert torch.equal(alone["single.main"], alone["main"])  # type: ignore[arg-type]
    assert not torch.allclose(together["single.main"], together["main"], atol=0.1)  # type: ignore[arg-type]
    assert not torch.allclose(alone["single.base"], alone["main"], atol=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("forgetful", [False, True])
def test_more_padding_matters_where_the_mask_is_forgotten(forgetful: bool) -> None:
    rows = TextRows(("some words", "a"), Text(max_chars=40))
    seen = varied(reader(forgetful=forgetful), ["padded"]).run(rows)
    same = torch.allclose(seen.outputs["padded.main"], seen.main, atol=1e-6)  # type: ignore[arg-type]
    assert same is not forgetful


def test_waveforms_of_free_length_are_padded_behind_it() -> None:
    def loudness(wave: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return wave, lengths

    class Mean(nn.Module):
        def forward(self, wave: Tensor, lengths: Tensor) -> Tensor:
            mean = wave[:, 0].mean(1)  # over the padding too: the fault
            return torch.stack([mean, -mean], 1)

    modality = Audio(sample_rate_hz=8000, seconds=None)
    rows = TensorRows(torch.full((2, 1, 100), 0.5), modality, torch.tensor([100, 100]))
    seen = varied(mlfuzz.ModuleTarget("m", modality, Mean(), preprocess=loudness), ["padded"]).run(rows)
    assert torch.allclose(seen.outputs["padded.main"][:, 0], torch.full((2,), 0.4))  # type: ignore[call-overload]


def test_padding_is_refused_where_nothing_says_what_it_is() -> None:
    with pytest.raises(TargetError, match="neither lengths nor a mask"):
        varied(target(), ["padded"]).run(pictures())


def test_a_target_brings_forms_of_its_own() -> None:
    other = small()
    with torch.no_grad():
        other[3].bias[1] += 3.0
    seen = varied(target(variants={"older": other}), ["older"]).run(pictures())
    shift = seen.outputs["older.main"] - seen.main  # type: ignore[operator]
    assert torch.allclose(shift, torch.tensor([0.0, 3.0, 0.0, 0.0, 0.0]).expand(9, 5), atol=1e-5)


def test_another_target_is_named_and_its_classes_put_in_order() -> None:
    turned = mlfuzz.ModuleTarget("turned", IMAGE, small(), labels="edcba")
    seen = varied(target(variants={"turned": turned}), ["turned"]).run(pictures())
    assert torch.allclose(seen.outputs["turned.main"], seen.main.flip(1))  # type: ignore[arg-type]
    seen = varied(_digits(), ["mlfuzz.examples.digits:fragile"]).run(
        TensorRows(torch.zeros(2, 1, 28, 28), Image(size=(28, 28)))
    )
    assert seen.outputs["mlfuzz.examples.digits:fragile.main"].shape == (2, 10)  # type: ignore[union-attr]


def _digits() -> mlfuzz.ModuleTarget:
    from mlfuzz.examples.digits import robust

    return robust()


def test_a_target_of_other_labels_or_inputs_is_refused() -> None:
    with pytest.raises(TargetError, match="labels"):
        varied(target(variants={"x": mlfuzz.ModuleTarget("x", IMAGE, small(), labels="vwxyz")}), ["x"])
    with pytest.raises(TargetError, match="the same inputs"):
        varied(target(variants={"x": mlfuzz.ModuleTarget("x", Image(size=(9, 9)), small())}), ["x"])


def test_an_unknown_name_answers_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'bf16'"):
        build(target(), "bf61")
    with pytest.raises(ConfigError, match="threads:4"):
        build(target(), "threads:many")


def test_a_function_has_no_other_precision_and_the_message_says_what_to_do() -> None:
    black_box = mlfuzz.CallableTarget("f", IMAGE, lambda x: x.flatten(1)[:, :5], labels="abcde")
    with pytest.raises(TargetError, match=r"mlfuzz\.ModuleTarget"):
        varied(black_box, ["bf16"])
    assert varied(black_box, ["single"]).run(pictures()).outputs["single.main"].shape == (9, 5)


class RaisesWhenBright(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if bool((x.flatten(1).mean(1) > 0.9).any()):
            raise ValueError("too bright")
        scores: Tensor = x.flatten(1)[:, :5]
        return scores


def test_a_row_on_which_only_the_variant_raises_has_no_answer_there() -> None:
    rows = pictures(4)
    rows.data[2] = 1.0
    seen = varied(target(variants={"strict": RaisesWhenBright()}), ["strict"]).run(rows)
    assert torch.isnan(seen.outputs["strict.main"]).all(1).tolist() == [False, False, True, False]  # type: ignore[arg-type]


def test_a_variant_that_raises_on_everything_cannot_run() -> None:
    rows = pictures(3)
    rows.data[:] = 1.0
    with pytest.raises(TargetError, match="variant strict of target t cannot run: ValueError: too bright"):
        varied(target(variants={"strict": RaisesWhenBright()}), ["strict"]).run(rows)


def test_a_target_without_variants_is_left_as_it_is() -> None:
    plain = target()
    assert varied(plain, []) is plain
    both = varied(plain, ["bf16"])
    assert isinstance(both, Varied)
    assert varied(both, []) is plain
    assert itself(both) is plain
    assert varied(both, ["bf16"]).parts[0] is both.parts[0], "variants are built once"
    assert both.digest != plain.digest


def test_noise_is_measured_for_each_variant() -> None:
    both = varied(target(), ["bf16", "int8"])
    rows = pictures()
    measured = noises(both, rows, both.run(rows))
    assert set(measured) == {"main", "bf16", "int8"}
    assert measured["main"][2] == 0.0
    for name in ("bf16", "int8"):
        single, spread, apart = measured[name]
        assert 0.0 <= single < apart
        assert 0.0 < spread < 1.0


def test_the_listed_variants_are_those_that_can_be_named_alone() -> None:
    assert {"bf16", "fp16", "int8", "compile", "export", "single", "padded", "threads"} <= set(nameable())
    assert not {"own", "checkpoint", "cost-seconds"} & set(nameable())


def test_rows_keep_their_order_where_each_is_run_alone() -> None:
    rows: Rows = pictures()
    order = np.asarray([4, 1, 7])
    both = varied(target(), ["single"])
    whole = both.run(rows).outputs["single.main"]
    part = both.run(rows.take(order)).outputs["single.main"]
    assert torch.allclose(part, whole[order], atol=1e-6)  # type: ignore[arg-type,index]


def test_every_other_name_with_a_colon_is_another_targets_and_known_as_such() -> None:
    assert set(VARIANTS.names()) - {"own", "checkpoint"} == FORMS
