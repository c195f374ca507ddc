"""Failing examples of Hypothesis' tests go into Hypothesis' own database, where pytest finds and shrinks them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.engine.atheris_engine import environment
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.harness.property_tests import SEPARATOR
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore

PATIENCE_SECONDS = 120
"""To import the module of a test on a busy machine; it has been imported before."""

_BLOB = re.compile(r"@reproduce_failure\([^,]+, (b'[A-Za-z0-9+/=]*')\)")
"""As Hypothesis prints it below a failing example."""


def keep(store: FindingStore, finding: Finding, harness: Harness) -> Finding:
    """Put a confirmed finding's example there, and note in it where that is, or why it is not."""
    declaration = harness.declaration
    if finding.verdict != "confirmed" or not declaration.entry.startswith(SEPARATOR):
        return finding
    found = _BLOB.search(str(finding.evidence.get("traceback", "")))
    where = _saved(harness, ast.literal_eval(found[1])) if found else "not kept: Hypothesis does not see it fail"
    if finding.evidence.get("hypothesis") == where:
        return finding
    changed = msgspec.structs.replace(finding, evidence={**finding.evidence, "hypothesis": where})
    store.update(changed)
    return changed


def _saved(harness: Harness, blob: bytes) -> str:
    project = harness.project.resolve()
    command = [sys.executable, "-P", "-m", "mlfuzz.codefuzz.loading.property_database"]
    arguments = [harness.declaration.path, harness.declaration.entry, str(project)]
    try:
        done = subprocess.run(
            [*command, *arguments], input=blob, capture_output=True, cwd=project, timeout=PATIENCE_SECONDS, check=False,
            env=environment(Options(project=str(project), instrument=False)),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"not kept: {type(error).__name__}"
    words = done.stdout.decode("utf-8", "replace").strip().splitlines() or [""]
    if done.returncode == 0:
        path = Path(words[-1])
        return str(path.relative_to(project) if path.is_relative_to(project) else path)
    last = done.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
    return f"not kept: {words[-1] or last[-1]}"
