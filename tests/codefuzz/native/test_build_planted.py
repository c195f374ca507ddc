"""Memory errors in C, found from nothing: an extension with one fault of each kind, built as its users build theirs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults.drawn import drawn

from mlfuzz.codefuzz.native import build, toolchain
from mlfuzz.codefuzz.native.build_system import build_system
from mlfuzz.codefuzz.native.sources import versions_of
from mlfuzz.errors import TargetError, UnknownNameError

SOURCE = Path(__file__).parent / "planted" / "wound.c"

FAULTS = {
    "heap": ("address", "heap-buffer-overflow"),
    "stack": ("address", "stack-buffer-overflow"),
    "global": ("address", "global-buffer-overflow"),
    "after_free": ("address", "heap-use-after-free"),
    "twice": ("address", "double-free"),
    "nothing": ("address", "SEGV"),
    "sum": ("undefined", "integer-overflow"),
    "shift": ("undefined", "invalid-shift"),
}
"""Function in C -> sanitizer, what is told of it; a leak is told by what it leaves behind, see below."""

MENDED = {
    "heap": ("at < data[2] % 32; at++) row", "at < data[2] % 8; at++) row"),
    "stack": ("at < data[2] % 32; at++) line", "at < data[2] % 8; at++) line"),
    "global": ("data[2] % 8]", "data[2] % 4]"),
    "after_free": ("data[2] > 64 ? page[0] : 0", "0"),
    "twice": ("if (data[2] > 64) free(seen);", ""),
    "nothing": ("data[2] > 64 ? NULL : table", "table"),
    "sum": ("large + data[2] * 2", "large - data[2] * 2"),
    "shift": ("1 << data[2]", "1 << data[2] % 8"),
}
"""What the version before did not do."""

SETUPTOOLS = {
    "setup.py": "from setuptools import Extension, setup\n"
    'setup(name="wound", version="1.0", ext_modules=[Extension("wound", ["wound.c"])], py_modules=[])\n'
}
MESON = {
    "pyproject.toml": '[build-system]\nrequires = ["meson-python"]\nbuild-backend = "mesonpy"\n'
    '[project]\nname = "wound"\nversion = "1.0"\n',
    "meson.build": "project('wound', 'c', version: '1.0')\npy = import('python').find_installation(pure: false)\n"
    "py.extension_module('wound', 'wound.c', install: true)\n",
}
SCIKIT = {
    "pyproject.toml": '[build-system]\nrequires = ["scikit-build-core"]\nbuild-backend = "scikit_build_core.build"\n'
    '[project]\nname = "wound"\nversion = "1.0"\n',
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.18)\nproject(wound C)\n"
    "find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)\n"
    "python_add_library(wound MODULE wound.c WITH_SOABI)\ninstall(TARGETS wound DESTINATION .)\n",
}
CONFIGURED = {"setup.cfg": "[metadata]\nname = wound\nversion = 1.0\n"}
RUST = {"pyproject.toml": '[build-system]\nrequires = ["maturin>=1"]\nbuild-backend = "maturin"\n'}

here = pytest.mark.skipif(
    bool(toolchain.missing()) and not os.environ.get("CI"), reason="; ".join(toolchain.missing()) or "all is there"
)
"""Continuous integration installs what is missing: there these tests fail instead."""


def laid_out(folder: Path, files: dict[str, str], *, without: str = "") -> Path:
    """The extension as a project of those files. without: the fault that this version does not have."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    source = SOURCE.read_text()
    if without:
        bad, good = MENDED[without]
        assert source.count(bad) == 1
        source = source.replace(bad, good)
    (folder / "wound.c").write_text(source)
    return folder


@pytest.fixture
def project(tmp_path):
    (tmp_path / "mlfuzz.toml").write_text("")
    (tmp_path / "harnesses").mkdir()
    for fault in (*FAULTS, "leak"):
        (tmp_path / "harnesses" / f"{fault}.py").write_text(
            f'import wound\nHARNESS = {{"name": "{fault}", "instrument": ["wound"], "length": 16, "mebibytes": 64}}\n'
            f'def fuzz(data):\n    wound.wound("{fault}", data)\n'
        )
    return tmp_path


def mlfuzz(project: Path, *arguments: str, isolated: bool = False) -> subprocess.CompletedProcess[str]:
    variables = {} if isolated else {"PIP_NO_BUILD_ISOLATION": "0"}  # setuptools is here already
    return subprocess.run(
        [sys.executable, "-m", "mlfuzz", "-C", str(project), *arguments], capture_output=True, text=True, check=False,
        timeout=600, env={**os.environ, **variables},
    )  # fmt: skip


def built(project: Path, files: dict[str, str], sanitizer: str, *, isolated: bool = False) -> None:
    laid_out(project / "wound", files)
    done = mlfuzz(project, "harness", "build-native", "./wound", "--sanitizer", sanitizer, isolated=isolated)
    assert done.returncode == 0, done.stdout + done.stderr


