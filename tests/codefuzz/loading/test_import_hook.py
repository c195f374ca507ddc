"""What is instrumented: by the file itself in all of atheris' forms, and by what is declared of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from codefuzz import atheris_forms

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.discovery import at
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.loading.loader import BROUGHT, SURVIVORS

ENGINE = AtherisEngine()

pytestmark = pytest.mark.skipif(bool(ENGINE.available()), reason=ENGINE.available() or "available")


def opened(path: Path, cache: str = "none"):
    root = path.parent.parent
    return ENGINE.prepare(at(path, root).declaration, Options(cache=cache, project=str(root)))


def steps(session, folder: Path) -> int:
    """Edges that an input with the first bytes of the planted bug reaches beyond those of another."""
    far, near = folder / "far", folder / "near"
    far.write_bytes(atheris_forms.MAGIC[:-1] + b"zzz")
    near.write_bytes(b"zzzzzzzz")
    reached = session.features([near, far])  # the first may import what it needs
    return len(reached[far] - reached[near])


def form(tmp_path: Path, name: str = "include", **options) -> Path:
    return atheris_forms.build(tmp_path, atheris_forms.FORMS[name], **options)


def test_what_a_plain_file_instruments_gives_edges(tmp_path):
    with opened(form(tmp_path)) as session:
        assert steps(session, tmp_path) == len(atheris_forms.MAGIC) - 1
        assert session.prepared.instrumented == ("acme", "acme.deep")


@pytest.mark.slow
@pytest.mark.parametrize("name", atheris_forms.FORMS)
def test_every_form_of_instrumentation_works_as_in_the_file(name, tmp_path):
    with opened(form(tmp_path, name)) as session:
        assert steps(session, tmp_path) == len(atheris_forms.MAGIC) - 1
        assert session.prepared.warnings == ()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["harnesses", "", "src"])
def test_a_target_is_instrumented_wherever_the_file_finds_it(place, tmp_path):
    path = form(tmp_path, place=place)
    path.write_text(f"import sys; sys.path.insert(0, {str(tmp_path / 'src')!r})\n{path.read_text()}")
    with opened(path) as session:
        assert steps(session, tmp_path) == len(atheris_forms.MAGIC) - 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("top", "configured"),
    [
        ("import acme", '["acme"]'),
        ("with atheris.instrument_imports(exclude=['acme', 'acme.deep']):\n    import acme", '["acme"]'),
        ("with atheris.instrument_imports():\n    import json\nimport acme", '["acme"]'),
        ("with atheris.instrument_imports():\n    import acme", '["json"]'),
        ("import json\nwith atheris.instrument_imports():\n    import acme", '["json.decoder"]'),
    ],
)
def test_what_the_file_and_the_configuration_name_is_instrumented_together(top, configured, tmp_path):
    path = atheris_forms.build(tmp_path, atheris_forms.plain(f"{top}\nimport json.decoder"))
    (tmp_path / "mlfuzz.toml").write_text(f"[harnesses.form]\ninstrument = {configured}\n")
    with opened(path) as session:
        assert steps(session, tmp_path) == len(atheris_forms.MAGIC) - 1
        named = configured.strip('[]"')
        assert named in session.prepared.instrumented
        assert named != "json.decoder" or "json" not in session.prepared.instrumented


@pytest.mark.slow
def test_a_module_that_the_fuzzer_uses_itself_is_instrumented_as_any_other(tmp_path):
    top = "with atheris.instrument_imports():\n    import json\nimport acme"
    path = atheris_forms.build(tmp_path, atheris_forms.plain(top, "def TestOneInput(data):\n    json.loads(data)\n"))
    with opened(path) as session:
        assert {"json", "json.decoder"} <= set(session.prepared.instrumented)


SOURCES = """
import sys
before = set(sys.modules)
import {}
for name in set(sys.modules) - before:
    spec = getattr(sys.modules[name], "__spec__", None)
    if type(getattr(spec, "loader", None)).__name__ == "SourceFileLoader":
        print(name.partition(".")[0])
"""


def sources(names: str) -> set[str]:
    code = SOURCES.format(names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_only_the_fuzzer_imports_is_known():
    theirs = sources("atheris")
    all_of_it = sources("atheris, mlfuzz.codefuzz.forkserver.server, mlfuzz.codefuzz.loading.instrumentation_cache")
    assert "json" in all_of_it
    assert all_of_it - theirs - SURVIVORS <= {*BROUGHT, "__future__"}


@pytest.mark.slow
def test_edges_of_what_the_file_instruments_are_equal_with_and_without_the_cache(tmp_path):
    path = form(tmp_path)
    seen = []
    for turn in "ab":
        with opened(path, str(tmp_path / "cache")) as session:
            (tmp_path / turn).mkdir()
            progress = session.fuzz(
                tmp_path / turn, seconds=60, runs=3000, on_failure=print, on_progress=lambda _: None
            )
            seen.append((session.prepared.cached, progress.edges, progress.features))
    assert [one[0] for one in seen] == [False, True]
    assert seen[0][1:] == seen[1][1:]


@pytest.mark.slow
def test_what_writes_a_traceback_counts_for_no_input(tmp_path):
    path = form(tmp_path, "all in main")
    path.write_text(path.read_text().replace("acme.parse(data)", "if len(data) > 2: raise KeyError(1)"))
    with opened(path) as session:
        payloads: list[bytes] = []
        progress = session.fuzz(
            tmp_path / "corpus", seconds=60, runs=2000, on_failure=lambda data, _: payloads.append(data),
            on_progress=lambda _: None,
        )  # fmt: skip
    assert payloads
    assert progress.edges < 20  # those of traceback and what it uses are hundreds


@pytest.mark.slow
@pytest.mark.parametrize("name", ["include", "a block in main", "one function"])
def test_a_bug_that_only_coverage_leads_to_is_found(name, tmp_path):
    found: list[bytes] = []
    with opened(form(tmp_path, name)) as session:
        session.fuzz(
            tmp_path / "corpus", seconds=60, on_failure=lambda data, _: found.append(data),
            on_progress=lambda _: None, stop=lambda: bool(found),
        )  # fmt: skip
    assert found[0].startswith(atheris_forms.MAGIC)
