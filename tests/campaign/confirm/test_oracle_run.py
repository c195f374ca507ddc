"""Inputs of one's choice before a finding's own oracle."""

from __future__ import annotations

import numpy as np
import pytest
from campaign.bright import BRIGHT, BRIGHTER, SEED, found, scores, target

from mlfuzz.campaign.confirm.oracle_run import OracleRun
from mlfuzz.errors import ReplayError
from mlfuzz.mutation import Mutation

DARK = np.full((1, 12, 12), 120, np.uint8)


def trial(answer=scores, **changes):
    return OracleRun(target(answer), found(**changes)[0], SEED)


def raises_when_bright(images):
    if float(images.flatten(1).mean(1).max()) > 0.6:
        raise ValueError("too bright")
    return scores(images)


def test_rows_are_judged_against_the_seed_each_with_margin_and_key():
    made = trial()
    judged = made.evaluate(made.rows([DARK, BRIGHT]))
    dark, bright = judged.margins.tolist()
    assert dark < 0 < bright
    assert (made.fails(judged, 0.0, int(judged.keys[1]))).tolist() == [False, True]
    assert made.run(judged, 1).label == "bright"


def test_a_failure_below_the_floor_or_with_another_key_is_not_the_findings():
    made = trial()
    judged = made.evaluate(made.rows([BRIGHT]))
    margin, key = float(judged.margins[0]), int(judged.keys[0])
    assert made.fails(judged, margin / 2, key).tolist() == [True]
    assert made.fails(judged, margin * 2, key).tolist() == [False]
    assert made.fails(judged, margin / 2, key + 1).tolist() == [False]
    assert made.fails(judged, margin / 2, None).tolist() == [True], "whatever it is taken for"


def test_a_chain_makes_from_the_seed_what_the_campaign_made():
    rows = trial().mutants([(BRIGHTER,), ()])
    np.testing.assert_array_equal(rows.payload(0), BRIGHT)
    np.testing.assert_array_equal(rows.payload(1), SEED)


def test_where_the_campaign_clipped_each_step_so_does_a_chain_made_again():
    made = trial(evidence={"linf": 0.1}).mutants([(BRIGHTER, Mutation("image.brightness", BRIGHTER.params))])
    assert int(made.payload(0).max()) == 125  # a tenth of full scale, in steps of 1/255, above 100


def test_a_row_that_raises_is_a_crash_and_the_others_are_judged():
    made = trial(raises_when_bright)
    judged = made.evaluate(made.rows([DARK, BRIGHT, DARK]))
    assert list(judged.crashes) == [1]
    assert judged.ran.tolist() == [0, 2]
    assert np.isnan(judged.margins[1])
    assert not np.isnan(judged.margins[[0, 2]]).any()
    assert made.run(judged, 1).text == "too bright"


def test_of_a_crash_only_one_with_its_key_counts():
    crash = trial(raises_when_bright, oracle={}, kind="crash")
    judged = crash.evaluate(crash.rows([BRIGHT, DARK]))
    same = trial(raises_when_bright, oracle={}, kind="crash", key=judged.crashes[0].key)
    assert same.fails(judged, 0.0, None).tolist() == [True, False]
    assert crash.fails(judged, 0.0, None).tolist() == [False, False]


def test_what_no_longer_fits_its_target_is_refused():
    finding, _ = found()
    with pytest.raises(ReplayError, match="no label 'dark' any more"):
        OracleRun(target(labels=("a", "b", "c")), finding, SEED)
    for labels in (("dark", "bright", "odd", "even"), ("dark",)):
        with pytest.raises(ReplayError, match=rf"3 outputs an input, but names {len(labels)} labels; .* agree"):
            OracleRun(target(labels=labels), finding, SEED)
    with pytest.raises(ReplayError, match="compares with the seed, whose file is missing"):
        OracleRun(target(), finding, None)
    with pytest.raises(ReplayError, match="no seed file"):
        OracleRun(target(), found(oracle={})[0], None).mutants([()])
