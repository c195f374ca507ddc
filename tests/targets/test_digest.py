"""Two targets that can answer differently never share a digest, and one has the same in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import look_alikes as zoo
import pytest
import torch

from mlfuzz.campaign.spec import WorkerSpec, keep_spec
from mlfuzz.errors import ConfigError
from mlfuzz.modality.image import Image
from mlfuzz.storage.workdir import Workdir
from mlfuzz.targets import before
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.digest import is_same, unverified_line
from mlfuzz.targets.module import ModuleTarget

pytestmark = pytest.mark.filterwarnings("ignore")  # torch says of half of these kinds that they will go

IMAGE = Image(size=(4, 4))
FEWEST_PAIRS = 60


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in zoo.SLOW else name for name in zoo.PAIRS]
)
def test_targets_that_answer_differently_have_digests_of_their_own(name: str) -> None:
    one, other, again = zoo.PAIRS[name](0), zoo.PAIRS[name](1), zoo.PAIRS[name](0)
    assert one.digest == again.digest
    assert one.digest != other.digest
    assert unverified_line(one) == ""


def test_there_are_many_pairs() -> None:
    assert len(zoo.PAIRS) > FEWEST_PAIRS


@pytest.mark.parametrize("name", zoo.copies())
def test_what_answers_the_same_has_the_same_digest(name: str) -> None:
    one, other = zoo.copies()[name]
    assert one.digest == other.digest


@pytest.mark.slow
def test_every_target_has_the_same_digest_in_another_process(tmp_path: Path) -> None:
    here = {name: [make(0).digest, make(1).digest] for name, make in zoo.PAIRS.items()}
    here |= {name: [one.digest for one in both] for name, both in zoo.copies().items()}
    there = subprocess.run(
        [sys.executable, str(zoo.__file__)], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": "77"},
    )  # fmt: skip
    told = json.loads(there.stdout)
    assert [name for name in here if here[name] != told[name]] == []


@pytest.mark.parametrize("name", zoo.UNREADABLE)
def test_what_cannot_be_read_is_said_with_the_line_that_closes_it(name: str) -> None:
    target = zoo.UNREADABLE[name]()
    assert target.digest == zoo.UNREADABLE[name]().digest
    assert "identity unverified" in unverified_line(target)
    assert 'files=["model.bin"] or version="1"' in unverified_line(target)


def asks(x: torch.Tensor) -> torch.Tensor:
    with open("somewhere") as file:
        return x * float(file.read())


def test_a_version_and_files_close_what_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "weights" / "part.bin"
    file.parent.mkdir()
    file.write_bytes(b"one")
    bare = CallableTarget("t", IMAGE, asks)
    versions = [CallableTarget("t", IMAGE, asks, version=version) for version in ("1", "2")]
    held = [CallableTarget("t", IMAGE, asks, files=files) for files in ([file], file.parent, str(file))]
    digests = [target.digest for target in (bare, *versions, *held[:2])]
    assert len(set(digests)) == 5
    assert held[2].digest == held[0].digest
    assert [bool(target.unverified) for target in (bare, *versions, *held)] == [True] + [False] * 5
    file.write_bytes(b"two")
    assert CallableTarget("t", IMAGE, asks, files=[file]).digest not in digests
    assert CallableTarget("t", IMAGE, asks, files=file.parent).digest not in digests
    assert ModuleTarget("t", IMAGE, zoo.net(), files=[file]).digest != ModuleTarget("t", IMAGE, zoo.net()).digest


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"files= of the target names .*gone\.bin, which cannot be read: No such"):
        _ = CallableTarget("t", IMAGE, asks, files=[tmp_path / "gone.bin"]).digest


def test_tables_that_a_model_makes_as_it_runs_do_not_change_its_digest() -> None:
    class Rotary(torch.nn.Module):
        table: torch.Tensor | None = None
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            self.table = torch.cos(torch.arange(16.0)) if self.table is None else self.table
            return x.flatten(1) * self.table

    from mlfuzz.batch import TensorRows

    ran, fresh = ModuleTarget("t", IMAGE, Rotary()), ModuleTarget("t", IMAGE, Rotary())
    ran.run(TensorRows(torch.rand(2, 1, 4, 4), IMAGE))
    assert ran.digest == fresh.digest


def test_a_digest_of_before_is_compared_by_the_scheme_of_its_day() -> None:
    target = ModuleTarget("t", IMAGE, zoo.net(), labels="abcd")
    old = before.of_module(target.model, None, ("image", IMAGE.describe(), ("a", "b", "c", "d")))
    assert len(old) == 64
    assert is_same(old, target)
    assert is_same(target.digest, target)
    assert not is_same(old, ModuleTarget("t", IMAGE, zoo.net(1), labels="abcd"))
    assert not is_same(target.digest.removeprefix("2:"), target)
    function = CallableTarget("t", IMAGE, asks)
    assert is_same(before.of_function(asks, ("image", IMAGE.describe(), ())), function)


def test_a_campaign_that_was_begun_with_a_digest_of_before_goes_on_with_the_same_target(tmp_path: Path) -> None:
    workdir, spec = Workdir.create(tmp_path / "c"), WorkerSpec(target="zoo:make")
    (workdir.findings / "one").mkdir(parents=True)  # so that it is begun

    def begin(target: ModuleTarget) -> None:
        keep_spec(workdir, spec, target.digest, is_same=partial(is_same, target=target), adopt=False)

    first, other = ModuleTarget("t", IMAGE, zoo.net()), ModuleTarget("t", IMAGE, zoo.net(1))
    workdir.target.write_text(json.dumps({"digest": first.digest_before}))
    with pytest.raises(ConfigError, match="the target has changed since campaign c began"):
        begin(other)
    begin(first)
    assert json.loads(workdir.target.read_text()) == {"digest": first.digest}
    with pytest.raises(ConfigError, match=r"the target has changed since campaign c began \(2:.*--adopt"):
        begin(other)
