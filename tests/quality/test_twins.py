"""Short campaigns on the fragile twins find what was planted in them, say it in one step, and replay from files."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.drawn import drawn

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.examples import language, speech
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import read
from mlfuzz.findings.weakness import weaknesses
from mlfuzz.replay import Case, replay

TARGETS = {"speech": "mlfuzz.examples.speech:fragile", "language": "mlfuzz.examples.language:fragile"}

HISS = {"audio.white_noise", "audio.pink_noise", "audio.brown_noise", "audio.offset", "audio.hum", "audio.babble"}
PLANTED = {
    "speech": (speech.fragile, {speech.FAINT_SAYS: {"audio.gain"}, speech.HISS_SAYS: HISS}),
    "language": (
        language.fragile,
        {
            language.CAPITALS_SAY: {"text.upper", "text.swap_case", "text.random_case"},
            language.WIDE_SPACES_SAY: {"text.wide_space", "text.trailing"},
        },
    ),
}
"""Twin -> what each planted weakness answers, and the operators that reveal it."""


def fuzzed(name: str, folder: Path) -> list[Finding]:
    """The confirmed findings of a short campaign, read from their files."""
    with mlfuzz.Campaign.open(folder, PLANTED[name][0](), batch=64, seed=3) as campaign:
        campaign.run(Budget(inputs=6_000, seconds=240))
    found = [read(path.parent)[0] for path in sorted(folder.glob("findings/*/finding.json"))]
    return [one for one in found if one.verdict == "confirmed"]


@pytest.mark.slow
@pytest.mark.parametrize("name", drawn(list(PLANTED), 1))
def test_a_fragile_twin_is_caught_at_what_was_planted_and_every_finding_replays(name: str, tmp_path: Path) -> None:
    found = fuzzed(name, tmp_path / "c")
    for answer, revealing in PLANTED[name][1].items():
        named = [
            one
            for one in found
            if one.shrunk and one.observed == answer and len(one.chain) == 1 and one.chain[0].name in revealing
        ]
        assert named, [one.sentence for one in found]
    assert len({(one.expected, one.observed, one.chain[-1].name) for one in found if one.shrunk}) >= 2
    weak = weaknesses(found)
    assert len(weak) <= 16 < len(found)
    for answer, revealing in PLANTED[name][1].items():
        assert [one for one in weak if one.answers[0][0] == answer and revealing & set(one.operators)], answer
    cases = [Case(one, tmp_path / "c" / "findings" / one.id) for one in found]
    states = {one.id: result.state for one, result in zip(found, replay(cases, target=TARGETS[name]), strict=True)}
    assert set(states.values()) == {"fails"}, states
