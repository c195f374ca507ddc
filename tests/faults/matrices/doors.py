"""Every command that may import what a record or a campaign names, for every place it may have come from."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import specimen
from findings.samples import ref

from mlfuzz.cli.main import main
from mlfuzz.findings.finding import Finding, dumps
from mlfuzz.findings.trust import note_begun
from mlfuzz.mutation import Mutation
from mlfuzz.storage.workdir import Workdir

PROMISE = (
    "what a record or a campaign names is imported only where the configuration names it, where this user began it "
    "here, or where this one command was asked to"
)

SHIPPED, FRAGILE = "mlfuzz.examples.digits:robust", "mlfuzz.examples.digits:fragile"
MODULE = "stranger"
ID = "c0ffee0000000001"

RECORD_DOORS: dict[str, tuple[str, ...]] = {
    "replay": ("replay", "{record}"),
    "promote": ("findings", "promote", "{record}"),
    "shrink": ("shrink", "{record}", "--time", "1s"),
    "triage": ("triage", "{record}", "--mark-fixed"),
    "confirm": ("findings", "confirm", "{record}", "--time", "5s"),
    "compare": ("compare", SHIPPED, FRAGILE, "--findings", "{record}"),
    "bisect": ("harness", "bisect", "{record}", "--package", "msgspec", "--versions", "0.0.0"),
    "pytest": (),
}
READ_DOORS: dict[str, tuple[str, ...]] = {
    "show": ("findings", "show", "{record}"), "list": ("findings", "list", "-a"), "status": ("status",),
    "export": ("findings", "export", "{record}", "--output", "out.zip"), "report": ("report", "c"),
    "compare campaigns": ("compare", "c", "c"), "doctor": ("doctor",), "corpus": ("corpus", "list"),
    "harnesses": ("harness", "list"), "promote as it is": ("findings", "promote", "{record}", "--no-replay"),
    "decide": ("triage", "{record}", "--status", "quarantined", "--note", "x"),
}  # fmt: skip
CAMPAIGN_DOORS: dict[str, tuple[str, ...]] = {
    "fuzz": ("fuzz", "--name", "c", "--inputs", "64"),
    "fuzz a target": ("fuzz", SHIPPED, "--name", "c", "--inputs", "64"),
    "harness run": ("harness", "run", "--name", "c", "--time", "1s"),
}

IN_RECORD = ("load", "of", "voter", "harness")
IN_CAMPAIGN = ("target", "of", "validity", "plugin", "harness")

STRANGE = ("bundle", "copied", "beside", "notes in it", "moved", "variables")
OURS = ("configured", "begun", "trusted")


def cases() -> list[str]:
    """ "door / what names it / where it came from"."""
    found = []
    for names in IN_RECORD:
        for door in RECORD_DOORS:
            if (door == "bisect") == (names == "harness") or door not in ("bisect", "compare"):
                found += [f"{door} / {names} / {origin}" for origin in _origins(door, names)]
        found += [f"{door} / {names} / {origin}" for door in READ_DOORS for origin in ("bundle", "copied")]
    for names in IN_CAMPAIGN:
        door = {"harness": ["harness run"], "target": ["fuzz"]}.get(names, ["fuzz", "fuzz a target"])
        found += [f"{one} / campaign's {names} / {origin}" for one in door for origin in (*STRANGE[1:], "configured")]
    return [case for case in found if not _pointless(case)]


def _origins(door: str, names: str) -> tuple[str, ...]:
    return (*STRANGE, *OURS) if door != "bisect" else STRANGE


def _pointless(case: str) -> bool:
    """Another target stands in for the record's own; a live campaign would have to be fuzzed."""
    door, names, origin = case.split(" / ")
    return (
        (door == "compare" and names in ("load", "harness"))
        or (names in ("harness", "campaign's harness") and origin in ("configured", "beside"))
        or (names.startswith("campaign's") and origin == "configured" and door == "fuzz a target")
        or (names == "campaign's plugin" and origin == "configured")
    )


def is_quick(case: str) -> bool:
    """Whether no process is started for it."""
    door, _, origin = case.split(" / ")
    return origin in STRANGE and door not in ("pytest", "doctor", "compare")


UNHURRIED = ("voter", "validity")
"""What is loaded by another process, or later: this campaign may have ended before. It is not refused: that counts."""


