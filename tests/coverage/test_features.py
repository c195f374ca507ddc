"""What of an observation a criterion may look at."""

from __future__ import annotations

import zlib

import pytest
import torch

from mlfuzz.coverage.features import TEXT_BINS, extractor, numbers, spans
from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.observation import Observation, Ragged
from mlfuzz.testing.stream import LAYERS, UNITS, Columns

SEEN = Observation({"main": torch.arange(24.0).view(4, 2, 3) - 12}, torch.arange(4.0 * UNITS).view(4, UNITS))
BLACK_BOX = Observation(SEEN.outputs, torch.zeros((4, 0)))


def test_pooled_is_every_unit_or_the_columns_asked_for() -> None:
    assert torch.equal(extractor("pooled")(SEEN), SEEN.activations)
    assert torch.equal(extractor("pooled", columns=slice(3, 9))(SEEN), SEEN.activations[:, 3:9])


def test_penultimate_is_the_last_layer_that_is_watched() -> None:
    assert torch.equal(extractor("penultimate", layers=LAYERS)(SEEN), SEEN.activations[:, 32:])
    assert torch.equal(extractor("penultimate", columns=slice(0, 2))(SEEN), SEEN.activations[:, :2])


def test_logits_are_the_main_output_flattened() -> None:
    assert torch.equal(extractor("logits")(SEEN), SEEN.main.view(4, 6))


def test_sum_abs_logits_is_one_number_a_row() -> None:
    assert extractor("sum_abs_logits")(SEEN)[0].item() == 12 + 11 + 10 + 9 + 8 + 7


@pytest.mark.parametrize("name", ["pooled", "penultimate"])
def test_a_black_box_is_seen_by_its_outputs(name: str) -> None:
    assert torch.equal(extractor(name, layers=LAYERS)(BLACK_BOX), SEEN.main.view(4, 6))


def test_an_unknown_feature_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="penultimate"):
        extractor("penultimat")


def test_penultimate_asks_for_layers() -> None:
    with pytest.raises(ConfigError, match="layers"):
        extractor("penultimate")


def test_layers_are_used_only_where_they_are_those_of_the_features() -> None:
    assert spans(LAYERS, UNITS) == [slice(0, 32), slice(32, 48)]
    assert spans(LAYERS, 6) == [slice(0, 6)]
    assert spans([Columns("only", 0, 6)], 6) == [slice(0, 6)]


def test_padding_behind_a_sequence_is_not_looked_at() -> None:
    values = torch.arange(12.0).view(2, 3, 2)
    padded = torch.cat([values, torch.full((2, 2, 2), 1e6)], 1)
    lengths = torch.tensor([3, 3])
    assert torch.equal(numbers(Ragged(values, lengths)), numbers(Ragged(padded, lengths)))
    assert numbers(Ragged(values, lengths)).shape == (2, 3)


def test_texts_are_numbers_that_depend_on_the_text_alone() -> None:
    seen = numbers(("hello world", "hello worle", "", "hello world"))
    assert seen.shape == (4, TEXT_BINS + 1)
    assert torch.isfinite(seen).all()
    assert torch.equal(seen[0], seen[3])
    assert not torch.equal(seen[0], seen[1])
    assert (
        seen[0, :TEXT_BINS].nonzero().flatten().tolist()
        == numbers(("hello world",))[0, :TEXT_BINS].nonzero().flatten().tolist()
    )


def test_a_batch_of_texts_counts_three_bytes_in_a_row_as_each_text_does_alone() -> None:
    texts = ("", "a", "ab", "abc", "abcd", "é漢\U0001f600", "\ud800x", "cat", "cat", "a" * 300, "\0\0\0", "")
    seen = numbers(texts)
    for row, text in enumerate(texts):
        data = text.encode("utf-8", "surrogatepass")
        counts = torch.zeros(TEXT_BINS)
        for at in range(max(1, len(data) - 2)):
            counts[zlib.crc32(data[at : at + 3]) % TEXT_BINS] += 1.0
        torch.testing.assert_close(seen[row, :-1], counts / max(1, len(data) - 2), rtol=0, atol=0)
        assert torch.equal(seen[row], numbers((text,))[0])
