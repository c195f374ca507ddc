"""A modality's name stands with the modality; elsewhere only where people are shown one, or a paper's numbers are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mlfuzz

ROOT = Path(mlfuzz.__file__).parent

OWN = ("modality/", "mutators/image/", "mutators/audio/", "mutators/text/", "examples/", "_corpus/", "_harnesses/")

MAY = {
    "strategies.py": "images, audio and texts for Hypothesis are public names",
    "corpus/annotated.py": "what people call folders of pictures, and columns that name one",
    "corpus/arrays.py": "what people call the arrays of an .npz file",
    "corpus/attributes.py": "what is measured of each kind of input",
    "corpus/folder_labels.py": "what people call folders of data sets",
    "corpus/label_files.py": "what people call the column that names a file",
    "campaign/published.py": "the operators that the papers name",
    "cli/resolve/targets.py": "which shipped example shows which modality",
    "cli/verbs/demo.py": "the example that is shown first",
    "cli/verbs/init.py": "what a project is begun with where nobody says",
    "cli/verbs/format_seeds.py": "the name of a seed, text.gz",
    "cli/verbs/harness_for_target.py": "templates of harnesses, by what a target takes",
    "cli/verbs/harness_new.py": "templates of harnesses, by the kind of file",
    "skew/model_input.py": "the forms in which a picture, a sound or a text is the same input",
    "targets/check.py": "geometry is left out of what is tried on pictures, and said of them alone",
    "targets/forms/folders.py": "which part of a folder makes ready what the model takes",
    "testing/examples.py": "rows that oracles are tried on",
    "testing/places.py": "only operators of pictures move what is seen",
    "testing/puzzles.py": "tiny targets",
    "testing/variants.py": "a tiny target",
}

MODULES = {f"mlfuzz.modality.{name}" for name in ("image", "audio", "text")}


def named(path):
    """Strings that are a modality or one of its operators ("text" alone has other uses), and imports of codecs."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            value = node.value
            page = value.endswith(".html")
            if value in ("image", "audio") or (value.startswith(("image.", "audio.", "text.")) and not page):
                yield value
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield node.module


def others():
    paths = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")]
    return sorted(path for path in paths if not path.startswith(OWN))


def test_no_other_file_names_one():
    assert {path: found for path in others() if path not in MAY and (found := sorted(set(named(ROOT / path))))} == {}


@pytest.mark.parametrize("path", MAY)
def test_who_may_does(path):
    assert list(named(ROOT / path))
