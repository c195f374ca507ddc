"""A lane as a user gets it: built, fuzzed in, its memory error found and replayed, all from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlfuzz.codefuzz.native import build
from mlfuzz.codefuzz.native.build import is_project

EXTENSION = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

static PyObject *expand(PyObject *self, PyObject *argument) {
    const unsigned char *data = (const unsigned char *)PyBytes_AsString(argument);
    Py_ssize_t size = PyBytes_Size(argument);
    if (data == NULL) return NULL;
    if (size < 4 || data[0] != 'R' || data[1] != 'L') {
        PyErr_SetString(PyExc_ValueError, "no row");
        return NULL;
    }
    unsigned char *row = malloc(16);
    memset(row, 0, 16);
    for (int at = 0; at < data[2]; at++) row[at] = data[3];  /* planted: a row has 16 pixels */
    PyObject *made = PyBytes_FromStringAndSize((const char *)row, 16);
    free(row);
    return made;
}

static PyMethodDef METHODS[] = {{"expand", expand, METH_O, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "rowcodec", "", -1, METHODS};
PyMODINIT_FUNC PyInit_rowcodec(void) { return PyModule_Create(&MODULE); }
"""
SETUP = """
from setuptools import Extension, setup
setup(name="rowcodec", version="1.0", ext_modules=[Extension("rowcodec", ["rowcodec.c"])], py_modules=[])
"""
HARNESS = """
import rowcodec

HARNESS = {"name": "rows", "instrument": ["rowcodec"], "seeds": "seeds", "allowed": ["ValueError"], "length": 32}


def fuzz(data):
    rowcodec.expand(data)
"""

pytest.importorskip("atheris")

here = pytest.mark.skipif(
    bool(build.missing("pillow")) and not os.environ.get("CI"),
    reason="; ".join(build.missing("pillow")) or "all is there",
)
"""Continuous integration installs what is missing: there these tests fail instead."""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "mlfuzz.toml").write_text("")
    for folder in ("harnesses", "seeds", "rowcodec"):
        (tmp_path / folder).mkdir()
    (tmp_path / "harnesses" / "rows.py").write_text(HARNESS)
    (tmp_path / "seeds" / "short.row").write_bytes(b"RL\x02abc")
    (tmp_path / "rowcodec" / "rowcodec.c").write_text(EXTENSION)
    (tmp_path / "rowcodec" / "setup.py").write_text(SETUP)
    return tmp_path


def mlfuzz(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {"PIP_NO_BUILD_ISOLATION": "0"} if "./rowcodec" in arguments else {}  # setuptools is here already
    return subprocess.run(
        [sys.executable, "-m", "mlfuzz", "-C", str(project), *arguments], capture_output=True, text=True, check=False,
        timeout=900, env={**os.environ, **variables},
    )  # fmt: skip


@here
@pytest.mark.slow
def test_a_project_s_extension_is_built_its_overflow_found_and_replayed(project):
    built = mlfuzz(project, "harness", "build-native", "./rowcodec", "--sanitizer", "address")
    assert built.returncode == 0, built.stderr
    assert sorted(path.name for path in (project / "rowcodec").iterdir()) == ["rowcodec.c", "setup.py"]

    done = mlfuzz(project, "harness", "run", "rows", "--lane", "address", "--max-findings", "1", "--time", "60s")
    assert done.returncode == 1, done.stdout + done.stderr
    (found,) = json.loads(mlfuzz(project, "findings", "list", "--json").stdout)
    assert (found["kind"], found["observed"], found["verdict"]) == ("sanitizer", "heap-buffer-overflow", "confirmed")
    assert found["evidence"]["sanitizer"]["access"] == "write"
    assert "rowcodec.c" in found["fault"]

    again = mlfuzz(project, "replay", found["id"])
    assert again.returncode == 1, again.stdout + again.stderr
    assert "heap-buffer-overflow" in again.stdout
    mended = EXTENSION.replace("at < data[2]", "at < data[2] && at < 16")
    (project / "rowcodec" / "rowcodec.c").write_text(mended)
    assert mlfuzz(project, "harness", "build-native", "./rowcodec").returncode == 0
    fixed = mlfuzz(project, "replay", found["id"])
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr


@here
@pytest.mark.slow
@pytest.mark.turns(2)
def test_pillow_is_built_and_shows_its_native_edges(project):
    built = mlfuzz(project, "harness", "build-native", "pillow", "--sanitizer", "address")
    assert built.returncode == 0, built.stderr
    edges = {}
    for lane in ("plain", "address"):
        done = mlfuzz(
            project, "harness", "run", "image_pillow", "--lane", lane, "--name", lane, "--inputs", "3000", "--json",
            "--no-report",
        )  # fmt: skip
        result = [json.loads(line) for line in done.stdout.splitlines() if '"event":"result"' in line][-1]
        assert not result["broken"], result
        edges[lane] = result["stats"]["coverage"]["edges"]
    assert edges["address"] > edges["plain"] + 100, edges


def test_only_a_path_to_what_pip_builds_is_a_project(project, monkeypatch):
    monkeypatch.chdir(project)
    assert is_project("./rowcodec")
    assert is_project(str(project / "rowcodec"))
    assert not is_project("rowcodec"), "a bare name is a package's"
    assert not is_project("./seeds")
