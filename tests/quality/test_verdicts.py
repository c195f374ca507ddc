"""Whether a verdict can be trusted: what was confirmed fails elsewhere too, what sits on the edge is not confirmed."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.batch import TensorRows, from_payloads
from mlfuzz.campaign.confirm.confirm import confirm, key_of
from mlfuzz.campaign.confirm.oracle_run import OracleRun
from mlfuzz.campaign.minimize.pipeline import confirm_finding, payloads
from mlfuzz.campaign.minimize.shrink import shrink
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.examples.digits import LABELS, SIZE, centre, fragile, robust
from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.store import read
from mlfuzz.modality.image import Image
from mlfuzz.oracles.base import Floor
from mlfuzz.oracles.metamorphic import Label
from mlfuzz.targets.calibrate import single_noise
from mlfuzz.targets.module import ModuleTarget

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("verdicts")]

BOUNDARY = 512
BISECTIONS = 40

THOUSAND_RATIO = 4.0
"""Ten seconds of processor time for a thousand where one, with torch and the model, takes two and a half."""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """What 8,000 inputs found in the fragile digits, confirmed."""
    target = fragile()
    with mlfuzz.Campaign.open(tmp_path_factory.mktemp("campaign"), target) as campaign:
        campaign.run(mlfuzz.Budget(inputs=8_000), triage_here=False)
        for finding in list(campaign.findings.records()):
            confirm_finding(target, campaign.findings, finding, alone_in="calling process")
        yield campaign


def test_every_confirmed_finding_replays_from_its_files_with_other_threads_and_batches(campaign, tmp_path):
    """Kept as regressions, away from their campaign; run by pytest in batches of 64 with two threads, then alone."""
    confirmed = [one for one in campaign.findings.records() if one.verdict == "confirmed"]
    assert len(confirmed) >= 100
    for finding in confirmed:
        _, files = read(campaign.findings.folder(finding.id))
        write_regression(tmp_path / "corpus" / "regressions" / "digits-fragile", finding, files)
    (tmp_path / "mlfuzz.toml").write_text('[targets."digits:fragile"]\nuse = "mlfuzz.examples.digits:fragile"\n')
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "corpus"],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300,
    )  # fmt: skip
    assert f"{len(confirmed)} xfailed" in ran.stdout, ran.stdout[-2000:]
    few = [finding.id for finding in confirmed[:25]]
    ran = subprocess.run(
        [sys.executable, "-m", "mlfuzz", "--json", "replay", "--target", "digits:fragile", *few],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300,
    )  # fmt: skip
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(row["state"], row["drifted"]) for row in rows] == [("fails", "")] * len(few), ran.stderr


def test_a_thousand_regressions_cost_little_more_than_loading_the_model(campaign, tmp_path):
    """Processor time of whole pytest runs, of one and of a thousand: a ratio, which a busy machine leaves as it is."""
    confirmed = [one for one in campaign.findings.records() if one.verdict == "confirmed"]
    spent = []
    for name, count in (("one", 1), ("many", 1_000)):
        project = tmp_path / name
        for number in range(count):
            finding, files = read(campaign.findings.folder(confirmed[number % len(confirmed)].id))
            finding = msgspec.structs.replace(finding, id=f"{number:016x}")
            write_regression(project / "corpus" / "regressions" / "digits-fragile", finding, files)
        (project / "mlfuzz.toml").write_text('[targets."digits:fragile"]\nuse = "mlfuzz.examples.digits:fragile"\n')
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "corpus"],
            capture_output=True, text=True, cwd=project, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert f"{count} xfailed" in ran.stdout, ran.stdout[-2000:]
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert spent[1] <= THOUSAND_RATIO * spent[0], spent


def test_of_512_inputs_on_the_decision_boundary_none_is_confirmed_and_then_holds():
    target, seeds, floor = _edge()
    findings = _on_the_edge(target, seeds, floor)
    confirmed = []
    for finding, payload, seed in findings:
        if confirm(target, finding, payload, seed).confirmed:
            confirmed.append((finding, payload, seed))
    for finding, payload, seed in confirmed:
        trial = OracleRun(target, finding, seed)
        for batch in (1, 2, 17, 64):
            assert float(trial.evaluate(trial.rows([payload] * batch)).margins[0]) > 0
    assert len(confirmed) <= BOUNDARY // 20  # the others fail by less than what their scores are worth


def test_a_digit_is_shrunk_in_two_seconds_and_stays_the_same_fault(campaign):
    target, spent = campaign.target, []
    chosen = [one for one in campaign.findings.records() if one.verdict == "confirmed" and one.chain][:24]
    for finding in chosen:
        _, seed = payloads(campaign.findings, finding)
        began = time.process_time()
        result = shrink(target, finding, seed, seconds=30.0)
        spent.append(time.process_time() - began)
        assert result is not None
        assert len(result.chain) <= len(finding.chain)
        again = confirm(target, finding, result.payload, seed)
        assert (again.confirmed, again.key) == (True, key_of(finding))
    assert statistics.median(spent) <= 2.0, spent


def _edge():
    """The robust digits on a float grid, where an input can lie as near to the boundary as float32 allows."""
    twin = robust()
    target = ModuleTarget("edge", Image(size=SIZE, grid="float32"), twin.model, preprocess=centre, labels=LABELS)
    seeds = load_seeds(twin.seeds, target.modality, labels=LABELS).seeds
    rows = from_payloads([seed.payload for seed in seeds[:16]], target.modality, target.device)
    floor = Label().noise(Floor(*single_noise(target, rows, target.run(rows))))
    return target, seeds, floor


def _on_the_edge(target, seeds, floor):
    """Findings between two seeds of different labels: the last float before the answer turns, and just behind it."""
    rng = np.random.default_rng(0)
    pairs = []
    while len(pairs) < BOUNDARY:
        one, other = rng.integers(0, len(seeds), 2)
        if seeds[one].label != seeds[other].label:
            pairs.append((int(one), int(other)))
    start = torch.from_numpy(np.stack([seeds[one].payload for one, _ in pairs]))
    end = torch.from_numpy(np.stack([seeds[other].payload for _, other in pairs]))
    expected = torch.tensor([LABELS.index(seeds[one].label) for one, _ in pairs])
    low, high = torch.zeros(len(pairs), dtype=torch.float64), torch.ones(len(pairs), dtype=torch.float64)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        turned = _scores(target, start, end, middle).argmax(1) != expected
        high, low = torch.where(turned, middle, high), torch.where(turned, low, middle)
    findings = []
    made = _between(start, end, high)
    for at, (one, _) in enumerate(pairs):
        payload, seed = np.ascontiguousarray(made[at].numpy()), seeds[one].payload
        data = target.modality.encode(payload)
        findings.append((
            Finding(
                id=identify(data, "edge", "label"), side="model", kind="label", target="edge",
                oracle={"name": "label"}, input=FileRef("input.npy", hashlib.sha256(data).hexdigest()),
                label=seeds[one].label, floor=floor,
            ), payload, seed,
        ))  # fmt: skip
    return findings


def _between(start, end, share):
    share = share[:, None, None, None]
    return (start.double() * (1 - share) + end.double() * share).float()


def _scores(target, start, end, share):
    return target.run(TensorRows(_between(start, end, share), target.modality)).main