def found_from_nothing(project: Path, fault: str) -> dict[str, object]:
    """The finding of a campaign that has no seed; confirmed, shrunk and told with its place in C."""
    sanitizer, error = FAULTS[fault]
    ran = mlfuzz(
        project, "harness", "run", fault, "--lane", sanitizer, "--max-findings", "1", "--time", "120s", "--no-report"
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    (found,) = json.loads(mlfuzz(project, "findings", "list", "--name", fault, "--json").stdout)
    assert (found["kind"], found["observed"], found["verdict"]) == ("sanitizer", error, "confirmed")
    assert found["fault"] == f"sanitizer:{error}:wound.c:{fault}"
    assert found["evidence"]["size"] <= 6
    return found


@here
@pytest.mark.slow
@pytest.mark.parametrize("fault", drawn(list(FAULTS), 1))
def test_a_fault_in_c_is_found_from_nothing_replayed_and_traced_to_its_version(fault, project):
    sanitizer, error = FAULTS[fault]
    built(project, SETUPTOOLS, sanitizer)
    found = found_from_nothing(project, fault)
    again = mlfuzz(project, "replay", found["id"])
    assert again.returncode == 1, again.stdout + again.stderr
    assert error in again.stdout
    laid_out(project / "versions" / "1.0", SETUPTOOLS, without=fault)
    laid_out(project / "versions" / "1.1", SETUPTOOLS)
    traced = mlfuzz(project, "harness", "bisect", found["id"], "--package", "./versions", "--versions", "1.0..1.1")
    assert "holds with 1.0, fails with 1.1" in traced.stdout, traced.stdout + traced.stderr


@here
@pytest.mark.manual
def test_every_fault_in_c_is_found_from_nothing(project):
    for sanitizer in ("address", "undefined"):
        shutil.rmtree(project / "wound", ignore_errors=True)
        built(project, SETUPTOOLS, sanitizer)
        for fault, (of, _) in FAULTS.items():
            if of == sanitizer:
                found = found_from_nothing(project, fault)
                assert mlfuzz(project, "replay", found["id"]).returncode == 1


@here
@pytest.mark.manual
def test_memory_that_c_does_not_give_back_is_found_from_nothing(project):
    built(project, SETUPTOOLS, "address")
    ran = mlfuzz(project, "harness", "run", "leak", "--lane", "address", "--max-findings", "1", "--time", "120s")
    (found,) = json.loads(mlfuzz(project, "findings", "list", "--json").stdout)
    assert (found["kind"], found["verdict"]) == ("leak", "confirmed"), ran.stdout + ran.stderr


@here
@pytest.mark.manual
@pytest.mark.parametrize("files", [MESON, SCIKIT], ids=["meson-python", "scikit-build-core"])
def test_other_build_systems_keep_sanitizer_coverage_and_names(files, project):
    built(project, files, "address", isolated=True)
    found_from_nothing(project, "heap")


@pytest.mark.parametrize(
    ("files", "name"),
    [(SETUPTOOLS, "setuptools"), (CONFIGURED, "setuptools"), (MESON, "meson-python"), (SCIKIT, "scikit-build-core"),
     (RUST, "maturin"), ({"pyproject.toml": "[project]\nname='x'\n"}, "setuptools")],
)  # fmt: skip
def test_a_folder_says_how_it_is_built(files, name, tmp_path):
    assert build_system(laid_out(tmp_path / "wound", files)).name == name


def test_a_folder_without_a_build_file_is_refused_with_what_was_looked_for_and_the_line_to_write(project):
    laid_out(project / "wound", {})
    with pytest.raises(TargetError) as refused:
        build.build(f"{project}/wound", "address", project / "native", print)
    for said in ("pyproject.toml, setup.py, setup.cfg", "wound/setup.py", "from setuptools import Extension, setup"):
        assert said in str(refused.value)
    assert refused.value.exit_code == 3
    assert not (project / "native").exists()


def test_a_sanitizer_for_rust_is_refused_with_the_reason_and_what_to_do(tmp_path):
    laid_out(tmp_path / "wound", RUST)
    with pytest.raises(TargetError, match=r"(?s)nightly.*--sanitizer assertions"):
        build.build(f"{tmp_path}/wound", "address", tmp_path / "native", print)
    assert (
        build.plan(tmp_path / "wound", "assertions", "x").variables["CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS"] == "true"
    )


def test_what_is_neither_installed_nor_named_with_a_version_is_not_fetched(tmp_path):
    with pytest.raises(UnknownNameError, match=r"wound==1\.0.*\./wound"):
        build.build("wound", "address", tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_versions_of_a_folder_are_its_folders_or_its_tags(tmp_path):
    for version in ("1.0", "1.1"):
        laid_out(tmp_path / "versions" / version, SETUPTOOLS)
    assert versions_of(f"{tmp_path}/versions") == ["1.0", "1.1"]
    with pytest.raises(TargetError, match="neither a folder of that version nor that revision"):
        versions_of(f"{tmp_path}/nowhere")
