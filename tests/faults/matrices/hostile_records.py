"""Strings made to do harm, in every field of every record, before every verb that reads it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import specimen
from findings.samples import ref, sample

from mlfuzz.cli.main import main
from mlfuzz.findings.finding import FileRef, Finding, Run, Trimmed, dumps
from mlfuzz.findings.regression import write_regression
from mlfuzz.mutation import Mutation
from mlfuzz.storage.workdir import Workdir

PROMISE = (
    "a record with any string in any field writes nothing outside of its folder, shows no traceback, and runs no code"
)

STRINGS = (
    "../../escaped", "../escaped", "/{outside}/escaped", "..", ".", "", "/", "a/b", "a\\b", "..\\..\\escaped",
    "C:\\escaped",
    "C:escaped", "\\\\host\\share", "\0", "escaped\0.png", "x" * 300, "x" * 70_000, "\u2215escaped",
    "..\u2215..\u2215escaped",
    "..\uff0fescaped", "\uff0e\uff0e/escaped", "CON", "nul.png", "COM1.txt", "escaped.", "escaped ", " escaped",
    "escaped...",
    "\x1b[2J\x1b[31m", "\x1b]0;taken\x07", "\x9b31m", "\u202egnp.exe", "\u2066x", "\u200b", "\ufeff", "-rf", "--help",
    "--output=escaped", "~", "~root", "~/escaped", "$(touch escaped)", "`touch escaped`", "; touch escaped",
    "|touch escaped",
    "%2e%2e%2fescaped", "file:///etc/passwd", "http://127.0.0.1:9/x", "=cmd|' /C calc'!A0", "@SUM(1)", "\n",
    "\r\nescaped",
    "\n[targets.x]\n", "<script>alert(1)</script>", "]]>", "{}", "{0.__class__}", "%s%n", "[bold]x[/]",
    "[link=http://x]y[/link]",
    "\U000e0041", "\u0661\u0662", "evil", "evil:make", "evil:", ":make", "evil:make:more", "evil.py:make",
    "{project}/evil.py",
    "os:system", "builtins:exit", "mlfuzz.cli.main:main", "*", "?", "[a-z]*", "null", "\\", "'", '"', "'\"\\",
)  # fmt: skip

HOSTILE_EACH = 4
"""Strings of one case, drawn by its name."""

VERBS_EACH = (16, 6)
"""Verbs before the first of them, and before each other: a command takes a tenth of a second."""

IDS = ("c0ffee0000000001", "c0ffee0000000002")

VERBS: tuple[tuple[str, ...], ...] = (
    ("status",), ("status", "--json"), ("report", "c"), ("report", "c", "--format", "json", "--output", "out/r.json"),
    ("report", "c", "--format", "sarif", "--output", "out/r.sarif"),
    ("report", "c", "--format", "junit", "--output", "out/r.xml"), ("findings", "list", "-a"),
    ("findings", "list", "--by", "fault"), ("findings", "list", "--json"), ("findings", "show", IDS[0]),
    ("findings", "show", "bundle/one"), ("findings", "export", "--output", "out/f.zip"),
    ("findings", "export", "--format", "dir", "--output", "out/dir"),
    ("findings", "export", "--format", "dataset", "--output", "out/set"),
    ("findings", "export", "bundle", "--format", "dir", "--output", "out/bundle"),
    ("findings", "promote", "bundle/one", "--no-replay"), ("findings", "promote", "--name", "c", "--no-replay"),
    ("triage", IDS[0], "--status", "fixed", "--note", "seen"), ("triage", "bundle/one", "--fault", "of/mine"),
    ("triage", "--mark-fixed"), ("replay", "bundle/one"), ("replay", "-a"), ("shrink", "bundle/one", "--time", "1s"),
    ("findings", "confirm", "--time", "1s"), ("compare", "c", "d"), ("fuzz", "--name", "c", "--inputs", "10"),
    ("harness", "run", "--name", "c", "--time", "1s"), ("corpus", "list"), ("corpus", "export", "demo_parser",
    "out/corpus"),
    ("list", "campaigns"), ("stop", "c"),
    ("harness", "bisect", "bundle/one", "--package", "nothing", "--versions", "1"),
)  # fmt: skip


def cases() -> list[str]:
    """ "finding:load", "stats:target.name", ...: a record, and the place of a string in it."""
    return [f"{kind}:{'.'.join(place)}" for kind, record in _records().items() for place in _places(record)]


def broken(case: str, folder: Path) -> str:
    """See PROMISE; the good findings beside it are still listed."""
    kind, _, place = case.partition(":")
    rng = random.Random(case)
    surroundings = folder / "around"
    for number, text in enumerate(rng.sample(STRINGS, HOSTILE_EACH)):
        shutil.rmtree(surroundings, ignore_errors=True)
        project = surroundings / "deep/er/project"
        shutil.copytree(_template(), project)
        text = text.replace("{outside}", str(surroundings)).replace("{project}", str(project))
        _plant(project, kind, place.split("."), text)
        for verb in rng.sample(VERBS, VERBS_EACH[number > 0]):
            if problem := _tried(project, verb):
                return f"{text[:60]!a} before {' '.join(verb)}: {problem}"
    return ""


def _tried(project: Path, verb: tuple[str, ...]) -> str:
    surroundings = project.parents[2]
    before = _files(surroundings, project)
    out, err = io.StringIO(), io.StringIO()
    here = os.getcwd()
    os.chdir(project)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(verb))
    except SystemExit as end:
        return f"ended with {end}"
    finally:
        os.chdir(here)
        sys.modules.pop("evil", None)
    shown = out.getvalue() + err.getvalue()
    if "Traceback (most" in shown or "this is a fault of mlfuzz" in shown:
        return f"a traceback: {shown[-700:]}"
    if code not in (0, 1, 2, 3):
        return f"exit code {code}"
    if obeyed := sorted({char for char in shown if unicodedata.category(char) in _OBEYED and char != "\n"}):
        return f"printed {''.join(obeyed)!a}: {shown[-300:]!a}"
    if new := _files(surroundings, project) - before:
        return f"wrote {sorted(new)[:5]}"
    if (project.parents[2] / "canary").exists():
        return "ran evil.py"
    if verb[:2] == ("findings", "list") and IDS[1][:10] not in shown:
        return f"left the good finding out: {shown[-300:]}"
    return ""


_OBEYED = frozenset(("Cc", "Cf", "Cs", "Co"))
_MAY_WRITE = ("out", "corpus", ".mlfuzz/c", ".mlfuzz/d", "bundle/one", "bundle/.lock")
"""Where the verbs write what they were asked to."""


def _files(surroundings: Path, project: Path) -> set[str]:
    """What is there, but for where the verbs may write."""
    found = set()
    for path in surroundings.rglob("*"):
        name = path.relative_to(project).as_posix() if path.is_relative_to(project) else f"!{path}"
        if not any(name == place or name.startswith(f"{place}/") for place in _MAY_WRITE):
            found.add(name)
    return found


def _records() -> dict[str, Any]:
    """One of each kind of record, with something in every field."""
    finding = json.loads(dumps(_full()))
    stats = json.loads((_template() / ".mlfuzz/c/stats.json").read_bytes())
    return {
        "finding": finding, "regression": finding, "bundle": finding, "code": {**finding, "side": "code"},
        "stats": stats, "worker": _WORKER, "harnesses": _HARNESSES, "target": {"digest": "0" * 64}, "toml": _TOML,
        "progress": json.loads((_template() / ".mlfuzz/c/progress.jsonl").read_bytes().splitlines()[-1]),
        "banned": [["w00-0001-abcd", 1]], "answer": {"reason": "time", "message": "x"},
        "name": {"campaign": "c", "finding": IDS[0], "shelf": "demo_parser", "input": "0" * 40,
        "life": "w00-0001-00000000"},
    }  # fmt: skip


_WORKER = {
    "target": "evil:make", "directory": ".", "name": "evil", "seeds": "seeds", "oracles": [{"name": "label"}],
    "mutators": ["default"], "plugins": ["evil"], "validity": ["evil:make"], "scheduler": {"name": "mixed"},
    "preset": "mixed", "device": "cpu",
}  # fmt: skip
_HARNESSES = {"side": "code", "harnesses": [{"name": "evil", "load": "harnesses/evil.py:TestOneInput"}], "engine": "x"}
_TOML = {
    "state_dir": ".mlfuzz", "corpus_dir": "corpus", "plugins": ["evil"], "fuzz": {"preset": "mixed", "device": "cpu"},
    "report": {"title": "x"}, "target": "evil:make", "use": "evil:make", "seeds": "seeds", "validity": "evil:make",
    "oracle": "label", "of": "evil:make", "mutator": "default", "fact": "x",
}  # fmt: skip


def _toml(values: dict[str, Any]) -> str:
    def text(value: str) -> str:
        return json.dumps(value).replace("\x7f", "\\u007f")

    return (
        f"state-dir = {text(values['state_dir'])}\ncorpus-dir = {text(values['corpus_dir'])}\n"
        f"plugins = [{text(values['plugins'][0])}]\n[fuzz]\npreset = {text(values['fuzz']['preset'])}\n"
        f"device = {text(values['fuzz']['device'])}\n[report]\ntitle = {text(values['report']['title'])}\n"
        f"[targets.{text(values['target'])}]\nuse = {text(values['use'])}\nseeds = {text(values['seeds'])}\n"
        f"validity = [{text(values['validity'])}]\nmutators = [{text(values['mutator'])}]\n"
        f"oracles = [{{name = {text(values['oracle'])}, of = {text(values['of'])}}}]\n"
        f"[made-with]\nmlfuzz = {text(values['fact'])}\n"
    )


def _plant(project: Path, kind: str, place: list[str], text: str) -> None:
    campaign = project / ".mlfuzz/c"
    changed = _changed(_records()[kind], place, text)
    raw = json.dumps(changed).encode()
    if kind in ("finding", "bundle", "code", "regression"):
        where = {
            "finding": [campaign / f"findings/{IDS[0]}/finding.json"], "bundle": [project / "bundle/one/finding.json"],
            "code": [campaign / f"findings/{IDS[0]}/finding.json", project / "bundle/one/finding.json"],
            "regression": [project / f"corpus/regressions/evil/{IDS[0]}.json"],
        }[kind]  # fmt: skip
        for path in where:
            path.write_bytes(raw)
    elif kind == "toml":
        (campaign / "campaign.toml").write_text(_toml(changed))
    elif kind == "progress":
        (campaign / "progress.jsonl").write_bytes(raw + b"\n")
    elif kind == "name":
        _renamed(project, place[0], text)
    else:
        if kind == "harnesses":
            (campaign / "campaign.toml").unlink()
        name = {"stats": "stats.json", "target": "target.json", "banned": "derived/banned.json",
                "answer": "derived/answer-00.json"}.get(kind, "worker.json")  # fmt: skip
        (campaign / name).write_bytes(raw)


def _renamed(project: Path, which: str, text: str) -> None:
    """A file or folder that is called so, where a file may be."""
    campaign = project / ".mlfuzz/c"
    old = {
        "campaign": project / ".mlfuzz/d", "finding": campaign / "findings" / IDS[0],
        "shelf": campaign / "derived/corpus-demo_parser",
        "input": campaign / "derived/corpus-demo_parser" / hashlib.sha1(b"input").hexdigest(),
        "life": campaign / "journal/w00-0001-00000000",
    }[which]  # fmt: skip
    name = text.replace("/", "\u2215").replace("\0", "") or "x"
    prefix = "corpus-" if which == "shelf" else ""
    with contextlib.suppress(OSError):  # no name that this file system takes
        old.rename(old.with_name(prefix + name[:80]))


def _places(record: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Of every string, those that are keys too ("#" before it)."""
    if isinstance(record, str):
        yield at
    elif isinstance(record, dict):
        for key, value in record.items():
            if "." not in key:
                yield from _places(value, (*at, key))
        if record and at and len(at) > 1:
            yield (*at, f"#{next(iter(record))}".replace(".", "?"))
    elif isinstance(record, list):
        for number, value in enumerate(record[:1]):
            yield from _places(value, (*at, str(number)))


