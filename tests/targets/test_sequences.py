"""Sequence models are watched over time: every valid step counts, padding never does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlfuzz.batch import TensorRows, TextRows, from_payloads
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.text import Text
from mlfuzz.observation import Observation, Ragged
from mlfuzz.targets.hooks import Watcher, reduce, rows_first
from mlfuzz.targets.module import ModuleTarget

TEXT = Text(max_chars=40)
WORDS = ("sixteen", "a", "seventeen")


def padded_to(length: int, key: str = "mask"):
    def encode(texts: tuple[str, ...]) -> dict[str, Tensor]:
        ids = torch.zeros((len(texts), length), dtype=torch.int64)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = torch.tensor([ord(char) for char in text])
        valid = ids > 0
        return {"ids": ids, key: ~valid if "padding" in key else valid}

    return encode


class Reader(nn.Module):
    """Embedded characters through `layer`, without a thought for padding."""

    def __init__(self, layer: nn.Module, *, time_first: bool = False) -> None:
        super().__init__()
        self.embed, self.layer, self.time_first = nn.Embedding(128, 8), layer, time_first

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        embedded = self.embed(ids)
        found = self.layer(embedded.transpose(0, 1) if self.time_first else embedded)
        found = found[0] if isinstance(found, tuple) else found
        return (found[0] if self.time_first else found[:, 0])[:, :2]


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.layer = nn.Embedding(128, 8), nn.GRU(8, 5, batch_first=True)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(ids), mask.sum(1), True, enforce_sorted=False)
        return self.layer(packed)[1][-1]


class Masked(nn.Module):
    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
        self.embed, self.batch_first = nn.Embedding(128, 8), batch_first
        self.layer = nn.TransformerEncoder(block, 2, enable_nested_tensor=batch_first)

    def forward(self, ids: Tensor, src_key_padding_mask: Tensor) -> Tensor:
        embedded = self.embed(ids) if self.batch_first else self.embed(ids).transpose(0, 1)
        found = self.layer(embedded, src_key_padding_mask=src_key_padding_mask)
        return (found if self.batch_first else found.transpose(0, 1))[:, 0, :2]


def reader(kind: str) -> nn.Module:
    torch.manual_seed(0)
    made = {
        "lstm": lambda: Reader(nn.LSTM(8, 5, batch_first=True)),
        "lstm, time first": lambda: Reader(nn.LSTM(8, 5), time_first=True),
        "gru": lambda: Reader(nn.GRU(8, 5, batch_first=True)),
        "packed gru": Packed,
        "transformer": lambda: Masked(batch_first=True),
        "transformer, time first": lambda: Masked(batch_first=False),
    }
    return made[kind]()


KINDS = ("lstm", "lstm, time first", "gru", "packed gru", "transformer", "transformer, time first")


def watched(kind: str, length: int, words: tuple[str, ...] = WORDS) -> Tensor:
    key = "src_key_padding_mask" if "transformer" in kind else "mask"
    target = ModuleTarget("reader", TEXT, reader(kind), preprocess=padded_to(length, key))
    return target.run(TextRows(words, TEXT)).activations


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", KINDS)
def test_padding_never_counts(kind: str) -> None:
    short, long = watched(kind, 9), watched(kind, 33)
    assert short.shape[1] == (16 if "transformer" in kind else 5)
    assert short.abs().min(0).values.max() > 0
    assert torch.allclose(short, long, atol=1e-5)
    assert torch.allclose(watched(kind, 12, WORDS[1:2]), short[1:2], atol=1e-5)


def test_an_lstm_is_averaged_over_the_valid_steps() -> None:
    model = reader("lstm")
    with torch.no_grad():
        steps, _ = model.layer(model.embed(torch.tensor([[ord(char) for char in WORDS[0]]])))
    assert torch.allclose(watched("lstm", 20)[0], steps[0].mean(0), atol=1e-6)


def test_as_many_steps_as_rows_are_not_taken_for_rows() -> None:
    alone = torch.cat([watched("lstm, time first", 9, (word,)) for word in WORDS])
    assert torch.allclose(watched("lstm, time first", len(WORDS[2]), WORDS), alone, atol=1e-6)
    square = torch.arange(18.0).reshape(3, 3, 2)
    assert torch.equal(rows_first(nn.LSTM(2, 2), square)[0], square.transpose(0, 1))
    assert torch.equal(rows_first(nn.LSTM(2, 2, batch_first=True), square)[0], square)


def test_attention_is_watched_unless_its_block_is() -> None:
    alone = nn.ModuleDict({"attend": nn.MultiheadAttention(8, 2, batch_first=True)})
    assert list(Watcher(alone, None)._modules) == ["attend"]
    block = nn.ModuleDict({"block": nn.TransformerEncoderLayer(8, 2, batch_first=True)})
    assert list(Watcher(block, None)._modules) == ["block"]


def test_a_layer_that_does_not_answer_row_by_row_is_not_watched() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
            self.act(ids.float()[:1])
            return self.act(ids.float())

    target = ModuleTarget("pooled", TEXT, Pooled(), preprocess=padded_to(9))
    target.run(TextRows(WORDS, TEXT))
    assert [(layer.call, layer.units) for layer in target.layers] == [(1, 9)]


AUDIO = Audio(sample_rate_hz=16_000, seconds=None)


class Spectral(nn.Module):
    """Frames of 100 samples, as (B, C, T) or with an axis of bands as (B, C, F, T); + 1 where there is silence."""

    def __init__(self, *, bands: bool = False) -> None:
        super().__init__()
        self.bands, self.act = bands, nn.ReLU()

    def forward(self, waves: Tensor, lengths: Tensor) -> Tensor:
        frames = waves.unfold(2, 100, 100).mean(3)
        frames = torch.where(frames == 0, 1.0, frames)
        if self.bands:
            frames = frames[:, :, None].expand(-1, -1, 3, -1)
        return self.act(frames).flatten(1).amax(1, keepdim=True)


def waves(*lengths: int) -> TensorRows:
    payloads = [np.full((1, length), 8192, np.int16) for length in lengths]
    rows = from_payloads(payloads, AUDIO, torch.device("cpu"))
    assert isinstance(rows, TensorRows)
    return rows


@pytest.mark.parametrize("bands", [False, True])
def test_the_lengths_of_waveforms_are_the_mask_where_there_is_no_other(bands: bool) -> None:
    target = ModuleTarget("spectral", AUDIO, Spectral(bands=bands))
    seen = target.run(waves(400, 1600, 800))
    assert seen.activations.flatten().tolist() == [0.25, 0.25, 0.25]


def test_what_stands_in_padding_may_even_be_no_number() -> None:
    values = torch.tensor([[[1.0], [torch.nan]], [[2.0], [4.0]]])
    mask = torch.tensor([[True, False], [True, True]])
    assert reduce(values, True, mask).flatten().tolist() == [1.0, 3.0]
    assert reduce(values.transpose(1, 2), False, mask).flatten().tolist() == [1.0, 3.0]


def test_answers_as_long_as_their_batch_stand_side_by_side() -> None:
    def seen(rows: int, steps: int) -> Observation:
        return Observation({"main": torch.ones(rows, steps, 2)}, torch.zeros(rows, 0))

    joined = Observation.join([seen(2, 3), seen(1, 5)]).outputs["main"]
    assert isinstance(joined, Ragged)
    assert joined.lengths.tolist() == [3, 3, 5]
    assert joined.values.sum((1, 2)).tolist() == [6.0, 6.0, 10.0]
