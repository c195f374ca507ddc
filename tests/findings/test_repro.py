import ast
import io
import itertools
import subprocess
import sys

import numpy as np
import pytest
from findings.samples import ref, sample
from PIL import Image as Pillow

from mlfuzz.findings.finding import dumps
from mlfuzz.findings.repro import repro_script
from mlfuzz.findings.store import FindingStore

NET = """
import torch

class Net(torch.nn.Module):
    def forward(self, x):
        return (x.shape, round(float(x.sum()), 3)) if isinstance(x, torch.Tensor) else x

net = Net()
twice = lambda x: 2 * x
"""


def run(folder, store, finding, files):
    """The script's output, run from `folder`, with mlfuzz out of reach."""
    store.save(finding, files)
    script = str(store.folder(finding.id) / "repro.py")
    hidden = f"import sys, runpy; sys.modules['mlfuzz'] = None; runpy.run_path({script!r})"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, cwd=folder, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def store(tmp_path):
    return FindingStore(tmp_path / "findings")


def test_a_harness_is_handed_the_bytes_without_mlfuzz(tmp_path, store):
    pytest.importorskip("atheris")
    (tmp_path / "fuzz_it.py").write_text("def TestOneInput(data):\n    raise KeyError(data.hex())\n")
    for number, load in enumerate(("fuzz_it.py", "fuzz_it:TestOneInput", "fuzz_it")):
        data = b"\xde\xad" + bytes([number])
        finding, _ = sample(
            number, side="code", kind="exception", load=load, input=ref("input.bin", data), seed=None,
            message="KeyError\n# not code\nraise SystemExit", observed="KeyError",
        )  # fmt: skip
        assert f"KeyError: '{data.hex()}'" in run(tmp_path, store, finding, {"input.bin": data})


@pytest.mark.slow
def test_a_picture_is_handed_to_the_plain_model_without_mlfuzz(tmp_path, store):
    (tmp_path / "plain.py").write_text(NET)
    file = io.BytesIO()
    Pillow.fromarray(np.full((3, 4), 51, np.uint8)).save(file, "PNG")
    finding, _ = sample(
        input=ref("input.png", file.getvalue()),
        seed=None,
        modality={"name": "image", "range": [0.0, 1.0]},
        evidence={"repro": {"module": "plain", "model": "net", "preprocess": "twice"}},
    )
    output = run(tmp_path, store, finding, {"input.png": file.getvalue()})
    assert "torch.Size([1, 1, 3, 4])" in output, output
    assert "4.8" in output
    assert "expected 7 - seen by the campaign 1" in output


@pytest.mark.slow
def test_a_text_is_handed_to_the_plain_model_without_mlfuzz(tmp_path, store):
    (tmp_path / "plain.py").write_text(NET)
    finding, _ = sample(
        input=ref("input.txt", "grüß\r\n".encode()),
        seed=None,
        modality={"name": "text"},
        evidence={"repro": {"module": "plain", "model": "net"}},
    )
    assert "('grüß\\r\\n',)" in run(tmp_path, store, finding, {"input.txt": "grüß\r\n".encode()})


def test_a_script_that_needs_mlfuzz_says_so_first():
    assert "Needs mlfuzz" in repro_script(sample()[0]).splitlines()[0]
    assert "object of a running program" in repro_script(sample(load="")[0]).splitlines()[0]


HOSTILE = "x'\"\n\\\nimport os; os.abort()\n\u2028# {}"


@pytest.mark.parametrize("side", ["model", "code"])
@pytest.mark.parametrize("load", [HOSTILE, "a.py" + HOSTILE, HOSTILE + ".py", "pkg.mod:attr", ""])
@pytest.mark.parametrize("repro", [None, {"module": HOSTILE, "model": HOSTILE}, {"module": "m", "model": "n"}, "no"])
@pytest.mark.parametrize("kind", ["image", "audio", "text", HOSTILE])
def test_nothing_in_a_record_becomes_code_and_the_script_stays_short(side, load, repro, kind):
    finding, _ = sample(
        side=side, load=load, sentence=HOSTILE, expected=HOSTILE, observed=HOSTILE, message=HOSTILE, target=HOSTILE,
        modality={"name": kind}, evidence={"repro": repro},
    )  # fmt: skip
    assert dumps(finding)
    script = repro_script(finding)
    assert len(script.splitlines()) <= 20
    tree = compile(script, "repro.py", "exec")
    assert "abort" not in tree.co_names
    assert "os" not in tree.co_names


