"""Inputs of several sizes: fuzzed in batches of one size, or refused before anything runs with the line to write."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import nn

import mlfuzz
from mlfuzz.batch import from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.errors import TargetError
from mlfuzz.targets.check import check
from mlfuzz.targets.sizes import lines, require_sizes, trials
from mlfuzz.testing.robust import assert_robust
from zoo.line import walk

SIZES = ((16, 16), (16, 24), (24, 16))
ANY = mlfuzz.Image(size=None)


class Quarters(nn.Module):
    """Which quarter is bright. only: the one size that is taken; else any."""

    def __init__(self, only: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.pool, self.act, self.only = nn.AdaptiveAvgPool2d(2), nn.ReLU(), only

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.only and tuple(x.shape[2:]) != self.only:
            raise ValueError(f"it takes {self.only} alone")
        return self.act(self.pool(x)).flatten(1)


def pictures(folder, sizes=SIZES, each=3):
    rng = np.random.default_rng(0)
    for at in range(4 * each):
        height, width = sizes[at % len(sizes)]
        pixels = rng.integers(0, 60, (height, width), np.uint8)
        down, right = divmod(at // each, 2)
        pixels[down * height // 2 :, right * width // 2 :][: height // 2, : width // 2] += 150
        path = folder / str(at // each) / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(pixels).save(path)
    return folder


def quarters(only=()):
    return mlfuzz.ModuleTarget("quarters", ANY, Quarters(only), labels="0123")


def payloads(folder, **more):
    return [seed.payload for seed in load_seeds(pictures(folder, **more), ANY).seeds]


def test_a_target_of_any_size_is_said_to_be_run_on_each(tmp_path):
    target, given = quarters(), payloads(tmp_path)
    (line,) = lines(target, trials(target, given))
    assert line == (
        "ok", "seeds of 3 sizes are run, each in batches of its own: 16 x 16 (4), 16 x 24 (4), 24 x 16 (4)"
    )  # fmt: skip


def test_a_target_of_one_size_is_refused_with_the_size_to_declare(tmp_path):
    target, given = quarters((16, 24)), payloads(tmp_path)
    ((level, text),) = lines(target, trials(target, given))
    assert level == "fail"
    assert text == (
        "target quarters answers on seeds of 16 x 24 alone (4 of 12), not on 16 x 16 (ValueError: it takes (16, 24) "
        "alone); declare the size: Image(size=(16, 24))"
    )


def test_answers_that_grow_with_the_input_are_refused(tmp_path):
    target = mlfuzz.ModuleTarget("maps", ANY, nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU()))
    ((level, text),) = lines(target, trials(target, payloads(tmp_path)))
    assert level == "fail"
    assert text.endswith("declare one size: Image(size=(16, 16))")


def test_a_few_seeds_of_a_size_that_is_not_taken_are_left_out_and_named(tmp_path):
    sizes = ((16, 16),) * 11 + ((16, 24),)
    target, given = quarters((16, 16)), payloads(tmp_path, sizes=sizes)
    told = list(lines(target, trials(target, given)))
    assert [level for level, _ in told] == ["ok", "warn"]
    assert told[1][1].startswith("raises on 16 x 24 (1 seeds, which are left out): ValueError")
    seen = quarters().run(from_payloads(given[:1], ANY, torch.device("cpu")))
    answers = [seen if one.shape == (1, 16, 16) else None for one in given]
    assert require_sizes(target, given, answers) == [
        "the target raises on all seeds of 16 x 24 (1); those of 16 x 16 (11) are fuzzed"
    ]


def test_a_campaign_is_refused_before_anything_runs(tmp_path):
    pictures(tmp_path / "seeds")
    with pytest.raises(TargetError, match=r"answers on seeds of 16 x 16 alone .*: Image\(size=\(16, 16\)\)$"):
        mlfuzz.Campaign.open(tmp_path / "c", quarters((16, 16)), seeds=tmp_path / "seeds", batch=16)


def test_a_model_that_takes_no_lengths_is_told_what_to_write():
    class Deaf(nn.Module):
        def forward(self, x):
            return x.mean(-1)

    target = mlfuzz.ModuleTarget("deaf", mlfuzz.Audio(sample_rate_hz=8000, seconds=None), Deaf())
    sounds = [np.full((1, length), 9, np.int16) for length in (400, 500)]
    (line,) = list(check(target, sounds, [None, None]))
    assert line.level == "fail"
    assert line.text.endswith("or declare one length: Audio(seconds=1.0)")


def test_robustness_of_one_size_says_what_it_did_not_try(tmp_path):
    pictures(tmp_path / "seeds")
    with pytest.warns(UserWarning, match=r"8 of 12 seeds of quarters are not of 16 x 16: not tried; declare one size"):
        assert_robust(quarters(), tmp_path / "seeds", inputs=64, max_failure_rate=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [SIZES, tuple((16 + at, 16 + 2 * at) for at in range(12))], ids=["few", "all"])
def test_several_sizes_come_through_the_whole_line(sizes, tmp_path):
    pictures(tmp_path / "seeds", sizes)
    walked = walk(quarters(), tmp_path / "seeds", tmp_path / "c", inputs=400)
    assert walked.ready
    assert walked.stats.seeds.usable == 12
    assert walked.stats.inputs >= 400
    assert not [one for one in walked.findings if one.verdict == "flaky"]


@pytest.mark.slow
def test_sounds_of_any_length_come_through_the_whole_line(tmp_path):
    class Mean(nn.Module):
        """The mean of the samples that are there, against what it is for half of them."""

        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            inside = torch.arange(x.shape[-1], device=x.device)[None] < lengths[:, None]
            mean = (self.act(x.abs()) * inside[:, None]).sum(-1) / lengths[:, None]
            return torch.cat([mean, 0.25 - mean], 1)

    waves = [np.sin(np.arange(800 + 100 * at) * 0.1 * (at + 1))[None] for at in range(6)]
    audio = mlfuzz.Audio(sample_rate_hz=8000, seconds=None)
    (tmp_path / "seeds").mkdir()
    for at, wave in enumerate(waves):
        (tmp_path / "seeds" / f"{at}.flac").write_bytes(audio.encode((wave * 20000).astype(np.int16)))
    walked = walk(mlfuzz.ModuleTarget("mean", audio, Mean()), tmp_path / "seeds", tmp_path / "c", inputs=400)
    assert walked.ready
    assert walked.stats.seeds.usable == 6