def _changed(record: Any, place: list[str], text: str) -> Any:
    if not place:
        return text
    head, *rest = place
    if isinstance(record, list):
        return [_changed(value, rest, text) if str(at) == head else value for at, value in enumerate(record)]
    if head.startswith("#"):
        first = next(iter(record))
        return {text if key == first else key: value for key, value in record.items()}
    return {key: _changed(value, rest, text) if key == head else value for key, value in record.items()}


def _full(number: int = 0) -> Finding:
    files = _files_of(number)
    run = Run(label="7", scores={"7": 0.9, "1": 0.1}, margin=0.5, text="seven")
    blob = files["blob.png"]
    finding, _ = sample(number)
    return msgspec.structs.replace(
        finding, id=IDS[number], load="evil:make", target="evil", oracle={"name": "label", "of": "evil:make"},
        modality=specimen.MODALITY, input=ref("input.png", files["input.png"]), seed=ref("seed.png", files["seed.png"]),
        blobs=(FileRef("blob.png", hashlib.sha256(blob).hexdigest()),), seed_name="7/0001.png", label="7",
        first_chain=(Mutation("image.blur", {"sigma": 0.5}),), sentence="rotate 7 degrees", before=run, after=run,
        trimmed=Trimmed(ref("trim.png", files["trim.png"]), 3, 9, "pixels", confirmed="3/3"), unit="logits",
        key="label|1",
        fault="label|7|1|image.rotate", severity=0.5, floor=0.01, verdict="confirmed", confirmed="3/3", note="a note",
        message="a message", campaign="c", life="w00-0001-abcd", created="2025-01-02T03:04:05+00:00",
        environment={"torch": "2.6"}, evidence={
            "traceback": 'Traceback:\n  File "x.py", line 3, in f\nValueError: x\n', "type": "ValueError",
            "frames": [["x.py", 3, "f"]], "lane": "plain", "sandbox": ["none"],
            "keeps_label": {"said": {"evil:make": "7"}},
            "repro": {"module": "evil", "model": "net", "preprocess": "prepare"}, "told_as": "x",
            "harness_sha256": "0" * 64,
            "consumed": [["ConsumeInt(1)", "3"]], "sanitizer": {"kind": "x"}, "causes": ["KeyError"],
            "engine": "atheris",
        },
    )  # fmt: skip


