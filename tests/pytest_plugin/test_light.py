"""What the plugin costs those who do not use it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PAIRS, MOST_PAIRS = 6, 36
MOST_SECONDS = 0.050
HEAVY = ("torch", "numpy", "msgspec", "hypothesis", "faiss", "mlfuzz.testing", "mlfuzz.config")


def python(code: str, folder) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder).stdout


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "regressions" / "api"
    folder.mkdir(parents=True)
    (folder / "test_nothing.py").write_text("def test_nothing(): pass\n")
    (folder / "1.json").write_text("{}")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:hypothesispytest -p no:cacheprovider\n")
    return tmp_path


def test_an_unused_plugin_imports_nothing_but_itself(empty):
    code = f"import sys, pytest; pytest.main(['-q']); print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    assert "LOADED []" in python(code, empty)


def test_importing_the_items_brings_in_no_torch(empty):
    code = "import sys, mlfuzz.pytest_plugin.items, mlfuzz.pytest_plugin.selection; print('torch' in sys.modules)"
    assert python(code, empty).strip() == "False"


@pytest.mark.slow
@pytest.mark.turns(2)
def test_an_unused_plugin_costs_less_than_50_ms(empty):
    """Processor time of whole runs, with and without in turn; the least of each, since others only add.

    On a machine that others use too the least comes late: it is waited for, and no further than MOST_PAIRS.
    """
    code = "import resource, sys, pytest; pytest.main(sys.argv[1:]); print('SPENT', sum(resource.getrusage(0)[:2]))"

    def spent(*arguments: str) -> float:
        ran = subprocess.run(
            [sys.executable, "-c", code, "-q", *arguments], capture_output=True, text=True, check=True, cwd=empty
        )
        return float(ran.stdout.rpartition("SPENT")[2])

    pairs: list[tuple[float, float]] = []
    while True:
        pairs += [(spent(), spent("-p", "no:mlfuzz")) for _ in range(PAIRS)]
        with_it, without = (min(column) for column in zip(*pairs, strict=True))
        if with_it - without <= MOST_SECONDS or len(pairs) >= MOST_PAIRS:
            break
    assert with_it - without <= MOST_SECONDS, pairs
