"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
OURS = r"(?<![.\w/])((?:mlfuzz|tests|scripts|harnesses|docs)/(?:[\w.-]+/)*[\w-]+\.(?:py|md|html|toml))\b"
HOW = (ROOT / "docs" / "how-it-works.md").read_text()

ELSEWHERE = {"harnesses/upload.py", "harnesses/NAME.py", "harnesses/x.py", "tests/test_x.py"}
"""Files that a command of the documents writes, or that stand for one's own."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_is_there(document):
    named = set(re.findall(OURS, document.read_text())) - ELSEWHERE
    assert {path for path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document):
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
        assert (document.parent / link).exists(), link


def test_both_pictures_name_the_files_that_stand_in_them():
    assert len(set(re.findall(OURS, "".join(re.findall(r"```\n(.*?)```", HOW, re.DOTALL))))) >= 25


def test_no_word_stands_twice_in_the_glossary():
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", HOW.partition("## Words")[2], re.MULTILINE)[2:]
    words = [word for row, _ in rows for word in row.split(", ")]
    assert len(words) == len(set(words))
    assert len(words) >= 30


def test_words_mean_the_same_on_the_first_page():
    glossary = HOW.partition("## Words")[2]
    for row in re.findall(r"^\| (.+?) \| .+? \|$", (ROOT / "README.md").read_text().partition("## Words")[2], re.M)[2:]:
        for word in row.split(", "):
            assert re.search(rf"^\| (?:.*, )?{word}(?:,.*)? \|", glossary, re.MULTILINE), word
