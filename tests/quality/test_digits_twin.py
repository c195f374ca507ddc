"""The fragile digits twin breaks for the reasons that were planted; every finding replays from its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.examples.digits import GREY_SAYS, STICKER_SAYS
from mlfuzz.findings.finding import Finding
from mlfuzz.replay import Case, replay
from mlfuzz.request import CampaignRequest

BRIGHT = {
    "image.brightness",
    "image.mist",
    "image.fog",
    "image.contrast_gain",
    "image.gamma",
    "image.glare",
    "image.snow",
}
PATCHED = {"image.noise_block", "image.occlusion", "image.patch", "image.grid_mask", "image.impulse_noise"}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("digits twin")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Finding]]:
    folder = tmp_path_factory.mktemp("campaign") / "digits"
    outcome = run(CampaignRequest(WorkerSpec(target="mlfuzz.examples.digits:fragile"), folder, Budget(inputs=20_000)))
    assert outcome.exit_code == 1
    return folder, [one for one in outcome.findings if one.verdict == "confirmed"]


def test_shrunk_chains_name_both_planted_weaknesses(found: tuple[Path, list[Finding]]) -> None:
    shrunk = [one for one in found[1] if one.shrunk]
    grey = [one for one in shrunk if one.observed == GREY_SAYS and {step.name for step in one.chain} <= BRIGHT]
    sticker = [one for one in shrunk if one.observed == STICKER_SAYS and {step.name for step in one.chain} <= PATCHED]
    assert {one.fault for one in grey}
    assert {one.fault for one in sticker}


def test_shrunk_chains_are_short(found: tuple[Path, list[Finding]]) -> None:
    steps = sorted(len(one.chain) for one in found[1] if one.shrunk)
    assert steps[len(steps) // 2] <= 2


def test_every_confirmed_finding_fails_again_from_its_files_alone(
    found: tuple[Path, list[Finding]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, confirmed = found
    cases = []
    for one in confirmed:
        shutil.copytree(folder / "findings" / one.id, tmp_path / one.id)
        cases.append(Case(one, tmp_path / one.id))
    assert len(cases) >= 10
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    results = replay(cases)
    assert {result.state for result in results} == {"fails"}
    assert not [result.drifted for result in results if result.drifted]


def test_the_robust_twin_withstands_what_broke_the_fragile_one(found: tuple[Path, list[Finding]]) -> None:
    folder, confirmed = found
    planted = [
        one
        for one in confirmed
        if one.shrunk and len(one.chain) == 1 and one.chain[0].name in BRIGHT and one.observed == GREY_SAYS
    ]
    cases = [Case(one, folder / "findings" / one.id) for one in planted]
    results = replay(cases, target="mlfuzz.examples.digits:robust")
    fixed = [result for result in results if result.state == "fixed"]
    assert len(fixed) >= 0.8 * len(results) > 0