def broken(case: str, folder: Path) -> str:
    """See PROMISE. A refusal names what it refuses, and ends with what to type or to write."""
    door, names, origin = case.split(" / ")
    root = folder / "here"
    _lay_out(root, names, origin)
    state = folder / "state"
    with _variables(root, state, origin):
        root = _claimed(root, names, origin)
        line = _line(door, names, root, origin)
        code, said = _ran(line, root)
        ran = (folder / "canary").exists()
        if "Traceback (most" in said or "fault of mlfuzz" in said:
            return f"a traceback: {said[-500:]}"
        if door in READ_DOORS:
            return "" if not ran else f"ran it: {said[-300:]}"
        if origin in STRANGE:
            return _refused(3 if door == "compare" else code, said, ran)  # it has the models' accuracy to compare
    if "here: it may have come" in said or "nothing was begun here" in said:
        return f"refused what is ours: {said[-400:]}"
    return "" if ran or names in UNHURRIED else f"did not run what is ours ({code}): {said[-400:]}"


def _refused(code: int, said: str, ran: bool) -> str:
    if ran:
        return f"ran it: {said[-300:]}"
    if code not in (1, 2, 3) or (code == 1 and "pytest" not in said and "FAILED" not in said):
        return f"exit code {code}: {said[-300:]}"
    if MODULE not in said or not ("nothing was begun here" in said or "was not fuzzed with here" in said):
        return f"does not say what it refuses: {said[-400:]}"
    if not any(word in said for word in ("--trust ", "--target ", "--mlfuzz-trust ", ".use = ", "mlfuzz harness run ",
                                         f"mlfuzz fuzz {MODULE}")):  # fmt: skip
        return f"does not say what to type: {said[-400:]}"
    return ""


def _line(door: str, names: str, root: Path, origin: str) -> list[str]:
    record = "bundle/one" if (root / "bundle/one").exists() else f".mlfuzz/c/findings/{ID}"
    trusted = origin == "trusted"
    if door == "pytest":
        option = ["--mlfuzz-trust", _name(names)] if trusted else []
        return [str(Path(sys.executable).with_name("pytest")), "-q", "-p", "no:cacheprovider", "corpus", *option]
    verb = {**RECORD_DOORS, **READ_DOORS, **CAMPAIGN_DOORS}[door]
    return [part.replace("{record}", record) for part in verb] + (["--trust", _name(names)] if trusted else [])


def _name(names: str) -> str:
    if names == "harness":
        return f"{MODULE}.py:TestOneInput"
    return MODULE if names.endswith("plugin") else f"{MODULE}:make"


def _ran(line: list[str], root: Path) -> tuple[int, str]:
    if os.sep in line[0]:
        done = subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, f"pytest: {done.stdout}{done.stderr}"
    out, err = io.StringIO(), io.StringIO()
    here = os.getcwd()
    os.chdir(root)
    kept = list(sys.path)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(line)
    finally:
        os.chdir(here)
        sys.path[:] = kept
        sys.modules.pop(MODULE, None)
    return code, out.getvalue() + err.getvalue()


@contextlib.contextmanager
def _variables(root: Path, state: Path, origin: str) -> Any:
    changed = {"XDG_STATE_HOME": str(root / "state" if origin == "notes in it" else state)}
    if origin == "variables":  # what a stranger might get a user, or a service, to set
        changed |= {"MLFUZZ_STATE_DIR": ".mlfuzz", "MLFUZZ_TRUST": MODULE, "MLFUZZ_TARGETS": MODULE, "MLFUZZ_SEED": "1"}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _claimed(root: Path, names: str, origin: str) -> Path:
    """What makes it this user's, or seems to."""
    harness = names.endswith("harness")
    name = str((root / f"{MODULE}.py").resolve()) if harness else _name(names)
    if origin in ("begun", "moved"):
        note_begun(root, [name, f"{MODULE}:make"])
    if origin == "moved":
        root.rename(root.with_name("there"))
        return root.with_name("there")
    if origin == "notes in it":
        os.environ["XDG_STATE_HOME"] = str(root.parent / "other")
        note_begun(root, [name, f"{MODULE}:make"])
        shutil.move(root.parent / "other", root / "state")
        os.environ["XDG_STATE_HOME"] = str(root / "state")
    return root


