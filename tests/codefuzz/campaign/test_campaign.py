"""How long turns are. Whole campaigns are tried in tests/codefuzz/test_code_campaign.py."""

from __future__ import annotations

from mlfuzz.codefuzz.campaign.campaign import FIRST_SLICE, LONGEST_SLICE, turn_seconds


def test_turns_grow_from_the_first_to_the_longest_however_many_there_were():
    lengths = [turn_seconds(turns) for turns in (0, 1, 5, 10, 2_000, 10**6)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (FIRST_SLICE, LONGEST_SLICE)
