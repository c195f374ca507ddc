"""Searches inside a campaign: when they run, what they may spend, and what becomes of what they find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.campaign.presets import with_preset
from mlfuzz.campaign.search.projection import SPAN, spanned
from mlfuzz.campaign.search.scheduler import HEAD_START, SearchScheduler
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.campaign.worker.result import Result
from mlfuzz.errors import ConfigError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.promote import Regressions
from mlfuzz.findings.regression import read_regression
from mlfuzz.findings.store import read
from mlfuzz.mutators.limits.limits import Limits
from mlfuzz.replay import Case, replay
from mlfuzz.storage.contents import CONTENTS

SIZE = (8, 8)


class Small(nn.Module):
    """Four classes by the brightest quarter of a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(4)
        self.head = nn.Linear(4, 4)
        torch.manual_seed(0)
        with torch.no_grad():
            self.head.weight.copy_(torch.eye(4) * 20 + torch.randn(4, 4))
            self.head.bias.zero_()

    def forward(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(pictures).flatten(1))
        return scores


def seeds(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(8):
        picture = rng.integers(70, 110, (1, *SIZE)).astype(np.uint8)
        row, column = divmod(number % 4, 2)
        picture[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 40
        (folder / f"{number}.png").write_bytes(mlfuzz.Image(size=SIZE).encode(picture))
    return folder


def target(*, black_box: bool = False) -> Any:
    modality = mlfuzz.Image(size=SIZE)
    model = Small().eval()
    if black_box:
        return mlfuzz.CallableTarget("small", modality, lambda pictures: model(pictures), labels="abcd")
    return mlfuzz.ModuleTarget("small", modality, model, labels="abcd")


QUIET = {"mutators": ["image.brightness"], "batch": 32, "limits": {"linf": 0.12}}
"""Mutators that find nothing of themselves."""

OFTEN = {**QUIET, "search": {"name": "auto", "share": 0.25}}


def run(
    folder: Path, *, inputs: int = 2_000, box: bool = False, **options: Any
) -> tuple[Result, SearchScheduler | None]:
    where = folder / "seeds"
    where = where if where.is_dir() else seeds(where)
    number = sum(1 for _ in folder.iterdir())
    with Campaign.open(folder / f"c{number}", target(black_box=box), seeds=where, **{**QUIET, **options}) as campaign:
        return campaign.run(Budget(inputs=inputs)), campaign.loop.searcher


def replaced(result: Result) -> list[Finding]:
    return [one for one in result.findings if one.first_chain and one.first_chain[-1].name == "image.replace"]


@pytest.mark.slow
@pytest.mark.parametrize(("box", "search"), [(False, "auto"), (False, "black"), (True, "auto"), (False, "white")])
def test_what_ordinary_batches_miss_is_found_confirmed_alone_and_made_milder(
    tmp_path: Path, box: bool, search: str
) -> None:
    off, nobody = run(tmp_path, inputs=1_500, box=box, search="off")
    on, searcher = run(tmp_path, inputs=1_500, box=box, search={"name": search, "share": 0.25})
    assert nobody is None
    assert not replaced(off)
    found = replaced(on)
    assert found
    assert searcher is not None
    assert sum(aim.found for aim in searcher.aims) >= len(found)
    for one in found:
        assert (one.verdict, one.confirmed, one.kind) == ("confirmed", "3/3", "label")
        assert one.shrunk
        assert [step.name for step in one.chain] == ["image.replace"]
        assert one.sentence.startswith("replace ")
        assert [ref.sha256 for ref in one.blobs] == [one.chain[0].params["blob"]]
    assert min(float(one.chain[0].params["share"]) for one in found) < 1.0  # type: ignore[arg-type]


@pytest.mark.slow
def test_searches_spend_their_share_of_the_inputs_and_no_more(tmp_path: Path) -> None:
    for share in (0.2, 0.5):
        result, searcher = run(tmp_path, inputs=2_000, search={"name": "auto", "share": share})
        assert searcher is not None
        ran = result.stats.inputs
        assert searcher.ran < ran <= searcher.ran + searcher.spent
        assert searcher.spent <= share * (searcher.ran + searcher.spent) + HEAD_START
        assert searcher.turns > 1


def test_the_next_parents_are_seeds_that_nothing_has_broken(tmp_path: Path) -> None:
    where = seeds(tmp_path / "seeds")
    with Campaign.open(tmp_path / "c", target(), seeds=where, **QUIET) as campaign:
        searcher, rng = campaign.loop.searcher, np.random.default_rng(0)
        assert searcher is not None
        aim = searcher.aims[-1]
        broken = np.asarray([0, 2, 3, 5, 6])
        searcher.broke(broken, np.full(len(broken), aim.number), searched=False)
        assert set(searcher._parents(aim, 3, rng).tolist()) == {1, 4, 7}
        later = np.concatenate([searcher._parents(aim, 4, rng) for _ in range(3)])
        assert np.isin(broken, later).any(), "then the children of any have their turn"


def test_within_deephunters_bound_a_search_goes_as_far_as_that_allows() -> None:
    assert spanned(Limits(alpha_beta=(0.02, 0.2)), SPAN).linf == 0.2
    assert spanned(Limits(alpha_beta=(0.02, 0.2), linf=0.1), SPAN).linf == 0.1
    assert spanned(Limits(), SPAN).linf == SPAN


@pytest.mark.slow
def test_a_campaign_with_searches_repeats_exactly(tmp_path: Path) -> None:
    (one, _), (two, _) = (run(tmp_path, inputs=1_000, **OFTEN) for _ in range(2))
    assert [(f.id, f.sentence, f.margin) for f in one.findings] == [(f.id, f.sentence, f.margin) for f in two.findings]
    assert one.stats.inputs == two.stats.inputs
    assert {name: (each.rows, each.failures) for name, each in one.stats.operators.items()} == {
        name: (each.rows, each.failures) for name, each in two.stats.operators.items()
    }


@pytest.mark.slow
def test_without_limits_auto_leaves_alone_what_is_relative_to_the_seed(tmp_path: Path) -> None:
    _, searcher = run(tmp_path, inputs=64, limits={})
    assert searcher is None
    _, searcher = run(tmp_path, inputs=64, limits={}, oracles=[{"name": "differ", "of": "bf16"}])
    assert searcher is not None
    assert [aim.oracle.name for aim in searcher.aims] == ["differ:bf16"]
    _, searcher = run(tmp_path, inputs=64, limits={}, search="black")
    assert searcher is not None
    assert "label" in [aim.oracle.name for aim in searcher.aims]


def test_what_is_found_lies_within_the_limits_of_its_seed(tmp_path: Path) -> None:
    where = seeds(tmp_path / "seeds")
    with Campaign.open(tmp_path / "c", target(), seeds=where, **OFTEN) as campaign:
        result = campaign.run(Budget(inputs=1_000), triage_here=False)
        store = campaign.findings
        for one in replaced(result):
            modality = mlfuzz.Image(size=SIZE)
            found, seed = (modality.decode(store.bytes_of(one, ref)) for ref in (one.input, one.seed) if ref)
            assert np.abs(found.astype(int) - seed.astype(int)).max() <= 0.12 * 255
        assert replaced(result)


def test_a_search_that_is_not_known_is_refused(tmp_path: Path) -> None:
    for wrong in ("grey", {"name": "auto", "share": 1.5}, {"name": "auto", "depth": 3}):
        with pytest.raises(ConfigError, match="search"):
            run(tmp_path, search=wrong)


@pytest.mark.slow
def test_forms_compared_by_value_are_searched_without_gradients(tmp_path: Path) -> None:
    oracle = {"name": "differ", "of": "bf16", "by": "value", "bound": 0.02}
    result, searcher = run(tmp_path, inputs=600, limits={}, oracles=[oracle])
    assert searcher is not None
    assert [(aim.across, aim.traced) for aim in searcher.aims] == [(False, False)]
    assert searcher.aims[0].found > 0
    assert replaced(result)


def test_following_gradients_through_a_black_box_is_said_to_be_impossible(tmp_path: Path) -> None:
    result, searcher = run(tmp_path, inputs=400, box=True, search="white")
    assert searcher is not None
    assert sum(aim.found for aim in searcher.aims) == 0
    assert any("no gradients reach" in warning for warning in result.stats.warnings)


def test_presets_that_are_compared_search_nothing() -> None:
    assert with_preset({"preset": "random"})["search"] == {"name": "off"}
    assert "search" not in with_preset({})


@pytest.mark.slow
def test_a_finding_travels_with_its_blob_and_replays_in_a_process_of_its_own(tmp_path: Path) -> None:
    spec = WorkerSpec(
        target="mlfuzz.examples.digits:robust", oracles=[{"name": "differ", "of": "bf16"}], batch=64, max_seeds=8
    )
    from mlfuzz.examples import digits

    with Campaign.open(tmp_path / "c", digits.robust(), spec=spec) as campaign:
        result = campaign.run(Budget(inputs=2_500))
        found = [one for one in replaced(result) if one.blobs]
        folder = campaign.findings.folder(found[0].id)
    finding, files = read(folder)
    assert finding.blobs[0].file in files
    kept = Regressions(tmp_path / "kept").keep(finding, files)
    flat, flat_files = read_regression(kept)
    assert flat.blobs[0].file == f"{finding.id}.blob-{finding.blobs[0].sha256[:8]}.png"
    assert flat_files[flat.blobs[0].file] == files[finding.blobs[0].file]
    for case in (Case(finding, folder), Case(flat, kept)):
        (again,) = replay([case])
        assert (again.state, again.drifted) == ("fails", "")


def test_children_of_what_a_search_found_take_its_content_along_after_a_resume(tmp_path: Path) -> None:
    where = seeds(tmp_path / "seeds")
    with Campaign.open(tmp_path / "c", target(), seeds=where, **OFTEN) as campaign:
        found = replaced(campaign.run(Budget(inputs=1_000)))
        digest = str(found[0].chain[0].params["blob"])
        assert digest in campaign._blobs
    CONTENTS._held.pop(digest)
    with Campaign.open(tmp_path / "c", target(), seeds=where, **OFTEN):
        assert CONTENTS.get(digest)
