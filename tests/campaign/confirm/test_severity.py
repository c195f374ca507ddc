import numpy as np
import pytest
from findings.samples import sample

from mlfuzz.campaign.confirm.severity import edit_distance, rms, severity_of, size_of_change, typical_margins
from mlfuzz.campaign.evidence import TYPICAL
from mlfuzz.findings.finding import Run
from mlfuzz.mutation import Mutation

SEED = np.zeros((1, 4, 4), np.uint8)


def brightness(delta):
    return (Mutation("image.brightness", {"amount": delta}),)


def flip(margin=1.0, before=-3.0, delta=0.1, typical=2.0):
    return sample(chain=brightness(delta), margin=margin, before=Run(margin=before), evidence={TYPICAL: typical})[0]


def test_a_larger_swing_is_worse_and_a_larger_change_is_less_bad():
    plain = severity_of(flip(), SEED, SEED)
    assert severity_of(flip(margin=2.0), SEED, SEED) > plain
    assert severity_of(flip(before=-5.0), SEED, SEED) > plain
    assert severity_of(flip(delta=0.2), SEED, SEED) < plain


def test_a_severity_of_1_is_one_typical_margin_over_one_whole_range():
    finding = flip(margin=0.5, before=-1.5, typical=2.0)
    size = size_of_change(finding.chain, SEED, SEED, scale=255)
    assert severity_of(finding, SEED, SEED) == pytest.approx(1.0 / size, rel=1e-2)


def test_shrinking_to_the_edge_makes_no_fault_harmless():
    found, shrunk = flip(margin=3.0, before=-3.0, delta=0.2), flip(margin=0.01, before=-3.0, delta=0.1)
    assert severity_of(shrunk, SEED, SEED) >= 0.9 * severity_of(found, SEED, SEED)


def test_a_crash_has_swung_by_one_typical_margin_and_without_a_seed_nothing_is_said():
    crash = sample(kind="exception", oracle={}, chain=brightness(0.1), margin=None)[0]
    assert severity_of(crash, SEED, SEED) == pytest.approx(
        1 / size_of_change(crash.chain, SEED, SEED, scale=255), rel=1e-2
    )
    assert severity_of(crash, SEED, None) is None


def test_a_record_without_the_typical_margin_is_measured_by_its_own_seed():
    finding = sample(chain=brightness(0.1), margin=1.0, before=Run(margin=-1.0))[0]
    assert severity_of(finding, SEED, SEED) == pytest.approx(
        2 / size_of_change(finding.chain, SEED, SEED, scale=255), rel=1e-2
    )


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("aé\U0001f600", "ae\U0001f600", 1)],
)
def test_texts_are_measured_by_edits(one, other, edits):
    assert edit_distance(one, other) == edit_distance(other, one) == edits


def test_edit_distance_agrees_with_the_plain_recursion():
    def plain(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(plain(a[1:], b) + 1, plain(a, b[1:]) + 1, plain(a[1:], b[1:]) + (a[0] != b[0]))

    rng = np.random.default_rng(3)
    for _ in range(60):
        one, other = ("".join(rng.choice(list("abc"), rng.integers(0, 6))) for _ in range(2))
        assert edit_distance(one, other) == plain(one, other), (one, other)


def test_a_text_is_as_far_as_the_share_of_its_characters_that_changed():
    assert size_of_change((Mutation("text.upper", {}),), "ABcd", "abcd", scale=1) == 0.5


def test_rms_is_of_full_scale_whatever_the_type_and_the_length():
    assert rms(np.full((1, 2, 2), 255, np.uint8), np.zeros((1, 2, 2), np.uint8), scale=255) == 1.0
    assert rms(np.full((1, 4), -16384, np.int16), np.zeros((1, 4), np.int16), scale=32768) == 0.5
    assert rms(np.ones((1, 4), np.float32), np.ones((1, 2), np.float32), scale=1) == pytest.approx(0.5**0.5)
    assert rms(np.ones((1, 4), np.float32), np.ones((2, 4), np.float32), scale=1) == 1.0


def test_the_typical_margin_is_the_middle_one_and_unknown_where_nothing_was_judged():
    margins = np.asarray([[-1.0, np.nan], [-3.0, np.nan], [-2.0, np.nan]], np.float32)
    assert typical_margins(margins) == (2.0, 0.0)
    assert typical_margins(np.zeros((0, 2), np.float32)) == (0.0, 0.0)