def _files_of(number: int) -> dict[str, bytes]:
    return {
        name: specimen.png(specimen.digit(7, 10 * number + at))
        for at, name in enumerate(("input.png", "seed.png", "blob.png", "trim.png"))
    }


@cache
def _template() -> Path:
    """A project whose one campaign came from elsewhere, a bundle and a regression; evil.py lies everywhere."""
    root = Path(tempfile.mkdtemp(prefix="mlfuzz-hostile-")) / "project"
    import atexit

    atexit.register(shutil.rmtree, root.parent, True)
    workdir = specimen.build(root / ".mlfuzz", clean=True, name="c")
    specimen.build(root / ".mlfuzz", clean=True, name="d")
    for number, finding_id in enumerate(IDS):
        _write_finding(workdir.finding(finding_id), _full(number), _files_of(number))
    _write_finding(root / "bundle/one", _full(), _files_of(0))
    _write_finding(root / "bundle/two", _full(1), _files_of(1))
    write_regression(root / "corpus/regressions/evil", _full(), _files_of(0))
    write_regression(root / "corpus/regressions/evil", _full(1), _files_of(1))
    Workdir(workdir.root).life("w00-0001-00000000").mkdir()
    shelf = workdir.working("corpus-demo_parser")
    shelf.mkdir()
    (shelf / hashlib.sha1(b"input").hexdigest()).write_bytes(b"input")
    (workdir.root / "campaign.toml").write_text(_toml(_TOML))
    (workdir.root / "worker.json").write_text(json.dumps(_WORKER))
    evil = "import pathlib\npathlib.Path(__file__).resolve().parents[4].joinpath('canary').touch()\n"
    for path in ("evil.py", "bundle/evil.py", "harnesses/evil.py"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(evil)
    return root


def _write_finding(folder: Path, finding: Finding, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    (folder / "finding.json").write_bytes(dumps(finding))
    for name, data in files.items():
        (folder / name).write_bytes(data)
