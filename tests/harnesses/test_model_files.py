"""The shipped harness for model files: a scanner that can be misled is convicted, an honest one is not."""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import re
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from faults.drawn import drawn

from mlfuzz.codefuzz.engine.default_engine import engine
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.discovery import at
from mlfuzz.codefuzz.harness.engine import Options

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "harnesses" / "model_files.py"
SEEDS = ROOT / "corpus" / "seeds" / "code" / "model_files"

BY_NAME = b"\x80\x02cos\ngetcwd\n)R."
BY_STACK = b"\x80\x04\x8c\x02os\x8c\x06getcwd\x93)R."
BY_MEMO = b"\x80\x04\x8c\x02os\x94\x8c\x06getcwd\x94K\x01h\x00h\x01\x93."

MISLED = {
    "opcodes that name both in one": """
    names = [argument.split(" ", 1) for one, argument, _ in pickletools.genops(data) if one.name == "GLOBAL"]
    return not any(forbidden(*both) for both in names)
""",
    "words in the bytes": """
    return not any(b"c" + name.encode() + b"\\n" in data for name in FORBIDDEN)
""",
    "the first pickle of a file": """
    end = [at for one, _, at in pickletools.genops(data)][-1]
    return _scan(data[: end + 1])
""",
    "the two strings before, whatever stands between": """
    strings = [""]
    for one, argument, _ in pickletools.genops(data):
        if one.name == "STACK_GLOBAL" and forbidden(strings[-2] if len(strings) > 1 else "", strings[-1]):
            return False
        if one.name in ("GLOBAL", "INST") and forbidden(*argument.split(" ", 1)):
            return False
        if "UNICODE" in one.name:
            strings.append(argument)
    return True
""",
    "what is broken as harmless": """
    try:
        list(pickletools.genops(data))
    except Exception:
        return True
    return _scan(data)
""",
}
"""Planted scanners, by what each looks at alone."""


def planted(body: str, folder: Path) -> Path:
    """The harness with this scanner, without torch: importing it takes longer than all else."""
    text = FILE.read_text().replace("def scan(data: bytes) -> bool:", "def _scan(data: bytes) -> bool:")
    text = text.replace("class Anything:", f"def scan(data: bytes) -> bool:{body}\n\nclass Anything:", 1)
    text = text.replace('_optional("torch")', "None").replace('"corpus/seeds/code/', f'"{SEEDS.parent}/')
    (folder / "harnesses").mkdir(exist_ok=True)
    path = folder / "harnesses" / "model_files.py"
    path.write_text(text)
    return path


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("model_files_here", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["model_files_here"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return imported(planted("\n    return _scan(data)", tmp_path_factory.mktemp("honest")))


@pytest.mark.parametrize(
    "data", [BY_NAME, BY_STACK, BY_MEMO, b"(ios\ngetcwd\n.", pickle.dumps(1, 2) + BY_STACK, BY_NAME[:-1]]
)
def test_the_loader_tells_what_it_is_asked_for_and_the_scanner_does_not_say_safe(
    honest: ModuleType, data: bytes
) -> None:
    assert honest.reached(data) == ["os.getcwd"]
    assert not honest.says_safe(data)
    honest.fuzz(data)


def test_nothing_is_called(honest: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(os, "getcwd", lambda: called.append("getcwd"))
    for data in (BY_NAME, BY_STACK, b"cbuiltins\nprint\n(Vx\ntR."):
        assert honest.reached(data)
    assert called == []


@pytest.mark.parametrize("path", sorted(SEEDS.iterdir()), ids=lambda path: path.name)
def test_seeds_that_name_nothing_are_called_safe(honest: ModuleType, path: Path) -> None:
    data = path.read_bytes()
    honest.fuzz(data)
    if path.suffix == ".pkl":
        assert honest.says_safe(data) is not path.name.startswith("named")


MISLEADING = (BY_STACK, BY_STACK, pickle.dumps(1, 2) + BY_NAME, BY_MEMO.replace(b"K\x01", b"\x8c\x01x"), BY_NAME[:-1])


@pytest.mark.parametrize(("scanner", "data"), list(zip(MISLED, MISLEADING, strict=True)))
def test_a_misled_scanner_is_named_with_both_opinions(tmp_path: Path, scanner: str, data: bytes) -> None:
    module = imported(planted(MISLED[scanner], tmp_path))
    with pytest.raises(module.ScannerMisled, match=r"the scanner says safe; the loader reaches os\.getcwd"):
        module.fuzz(data)


def test_a_member_that_misleads_is_found_inside_an_archive(tmp_path: Path) -> None:
    module = imported(planted(MISLED["words in the bytes"], tmp_path))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", BY_STACK)
    with pytest.raises(module.ScannerMisled, match=r"reaches os\.getcwd"):
        module.fuzz(file.getvalue())


def test_two_readers_of_one_header_are_told_apart(honest: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (SEEDS / "tensors.safetensors").read_bytes()
    monkeypatch.setattr(honest, "_theirs", lambda data: [("w", {"dtype": "F32", "shape": [4], "data": bytes(16)})])
    with pytest.raises(honest.ReadersDisagree, match=r"safetensors reads .*by its description"):
        honest.fuzz(data)


@pytest.mark.slow
@pytest.mark.parametrize("scanner", drawn(list(MISLED)[:2], 1))
def test_a_campaign_convicts_a_misled_scanner(tmp_path: Path, scanner: str) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this platform")
    found = campaign(planted(MISLED[scanner], tmp_path), tmp_path)
    assert any(re.search(r"the scanner says safe; the loader reaches", one.message) for one in found)


def campaign(path: Path, folder: Path, *, seconds: float = 60.0, runs: int = 100_000) -> list[Outcome]:
    """Ends with the first failure."""
    found: list[Outcome] = []
    corpus = folder / "corpus"
    corpus.mkdir()
    for seed in SEEDS.iterdir():
        (corpus / seed.name).write_bytes(seed.read_bytes())
    with engine().prepare(at(path, folder).declaration, Options(project=str(folder))) as session:
        session.fuzz(
            corpus,
            seconds=seconds,
            runs=runs,
            on_failure=lambda payload, outcome: found.append(outcome),
            on_progress=lambda progress: None,
            stop=lambda: bool(found),
        )
    return found
