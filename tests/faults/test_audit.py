"""Python itself watches while every verb reads a bundle made to do harm: nothing but the installation is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from faults.drawn import matrix
from mlfuzz.findings.finding import dumps

HOSTILE = matrix("hostile_records")
CANARY = "import pathlib\npathlib.Path({canary!r}).touch()\n"
SHADOWS = (
    "torch",
    "numpy",
    "msgspec",
    "PIL",
    "rich",
    "jinja2",
    "pip",
    "sitecustomize",
    "usercustomize",
    "conftest",
    "json",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A campaign from elsewhere, a bundle, modules that go by the names of others; all name what must not run."""
    root = tmp_path / "around" / "project"
    shutil.copytree(HOSTILE._template(), root)  # type: ignore[attr-defined]
    for name in (*SHADOWS, "evil", "harnesses/evil", "bundle/evil", "bundle/torch"):
        path = root / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(CANARY.format(canary=str(tmp_path / "canary")))
    record = HOSTILE._full()  # type: ignore[attr-defined]
    hostile = {
        "id": "../../escaped", "load": "os:system", "modality": {"name": "evil:make"}, "target": "../../escaped",
        "oracle": {"name": "evil:make", "part": "differ", "of": "evil:make"}, "label": "../../escaped",
        "blobs": [{"file": "../../escaped", "sha256": "0" * 64}],
    }  # fmt: skip
    for name, value in hostile.items():
        folder = root / "bundle" / f"with-{name}"
        shutil.copytree(root / "bundle/one", folder)
        changed = {**msgspec.to_builtins(record), name: value}
        (folder / "finding.json").write_bytes(msgspec.json.encode(changed))
    code = msgspec.structs.replace(record, side="code", load="evil.py:TestOneInput")
    shutil.copytree(root / "bundle/one", root / "bundle/code")
    (root / "bundle/code/finding.json").write_bytes(dumps(code))
    return root


@pytest.mark.slow
def test_no_verb_that_reads_a_strangers_bundle_imports_runs_or_writes_anything_of_it(
    project: Path, tmp_path: Path
) -> None:
    verbs = [list(verb) for verb in HOSTILE.VERBS]  # type: ignore[attr-defined]
    for folder in sorted((project / "bundle").glob("*/")):
        verbs += [["replay", f"bundle/{folder.name}"], ["findings", "show", f"bundle/{folder.name}"]]
        verbs += [["findings", "promote", f"bundle/{folder.name}", "--no-replay"]]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("audited.py")), str(project)], env=environment,
        cwd=tmp_path, input="".join(f"{json.dumps(verb)}\n" for verb in verbs), capture_output=True, text=True,
        timeout=500, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len([line for line in lines if "code" in line]) == len(verbs), done.stderr
    assert {line["code"] for line in lines if "code" in line} <= {0, 1, 2, 3}
    assert [tuple(line.values()) for line in lines if "event" in line] == []
    assert not (tmp_path / "canary").exists()
    assert {path.name for path in (tmp_path / "around").iterdir()} == {"project"}


@pytest.mark.slow
def test_what_the_audit_watches_for_it_sees(project: Path, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    script = (
        (Path(__file__).with_name("audited.py")).read_text()
        + f"""
import pickle, socket, subprocess
state["on"] = True
sys.path.insert(0, {str(project)!r})
for number, attempt in enumerate((
    lambda: __import__("evil"), lambda: pickle.loads(b"cos\\ngetcwd\\n."), lambda: os.system("true"),
    lambda: subprocess.run(["true"]), lambda: socket.socket().close(), lambda: open({str(tmp_path / "x")!r}, "w"),
    lambda: os.mkdir({str(tmp_path / "y")!r}), lambda: exec(compile("1", {str(project / "z.py")!r}, "exec")),
    lambda: __import__("marshal").loads(__import__("marshal").dumps(1)),
)):
    before = len(found)
    attempt()
    assert len(found) > before, number
"""
    )
    script = script.replace('if __name__ == "__main__":\n    main()\n', "sys.addaudithook(hook)\n")
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(project)], env=environment, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
