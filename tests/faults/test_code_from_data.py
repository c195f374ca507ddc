"""No file that mlfuzz reads can be code: what could turn data into code is used nowhere, or where it says why here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlfuzz

ROOT = Path(mlfuzz.__file__).parent

ALLOWED = {
    ("codefuzz/loading/instrumentation_cache.py", "compile"): "a sample that stands in the file itself",
    ("cli/verbs/completion.py", "application().generate_completion({'shell': 'shell'})"): (
        "the name of a shell, a script for which is printed; none is run"
    ),
    ("codefuzz/loading/instrumentation_cache.py", "exec"): "the same sample",
    ("codefuzz/loading/instrumentation_cache.py", "marshal.loads"): (
        "instrumented code in the user's own cache, never in a project: it lies where __pycache__ might"
    ),
    ("codefuzz/loading/script.py", "compile"): "a harness that was named to run: a file of Python",
    ("codefuzz/loading/script.py", "exec"): "the same harness",
    ("codefuzz/native/debian_source.py", "tarfile.extractall"): (
        'sources that apt has fetched and checked, with filter="data"'
    ),
    ("codefuzz/native/sources.py", "shutil.unpack_archive"): (
        'sources of a package that pip has fetched, which are built next; of tar archives with filter="data"'
    ),
    ("codefuzz/native/sources.py", "tarfile.extractall"): (
        'what git makes of a checkout of the user\'s, which is built next, with filter="data"'
    ),
    ("testing/modalities.py", "compile"): "a law: the lines of a repro.py are Python; they are not run",
}  # fmt: skip
"""What is used all the same, and why it is no door: file and call."""

NEVER = frozenset({
    "eval", "exec", "compile", "pickle.load", "pickle.loads", "pickle.Unpickler", "cPickle.loads", "dill.load",
    "dill.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load", "marshal.load", "marshal.loads",
    "shelve.open", "jsonpickle.decode", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "os.system",
    "os.popen",
    "pty.spawn", "subprocess.getoutput", "subprocess.getstatusoutput", "tarfile.extractall", "zipfile.extractall",
    "shutil.unpack_archive", "np.fromregex", "torch.hub.load", "xml.dom.pulldom.parse", "logging.config.listen",
    "code.interact", "runpy.run_path", "runpy.run_module", "types.FunctionType", "types.CodeType", "np.memmap",
})  # fmt: skip
METHODS = frozenset({"extractall", "extract"})
"""Of an archive, whatever it is called."""

ONLY_WITH = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "np.save": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
    "np.lib.format.read_array": ("allow_pickle", False),
    "npy.read_array": ("allow_pickle", False),
}
"""Safe with this argument, written out, alone."""


def calls(tree: ast.AST) -> Iterator[tuple[int, str, ast.Call]]:
    """Line, dotted name, call: names that an import has given are those of the module."""
    origin: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origin |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            origin |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    origin = {name: {"numpy": "np"}.get(full, full) for name, full in origin.items()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            head, dot, rest = name.partition(".")
            yield node.lineno, origin.get(head, head) + dot + rest, node


WORDS = re.compile(
    rf"\b(?:{'|'.join({name.rpartition('.')[2] for name in (*NEVER, *METHODS, *ONLY_WITH)} - {'compile'})})\((?!\))"
    r"|(?<!re\.)(?<!torch\.)\bcompile\(|shell=|allow_pickle"
)
"""Parsing every file takes seconds."""


def refused(source: str) -> list[tuple[int, str]]:
    """Line and call of everything that could make code of data."""
    if not WORDS.search(source):
        return []
    found = []
    for line, name, call in calls(ast.parse(source)):
        arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        method = name.rpartition(".")[2]
        if name in NEVER or name.removeprefix("builtins.") in NEVER:
            found.append((line, name.removeprefix("builtins.")))
        elif method in METHODS and "." in name:
            found.append((line, f"{'zipfile' if 'zip' in source and 'tarfile' not in source else 'tarfile'}.{method}"))
        elif name in ONLY_WITH and arguments.get(ONLY_WITH[name][0]) != str(ONLY_WITH[name][1]):
            found.append((line, name))
        elif arguments.get("shell", "False") != "False" or arguments.get("allow_pickle", "False") != "False":
            found.append((line, f"{name}({arguments})"))
    return found


@pytest.mark.slow
def test_nothing_that_makes_code_of_data_is_called_but_where_it_says_why() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), name): line
        for path in sorted(ROOT.rglob("*.py"))
        for line, name in refused(path.read_text("utf-8"))
    }
    assert {key: line for key, line in found.items() if key not in ALLOWED} == {}
    assert set(ALLOWED) - set(found) == set(), "no longer called: take it out of ALLOWED"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(data)", "from pickle import loads\nloads(data)", "import pickle as p\np.load(f)",
        "eval(text)", "exec(text)", "import builtins\nbuiltins.exec(text)", "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)", "import numpy as np\nnp.load(path)",
        "import numpy\nnumpy.load(path, allow_pickle=True)", "import yaml\nyaml.load(text, Loader=yaml.Loader)",
        "import subprocess\nsubprocess.run(text, shell=True)", "import os\nos.system(text)",
        "import tarfile\ntarfile.open(path).extractall(folder)", "archive.extract(name)",
        "import shelve\nshelve.open(path)",
        "import marshal as m\nm.loads(data)", "from torch import load\nload(path)",
    ],
)  # fmt: skip
def test_each_way_to_make_code_of_data_is_seen(source: str) -> None:
    assert refused(source)


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()", "import re\nre.compile(text)", "import torch\ntorch.load(path, weights_only=True)",
        "import numpy as np\nnp.load(path, allow_pickle=False)", "import ast\nast.literal_eval(text)",
        "import torch\ntorch.compile(model)",
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_let_be(source: str) -> None:
    assert refused(source) == []
