"""A harness without coverage is told so by what its target gives, not by what its own file does."""

from __future__ import annotations

from pathlib import Path

import pytest
from codefuzz import atheris_forms
from msgspec import structs

from mlfuzz.budget import Budget
from mlfuzz.codefuzz.campaign.campaign import run
from mlfuzz.codefuzz.campaign.spec import HarnessSpec
from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.engine.coverage_blindness import explanation, unseen
from mlfuzz.codefuzz.harness.declaration import Declaration
from mlfuzz.codefuzz.harness.discovery import at
from mlfuzz.codefuzz.harness.engine import Options, Prepared
from mlfuzz.request import CampaignRequest

ENGINE = AtherisEngine()

BUSY = """
def TestOneInput(data):
    provider = atheris.FuzzedDataProvider(data)
    number = provider.ConsumeIntInRange(0, 5)
    try:
        CALL(provider.ConsumeBytes(100) if number > 3 else b"none")
    except ValueError:
        return None
"""


def busy(top: str, call: str) -> str:
    return atheris_forms.plain(top, BUSY.replace("CALL", call).replace("ValueError", "Exception"))


@pytest.mark.parametrize(
    ("called", "instrumented", "expected"),
    [
        ([], [], ()),
        (["acme.deep", "acme"], [], ("acme",)),
        (["json.decoder"], [], ()),  # it may serve a parser in the harness's own file
        (["acme"], ["json"], ("acme",)),
        (["other"], ["acme.deep"], ()),  # the inputs may not have come to acme yet
        ([], ["acme"], ()),
        (["acme._fast", "other"], ["acme"], ("acme",)),
    ],
)
def test_only_what_the_harness_calls_without_coverage_makes_it_blind(called, instrumented, expected):
    assert unseen(called, instrumented) == expected


PREPARED = Prepared(seconds=0.1, cached=False)


@pytest.mark.parametrize(
    ("declaration", "prepared", "packages", "expected"),
    [
        ({"entry": "TestOneInput"}, {}, ["acme"], 'with atheris.instrument_imports(include=["acme"]):'),
        ({"entry": "TestOneInput"}, {}, ["acme"], "blind = true under [harnesses.form] in mlfuzz.toml"),
        ({}, {}, ["acme"], 'say "instrument": ["acme"], '),
        ({}, {}, [], 'say "instrument": ["PACKAGE"], '),
        ({"instrument": ("acme",)}, {"lazy": ("acme",)}, ["acme"], 'say "preload": ["acme"], '),
        ({}, {"instrumented": ("acme",), "blind": ("acme._c",)}, ["acme"], "native code gives none: acme._c; build"),
    ],
)
def test_the_line_to_write_is_told(declaration, prepared, packages, expected):
    text = explanation(Declaration(name="form", **declaration), structs.replace(PREPARED, **prepared), packages)
    assert expected in text


def refused(root: Path, text: str) -> str:
    """Why a short campaign leaves the harness out; "" where it does not."""
    harness = at(atheris_forms.build(root, text), root)
    options = Options(cache="none", project=str(root))
    budget = Budget(seconds=30, inputs=2000)
    asked = CampaignRequest(HarnessSpec((harness,), ENGINE, options), root / "c", budget)
    return run(asked).broken.get("form", "")


needs_atheris = pytest.mark.skipif(bool(ENGINE.available()), reason=ENGINE.available() or "available")

NATIVE = "with atheris.instrument_imports(include=['safetensors']):\n    import safetensors"
DECLARED = """
HARNESS = {"instrument": ["safetensors"]}
import safetensors
def fuzz(data):
    try:
        safetensors.deserialize(data if len(data) > 3 else b"none")
    except Exception:
        return None
"""


@needs_atheris
@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "named"),
    [
        (busy("import acme", "acme.parse"), '"acme"'),
        (busy("import acme\natheris.instrument_imports()", "acme.parse"), '"acme"'),
        (busy("import acme\nwith atheris.instrument_imports():\n    import json", "acme.parse"), '"acme"'),
        (busy(NATIVE, "safetensors.deserialize"), "native code gives none: safetensors._safetensors_rust"),
        (DECLARED, "native code gives none: safetensors._safetensors_rust"),
    ],
)
def test_a_harness_whose_target_gives_no_edges_is_left_out(text, named, tmp_path):
    reason = refused(tmp_path, text)
    assert "gives no coverage" in reason
    assert named in reason


@needs_atheris
@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        busy("with atheris.instrument_imports():\n    import acme", "acme.parse"),
        busy(atheris_forms.TARGET, "parse"),
        atheris_forms.plain("", atheris_forms.TARGET.replace("def parse", "def TestOneInput")),
        busy("with atheris.instrument_imports():\n    import acme", "number == 6 and acme.parse"),
        busy(
            "import numpy\nwith atheris.instrument_imports():\n    import numpy.rec", "number == 6 and numpy.rec.array"
        ),
        DECLARED.replace('["safetensors"]', '["safetensors"], "blind": True'),
    ],
)
def test_a_harness_that_gives_coverage_or_may_yet_goes_on(text, tmp_path):
    assert refused(tmp_path, text) == ""
