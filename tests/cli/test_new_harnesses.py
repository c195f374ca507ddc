"""`mlfuzz harness new --for FORMAT`: each file reads, its seeds are of its format, and its code takes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from mlfuzz.cli.verbs.harness_formats import PATHS, STARTERS
from mlfuzz.cli.verbs.harness_new import Kind, seeds_of, text_of, words_of
from mlfuzz.codefuzz.corpus.dictionary import parse
from mlfuzz.codefuzz.formats import FORMATS, tree
from mlfuzz.codefuzz.harness.declaration import read

KINDS = get_args(Kind)
NEEDS = {"yaml": "yaml"}

RUN = """
import importlib.util, json, sys
from pathlib import Path
failed = {}
for path in sorted(Path(sys.argv[1]).glob("*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        for seed in sorted((path.parent / "seeds" / path.stem).iterdir()):
            module.fuzz(seed.read_bytes())
    except BaseException as error:
        failed[path.stem] = repr(error)
print(json.dumps(failed))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_harness_is_declared_with_its_format(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text_of("mine", kind))
    declaration = read(path)
    assert declaration.name == "mine"
    assert declaration.mutator in {"", *FORMATS}
    assert bool(declaration.grammar) is (kind == "grammar")
    assert max(map(len, seeds_of(kind).values())) <= declaration.length
    assert parse(words_of(kind))[1] == []
    if kind in STARTERS and kind in FORMATS:
        assert declaration.mutator == kind


@pytest.mark.parametrize("kind", sorted(set(STARTERS) & set(FORMATS)))
def test_its_seeds_have_the_parts_of_its_format(kind: Kind) -> None:
    for data in seeds_of(kind).values():
        root = tree(data, FORMATS[kind])
        assert root.join is not None
        assert root.written() == data


@pytest.mark.slow
def test_its_code_takes_its_seeds(tmp_path: Path) -> None:
    """All of them in one process of their own: some take another way through a module of the standard library."""
    for kind in STARTERS:
        if kind in NEEDS:
            pytest.importorskip(NEEDS[kind], reason="pip install 'mlfuzz[harnesses]'")
        (tmp_path / f"new_{kind}.py").write_text(text_of(f"new_{kind}", kind))  # type: ignore[arg-type]
        (tmp_path / "seeds" / f"new_{kind}").mkdir(parents=True)
        for name, data in seeds_of(kind).items():  # type: ignore[arg-type]
            (tmp_path / "seeds" / f"new_{kind}" / name).write_bytes(data)
    done = subprocess.run([sys.executable, "-c", RUN, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {}


def test_the_grammar_of_a_new_harness_takes_its_seeds(tmp_path: Path) -> None:
    pytest.importorskip("lark", reason="pip install 'mlfuzz[grammar]'")
    from mlfuzz.codefuzz.formats.grammar import load

    (tmp_path / "mine.lark").write_text(PATHS)
    form = load(str(tmp_path / "mine.lark"))
    for data in seeds_of("grammar").values():
        assert tree(data, form).join is not None
