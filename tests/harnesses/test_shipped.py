"""Every shipped harness: its declaration reads, its seeds raise nothing undocumented, and it runs by itself."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.formats import FORMATS
from mlfuzz.codefuzz.harness.declaration import Declaration, read

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "harnesses").glob("*.py"))
NEEDS = {"text_tokenizer": "tokenizers", "onnx_load": "onnx", "config_yaml": "yaml", "wav_scipy": "scipy"}
PLANTED = {"demo_parser"}
EXPECTED = {
    "image_pillow", "audio_soundfile", "text_tokenizer", "npy_numpy", "npz_numpy", "checkpoint_torch", "onnx_load",
    "safetensors_load", "wav_scipy", "config_toml", "config_yaml", "loaders_mlfuzz", "records_mlfuzz", "digits_model",
    "demo_parser", "findings_mlfuzz", "bundle_mlfuzz", "config_mlfuzz", "dictionary_mlfuzz", "progress_mlfuzz",
    "messages_mlfuzz", "model_files",
}  # fmt: skip

every = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def declared(path: Path) -> Declaration:
    return read(path)


def need(path: Path) -> None:
    package = NEEDS.get(path.stem)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'mlfuzz[harnesses]'")


def child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a folder of its own: some harnesses write where they are run."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="mlfuzz-shipped-") as folder:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=folder, env=environment,
            timeout=120,
        )  # fmt: skip


def test_all_that_were_promised_are_shipped():
    assert {path.stem for path in FILES} == EXPECTED


@every
def test_the_declaration_is_read_without_importing_anything(path):
    declaration = declared(path)
    assert declaration.name == path.stem
    assert declaration.about
    assert (ROOT / declaration.seeds).is_dir()
    assert (ROOT / declaration.dictionary).is_file()
    assert declaration.mutator in {"", *FORMATS}
    assert declaration.blind or declaration.instrument


@every
def test_seeds_are_small(path):
    files = [file for file in (ROOT / declared(path).seeds).rglob("*") if file.is_file()]
    assert files
    assert max(file.stat().st_size for file in files) <= declared(path).length


@every
def test_a_format_has_five_seeds_to_begin_with(path):
    files = [file for file in (ROOT / declared(path).seeds).rglob("*") if file.is_file()]
    assert len({file.read_bytes() for file in files}) >= (4 if path.stem in PLANTED else 5)


@every
def test_each_line_of_the_dictionary_is_one_that_libfuzzer_reads(path):
    text = (ROOT / declared(path).dictionary).read_text("ascii")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r'"(?:[^"\\]|\\["\\]|\\x[0-9a-fA-F]{2})+"', line), line


@every
def test_the_plain_script_catches_what_the_declaration_documents(path):
    tree = ast.parse(path.read_text())
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress")
    ]
    caught = {ast.unparse(argument).rpartition(".")[2] for call in calls for argument in call.args}
    documented = {rule.type.rpartition(".")[2] for rule in declared(path).documented}
    # A subclass of what is caught anyway need not be named: UnidentifiedImageError is an OSError.
    assert caught <= documented
    assert documented - caught <= {"UnidentifiedImageError"}


@every
def test_documented_exceptions_are_found_where_they_are_said_to_be(path):
    need(path)
    own = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)}
    rules = [(rule.type, rule.match) for rule in declared(path).documented if rule.type not in own]
    assert Documented(rules).unresolved == ()


SEEDS_RUN = """
import importlib.util, sys
from pathlib import Path
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.harness.declaration import read
path, seeds = Path(sys.argv[1]), Path(sys.argv[2])
spec = importlib.util.spec_from_file_location(path.stem, path)
module = importlib.util.module_from_spec(spec)
sys.modules[path.stem] = module
spec.loader.exec_module(module)
documented = Documented([(rule.type, rule.match) for rule in read(path).documented])
for file in sorted(one for one in seeds.rglob("*") if one.is_file()):
    try:
        module.fuzz(file.read_bytes())
        print("ok")
    except Exception as error:
        print("refused" if documented.covers(error) else f"{file.name}: {error!r}")
"""


@pytest.mark.slow
@every
def test_no_seed_raises_what_is_not_documented_and_most_are_taken(path):
    need(path)
    done = child(SEEDS_RUN, str(path), str(ROOT / declared(path).seeds))
    assert done.returncode == 0, done.stderr
    verdicts = done.stdout.splitlines()
    assert [verdict for verdict in verdicts if verdict not in ("ok", "refused")] == []
    assert verdicts.count("ok") > len(verdicts) // 2


@pytest.mark.parametrize(("name", "package"), NEEDS.items())
def test_a_missing_package_is_told_in_one_line(name, package):
    path = ROOT / "harnesses" / f"{name}.py"
    done = child(
        "import importlib.util as util, sys\n"
        "find = util.find_spec\n"
        f"util.find_spec = lambda name, *more: None if name == {package!r} else find(name, *more)\n"
        f"exec(compile(open({str(path)!r}).read(), 'harness', 'exec'), {{'__name__': 'harness'}})"
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError:")
    assert "pip install 'mlfuzz[harnesses]'" in last


@pytest.mark.slow
@every
def test_it_runs_as_a_plain_atheris_script(path, tmp_path):
    need(path)
    pytest.importorskip("atheris", reason="atheris has no wheel for this platform")
    seeds = ROOT / declared(path).seeds
    (tmp_path / "corpus").mkdir()
    done = subprocess.run(
        [sys.executable, str(path), "-runs=200", "-seed=1", "-timeout=20", "-rss_limit_mb=4096",
         f"-artifact_prefix={tmp_path}/", str(tmp_path / "corpus"), str(seeds)],
        capture_output=True, cwd=tmp_path, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert b"INITED" in output, output[-2000:]
    # It ends after its runs, or at the first finding: then libFuzzer has written the input down.
    assert b"DONE" in output or b"Test unit written to" in output or b"artifact_prefix" in output, output[-2000:]
    if path.stem not in PLANTED and declared(path).instrument and not declared(path).blind:
        assert re.search(rb"INITED cov: \d{2,}", output), output[-2000:]
