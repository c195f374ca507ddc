"""Alone, at batch 1, three times: confirmed or flaky."""

from __future__ import annotations

import numpy as np
import pytest
from campaign.bright import BRIGHT, SEED, found, scores, target

from mlfuzz.campaign.confirm.confirm import confirm, with_verdict

DARK = np.full((1, 12, 12), 101, np.uint8)


class Moody:
    """Calls a bright picture dark from the nth single picture on."""

    def __init__(self, after: int) -> None:
        self.after, self.calls = after, 0

    def __call__(self, images):
        answer = scores(images)
        if float(images.mean()) > 0.5 and len(images) == 1:
            self.calls += 1
            if self.calls > self.after:
                answer[:, 1] = 0.0
        return answer


def test_what_fails_each_time_is_confirmed_and_says_what_was_seen():
    finding, _ = found()
    result = confirm(target(), finding, BRIGHT, SEED)
    assert (result.failed, result.times, result.confirmed) == (3, 3, True)
    assert result.before is not None
    assert (result.before.label, result.after.label) == ("dark", "bright")
    assert result.margin == pytest.approx(160 / 255 - 0.5, abs=1e-6)
    confirmed = with_verdict(finding, result, alone_in="fresh process")
    assert (confirmed.verdict, confirmed.confirmed) == ("confirmed", "3/3")
    assert confirmed.evidence["confirmed_in"] == "fresh process"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_what_fails_not_each_time_is_flaky_with_its_count(after):
    finding, _ = found()
    result = confirm(target(Moody(after)), finding, BRIGHT, SEED)
    flaky = with_verdict(finding, result, alone_in="calling process")
    assert (flaky.verdict, flaky.confirmed) == ("flaky", f"{after}/3")


def test_the_least_margin_of_all_runs_is_kept():
    result = confirm(target(Moody(2)), found()[0], BRIGHT, SEED)
    assert result.margin is not None
    assert result.margin < 0


@pytest.mark.parametrize(("margin", "same"), [(160 / 255 - 0.5, True), (0.5, False), (None, None)])
def test_whether_the_campaigns_own_value_came_back_is_said(margin, same):
    assert confirm(target(), found(margin=margin)[0], BRIGHT, SEED).same_value is same


def test_another_failure_than_its_own_confirms_nothing_but_where_any_counts():
    other, _ = found(key="label|2")
    assert confirm(target(), other, BRIGHT, SEED).failed == 0
    assert confirm(target(), other, BRIGHT, SEED, any_key=True).failed == 3


def test_an_exception_instead_of_the_failure_is_told():
    def broken(images):
        if float(images.mean()) > 0.5:
            raise KeyError("gone")
        return scores(images)

    finding, _ = found()
    result = confirm(target(broken), finding, BRIGHT, SEED)
    assert (result.failed, result.margin) == (0, None)
    flaky = with_verdict(finding, result, alone_in="fresh process")
    assert "KeyError" in flaky.evidence["failed_otherwise"]
    assert flaky.verdict == "flaky"


def test_an_input_that_does_not_fail_any_more_is_not_confirmed():
    assert confirm(target(), found(DARK)[0], DARK, SEED).failed == 0