def _lay_out(root: Path, names: str, origin: str) -> None:
    shutil.copytree(_template(), root)
    canary = root.parent / "canary"
    source = f"import pathlib\npathlib.Path({str(canary)!r}).touch()\ndef make():\n    raise ValueError('it ran')\n"
    harness = source + "MLFUZZ = {'entry': 'TestOneInput'}\ndef TestOneInput(data):\n    pass\n"
    places = [root / f"{MODULE}.py", root / "bundle" / f"{MODULE}.py"]
    for path in places:
        path.write_text(harness if names.endswith("harness") else source)
    finding = _finding(names)
    for folder in (root / "bundle/one", root / f".mlfuzz/c/findings/{ID}"):
        (folder / "finding.json").write_bytes(dumps(finding))
    kept = root / f"corpus/regressions/digits/{ID}.json"
    flat = msgspec.structs.replace(
        finding, input=msgspec.structs.replace(finding.input, file=f"{ID}.png"),
        seed=msgspec.structs.replace(finding.seed, file=f"{ID}.seed.png"),
    )  # fmt: skip
    kept.write_bytes(dumps(flat))
    if names.startswith("campaign's"):
        _write_campaign(root / ".mlfuzz/c", names.removeprefix("campaign's "))
    if origin not in ("bundle",):
        shutil.rmtree(root / "bundle/one")
    if names.startswith("campaign's") and origin == "configured":
        (root / ".mlfuzz/c/target.json").unlink()  # with another digest it would not go on
    if origin == "beside":
        (root / "mlfuzz.toml").write_text('[targets.own]\nuse = "own:make"\n')
    if origin == "configured":
        (root / "mlfuzz.toml").write_text(f'[targets.digits]\nuse = "{MODULE}:make"\n[targets.b]\nuse = "{SHIPPED}"\n')
        if names in ("of", "voter"):
            (root / "mlfuzz.toml").write_text(f'[targets.x]\nuse = "{MODULE}:make"\n')


def _finding(names: str) -> Finding:
    seed, moved = specimen.png(specimen.digit(7, 0)), specimen.png(specimen.rotated(specimen.digit(7, 0), 20))
    changes: dict[str, Any] = {
        "load": {"load": f"{MODULE}:make"}, "of": {"oracle": {"name": "d", "part": "differ", "of": f"{MODULE}:make"}},
        "voter": {"evidence": {"keeps_label": {"said": {f"{MODULE}:make": "7"}}}},
        "harness": {"side": "code", "load": f"{MODULE}.py:TestOneInput", "oracle": {}, "kind": "exception"},
    }.get(names, {})  # fmt: skip
    given = {
        "id": ID, "side": "model", "kind": "label", "target": "digits", "load": SHIPPED, "modality": specimen.MODALITY,
        "oracle": {"name": "label"}, "input": ref("input.png", moved), "seed": ref("seed.png", seed), "label": "7",
        "expected": "7", "observed": "1", "verdict": "candidate", "margin": 0.1,
        "chain": [msgspec.to_builtins(Mutation("image.rotate", {"degrees": 20.0}))],
    }  # fmt: skip
    return msgspec.convert({**msgspec.to_builtins(msgspec.convert(given, Finding)), **changes}, Finding)


def _write_campaign(campaign: Path, names: str) -> None:
    if names == "harness":
        record = {"side": "code", "harnesses": [{"name": MODULE, "load": f"{MODULE}.py:TestOneInput"}]}
        (campaign / "worker.json").write_text(json.dumps(record))
        return
    strange = json.dumps(f"{MODULE}:make")
    lines = {
        "target": "", "of": f'oracles = [{{name = "differ", of = {strange}}}]', "validity": f"validity = [{strange}]",
        "plugin": "",
    }[names]  # fmt: skip
    target = f"{MODULE}:make" if names == "target" else SHIPPED
    plugins = f'plugins = ["{MODULE}"]\n' if names == "plugin" else ""
    (campaign / "campaign.toml").write_text(f'{plugins}[targets."{target}"]\nuse = "{target}"\n{lines}\n')


@cache
def _template() -> Path:
    import atexit
    import tempfile

    root = Path(tempfile.mkdtemp(prefix="mlfuzz-doors-")) / "here"
    atexit.register(shutil.rmtree, root.parent, True)
    workdir = specimen.build(root / ".mlfuzz", clean=True, name="c")
    (workdir.root / "target.json").write_text("{}")
    Workdir(workdir.root).life("w00-0001-00000000").mkdir()
    (workdir.life("w00-0001-00000000") / "000000.mlj").write_bytes(b"")
    finding = _finding("load")
    seed, moved = specimen.png(specimen.digit(7, 0)), specimen.png(specimen.rotated(specimen.digit(7, 0), 20))
    for folder in (root / "bundle/one", workdir.finding(ID)):
        folder.mkdir(parents=True)
        (folder / "input.png").write_bytes(moved)
        (folder / "seed.png").write_bytes(seed)
        (folder / "finding.json").write_bytes(dumps(finding))
    kept = root / "corpus/regressions/digits"
    kept.mkdir(parents=True)
    (kept / f"{ID}.png").write_bytes(moved)
    (kept / f"{ID}.seed.png").write_bytes(seed)
    return root