def test_a_script_of_what_is_not_confirmed_says_so():
    scripts = {verdict: repro_script(sample(verdict=verdict)[0]) for verdict in ("candidate", "flaky", "confirmed")}
    assert "not confirmed: seen once, in a batch" in scripts["candidate"]
    assert "not confirmed: run alone it did not fail each time" in scripts["flaky"]
    assert "not confirmed" not in scripts["confirmed"]
    assert max(len(text.splitlines()) for text in scripts.values()) <= 20


@pytest.mark.slow
def test_half_precision_is_shown_by_plain_torch_beside_the_model(tmp_path, store):
    (tmp_path / "plain.py").write_text("import torch\n\nnet = torch.nn.Flatten()\ntwice = lambda x: 2 * x\n")
    file = io.BytesIO()
    Pillow.fromarray(np.full((1, 2), 77, np.uint8)).save(file, "PNG")
    finding, _ = sample(
        input=ref("input.png", file.getvalue()), seed=None, modality={"name": "image", "range": [0.0, 1.0]},
        oracle={"name": "differ:bf16", "part": "differ", "of": "bf16"}, load="plain:net",
        evidence={"repro": {"module": "plain", "model": "net", "preprocess": "twice"}},
    )  # fmt: skip
    output = run(tmp_path, store, finding, {"input.png": file.getvalue()})
    assert "tensor([[0.6039, 0.6039]])" in output
    assert "bf16 tensor([[0.6055, 0.6055]])" in output


@pytest.mark.parametrize(
    ("oracle", "form"),
    [
        ({"name": "differ:zoo:old", "part": "differ", "of": "zoo:old"}, "zoo:old"),
        ({"name": "majority", "part": "majority", "of": ["a:b", "c:d"]}, "c:d"),
        ({"name": "latency", "ratio": 2.0}, "cost-seconds"),
        ({"name": "length", "of": "operations"}, "cost-operations"),
    ],
)
def test_other_forms_and_costs_are_run_by_mlfuzz(oracle, form):
    finding, _ = sample(oracle=oracle, load="zoo:make", evidence={"repro": {"module": "zoo", "model": "net"}})
    script = repro_script(finding)
    compile(script, "repro.py", "exec")
    assert "varied(target, [" in script
    assert form in script
    assert len(script.splitlines()) <= 20


def test_a_live_object_s_other_form_is_left_to_mlfuzz_and_said_so():
    oracle = {"name": "differ:int8", "part": "differ", "of": "int8"}
    finding, _ = sample(oracle=oracle, load="", evidence={"repro": {"module": "zoo", "model": "net"}})
    assert "int8, is run by mlfuzz replay alone" in repro_script(finding)


TEXTS = ["kind", "target", "load", "sentence", "expected", "observed", "message", "seed_name", "note", "confirmed"]
BREAK_OUT = [f"x{end}raise SystemExit('ran'){end}#" for end in ("\n", "\r", "\x0c", "\u2028")] + ["\0"]


@pytest.mark.parametrize(
    "form",
    [
        {"side": "code", "load": "harnesses/a.py:fuzz"}, {"side": "code", "load": "pkg.mod:fuzz"},
        {"side": "code", "load": "harnesses/a.py:fuzz", "evidence": {"shipped": True}}, {"side": "code", "load": ""},
        {"load": ""}, {"load": "zoo:make"}, {"evidence": {"repro": {"module": "zoo", "model": "net"}}},
    ],
    ids=["a harness", "a module's", "a shipped one", "nowhere", "a live object", "a target", "a plain model"],
)  # fmt: skip
def test_no_text_of_a_record_becomes_a_line_of_its_script(form):
    for text, broken in itertools.product(TEXTS, BREAK_OUT):
        finding, _ = sample(**{**form, text: form.get("load", "") + broken if text == "load" else broken})
        tree = ast.parse(repro_script(finding))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Raise)], (text, broken)


@pytest.mark.parametrize("name", ["import", "a.class", "None", "pkg.lambda.x"])
def test_a_name_that_is_a_word_of_python_s_is_no_attribute(name):
    for part in ("module", "model", "preprocess"):
        repro = {"module": "zoo", "model": "net", "preprocess": "twice", part: name}
        ast.parse(repro_script(sample(evidence={"repro": repro})[0]))
