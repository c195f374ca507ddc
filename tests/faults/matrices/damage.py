"""Every file of a campaign, damaged in every way, under every verb; the processes of a campaign run in this one."""

from __future__ import annotations

import atexit
import io
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import msgspec
from faults.undivided import in_this_process

from mlfuzz.cli.main import main
from mlfuzz.errors import EXIT_BROKEN, EXIT_USAGE
from mlfuzz.storage import frame
from mlfuzz.storage.journal import Journal
from mlfuzz.storage.workdir import Workdir

PROMISE = "No damage to a file of a campaign ends a verb with a traceback, hangs it, or stays unsaid."

TARGET = "mlfuzz.testing.puzzles:flip_when_corner_bright"
HARNESS = """
HARNESS = {"name": "toy", "seeds": "more", "blind": True}


def fuzz(data):
    if data[:1] > b"\\xf0":
        raise KeyError(data[:1])
    return len(data)
"""

SECONDS = 60
ROOM_BYTES = 3 << 30
"""A verb may take so much more memory than there was before it."""


class Kind(NamedTuple):
    """One kind of file. truth: what is lost with it cannot be made again. told: `fuzz` says that it is damaged."""

    pattern: str
    truth: bool = False
    told: bool = False
    pick: int = 0


MODEL = {
    "checkpoint": Kind("derived/worker-00.npz", told=True),
    "banned": Kind("derived/banned.json", told=True),
    "order": Kind("derived/order-00.json"),
    "answer": Kind("derived/answer-00.json"),
    "part": Kind("derived/part-00.json"),
    "log": Kind("derived/worker-00.log"),
    "stats": Kind("stats.json", told=True),
    "progress": Kind("progress.jsonl", told=True),
    "spec": Kind("worker.json", told=True),
    "target": Kind("target.json", told=True),
    "page": Kind("flight/*.page"),
    "lock": Kind("lock"),
    "findings lock": Kind("findings/.lock"),
    "stop": Kind("stop"),
    "reserve": Kind("reserve"),
    "report": Kind("report.html"),
    "quarantined": Kind("quarantine/reasons.txt"),
    "script": Kind("findings/*/repro.py"),
    "configuration": Kind("campaign.toml", truth=True, told=True),
    "calibration": Kind("calibration/*.npz", truth=True, told=True),
    "first segment": Kind("journal/w00-0001-*/*.mlj", truth=True, told=True),
    "middle segment": Kind("journal/w00-0001-*/*.mlj", truth=True, told=True, pick=1),
    "newest segment": Kind("journal/*/*.mlj", truth=True, told=True, pick=-1),
    "blob": Kind("blobs/*/*", truth=True, told=True),
    "record": Kind("findings/*/finding.json", truth=True, told=True),
    "input": Kind("findings/*/input*.png", truth=True, told=True),
    "seed": Kind("findings/*/seed.png", truth=True, told=True),
}  # fmt: skip

HARNESSES = {
    "stats": Kind("stats.json", told=True),
    "progress": Kind("progress.jsonl", told=True),
    "spec": Kind("worker.json"),
    "words": Kind("derived/words-toy.dict"),
    "lock": Kind("lock"),
    "stop": Kind("stop"),
    "reserve": Kind("reserve"),
    "report": Kind("report.html"),
    "script": Kind("findings/*/repro.py"),
    "kept input": Kind("derived/corpus-toy/*", truth=True, told=True),
    "record": Kind("findings/*/finding.json", truth=True, told=True),
    "input": Kind("findings/*/input.bin", truth=True, told=True),
}  # fmt: skip

FOLDERS = ("derived", "flight", "findings", "quarantine", "blobs", "calibration", "journal/w00-0001-*")
"""Taken away, or a file in their place."""

Verb = tuple[str, ...]

MODEL_VERBS: dict[str, Verb] = {
    "fuzz": ("fuzz", "flip", "--name", "c", "--inputs", "64"),
    "fuzz by name": ("fuzz", "--name", "c", "--inputs", "64"),
    "status": ("status", "c"),
    "status json": ("--json", "status"),
    "stop": ("stop", "c"),
    "report": ("report", "c"),
    "report json": ("report", "c", "--format", "json", "--output", "r.json"),
    "list": ("findings", "list", "--name", "c"),
    "list all": ("--json", "findings", "list", "-a"),
    "show": ("findings", "show", "ID"),
    "export": ("findings", "export", "--name", "c", "--output", "out.zip"),
    "promote": ("findings", "promote", "--name", "c", "--no-replay", "--per-fault", "99"),
    "confirm": ("findings", "confirm", "--name", "c", "--time", "1s"),
    "replay": ("replay", "--name", "c"),
    "shrink": ("shrink", "ID", "--time", "0.2s"),
    "triage": ("triage", "ID", "--status", "ignored", "--note", "n"),
    "compare": ("compare", "c", "other"),
    "corpus list": ("corpus", "list"),
    "corpus verify": ("corpus", "verify"),
    "verify": ("campaign", "verify", "c"),
    "repair": ("campaign", "repair", "c"),
}
HARNESS_VERBS: dict[str, Verb] = {
    "fuzz": ("harness", "run", "toy", "--name", "h", "--inputs", "100"),
    "fuzz by name": ("harness", "run", "--name", "h", "--inputs", "100"),
    "status": ("status", "h"),
    "stop": ("stop", "h"),
    "report": ("report", "h"),
    "list": ("findings", "list", "--name", "h"),
    "show": ("findings", "show", "ID"),
    "export": ("findings", "export", "--name", "h", "--output", "out.zip"),
    "promote": ("findings", "promote", "--name", "h", "--no-replay"),
    "replay": ("replay", "--name", "h"),
    "shrink": ("shrink", "ID", "--time", "0.2s"),
    "triage": ("triage", "ID", "--status", "ignored", "--note", "n"),
    "corpus list": ("corpus", "list"),
    "corpus stats": ("corpus", "stats", "toy"),
    "corpus verify": ("corpus", "verify"),
    "corpus min": ("corpus", "min", "toy"),
    "corpus merge": ("corpus", "merge", "toy", "more"),
    "corpus export": ("corpus", "export", "toy", "out.zip"),
    "verify": ("campaign", "verify", "h"),
    "repair": ("campaign", "repair", "h"),
}
SIDES = {"model": (MODEL, MODEL_VERBS, "c"), "harnesses": (HARNESSES, HARNESS_VERBS, "h")}

COUNTING = ("status", "status json", "report", "report json", "list", "verify")
"""Verbs that count what is damaged: 3, whatever else they show."""

OF_FINDINGS = ("show", "export", "promote", "replay", "shrink", "triage")
"""Verbs that read the finding that was damaged."""


def _replace(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def _link(path: Path, to: str) -> None:
    path.unlink()
    path.symlink_to(to)


def _flip(data: bytes) -> bytes:
    at = len(data) // 3
    return data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :] if data else b"\xff"


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "within").write_bytes(b"x")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _newer(path: Path) -> None:
    """As a later version might write it."""
    data = path.read_bytes()
    if path.suffix == ".mlj":
        body = b'{"schema":"mlfuzz.journal/99","life":"%s"}' % path.parent.name.encode()
        key = frame.salt(path.parent.name, int(path.stem))
        first = frame.read_head(data, 0, key)
        assert first is not None
        _replace(path, frame.head(frame.Kind.OPEN, body, key) + body + data[frame.HEAD_BYTES + first.length :])
    elif path.suffix == ".npz":
        from mlfuzz.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint

        save_checkpoint(path, Checkpoint(read_checkpoint(path).arrays, {"schema": "mlfuzz.later/99", "news": [1]}))
    else:
        _replace(path, b'{"schema": "mlfuzz.later/99", "news": [1]}\n')


def _others(path: Path) -> None:
    """The file of that kind of another campaign."""
    root = next(above for above in path.parents if above.name in ("c", "h"))
    kinds = MODEL if root.name == "c" else HARNESSES
    pattern = next(kind.pattern for kind in kinds.values() if path in root.glob(kind.pattern))
    found = sorted(root.with_name("other").glob(pattern.replace("w00-0001-*", "*")))
    _replace(path, found[0].read_bytes() if found else b"of another campaign\n")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: _replace(path, b""),
    "half": lambda path: _replace(path, path.read_bytes()[: path.stat().st_size // 2]),
    "last byte": lambda path: _replace(path, path.read_bytes()[:-1]),
    "bit": lambda path: _replace(path, _flip(path.read_bytes())),
    "garbage": lambda path: _replace(path, bytes(range(255, 0, -1)) * 9 + b"\n" + path.read_bytes()[:10]),
    "newer": _newer,
    "another's": _others,
    "folder": _folder,
    "zero device": lambda path: _link(path, "/dev/zero"),
    "fifo": _fifo,
    "dangling link": lambda path: _link(path, "nowhere"),
    "no permission": lambda path: path.chmod(0),
}
OF_FOLDERS: dict[str, Callable[[Path], object]] = {
    "missing folder": shutil.rmtree,
    "file for folder": lambda path: (shutil.rmtree(path), path.write_bytes(b"x")),
    "dangling folder": lambda path: (shutil.rmtree(path), path.symlink_to("nowhere")),
}


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class Hung(BaseException):
    """A verb took longer than `SECONDS`."""


def cases() -> list[str]:
    """side / file / damage / verb."""
    ways = [way for way in DAMAGE if way != "no permission" or os.geteuid()]
    return [
        f"{side}/{file}/{way}/{verb}"
        for side, (kinds, verbs, _) in SIDES.items()
        for file in (*kinds, *(f"{folder.replace('/', ':')}:" for folder in FOLDERS))
        if side == "model" or file in kinds or file in ("derived:", "findings:")
        for way in (ways if file in kinds else OF_FOLDERS)
        for verb in verbs
    ]


def broken(case: str, folder: Path) -> str:
    """What went wrong: a traceback, a hang, another exit code than without damage, or nothing said."""
    side, file, way, verb = case.split("/")
    kinds, verbs, name = SIDES[side]
    root = shutil.copytree(built(), folder / "p", symlinks=True)
    campaign = root / ".mlfuzz" / name
    finding = finding_of(campaign)
    kind = kinds.get(file)
    if kind is None:
        (path,) = campaign.glob(file.removesuffix(":").replace(":", "/"))
        OF_FOLDERS[way](path)
    else:
        path = sorted(campaign.glob(kind.pattern))[kind.pick]
        if file in ("record", "input", "seed", "script"):
            (path,) = campaign.glob(kind.pattern.replace("*", finding, 1))
        DAMAGE[way](path)
    ran = run(root, verbs[verb], finding)
    return judged(ran, whole(side, verb), file, kind, way, verb, path)


def judged(ran: Ran, whole: Ran, file: str, kind: Kind | None, way: str, verb: str, path: Path) -> str:
    """What is wrong with what a verb said and how it ended."""
    shown = f"exit {ran.code} (whole: {whole.code}): {' | '.join(ran.text.strip().splitlines())[-300:]}"
    if any(word in ran.text for word in ("Traceback", "this is a fault of mlfuzz", "mlfuzz failed")):
        return f"traceback: {shown}"
    if kind is None or undetectable(file, way):
        return ""
    words = (path.name, path.parent.name, "damaged", "gone", "cannot be read")
    said = any(word in ran.text for word in words)
    codes, must_say = owed(file, kind, way, verb, whole.code)
    if ran.code not in codes:
        return f"exit is none of {sorted(codes)}: {shown}"
    return f"silent: {shown}" if must_say and not said else ""


def owed(file: str, kind: Kind, way: str, verb: str, usual: int) -> tuple[set[int], bool]:
    """The exit codes that a verb may have, and whether it must say something of the file."""
    everything = {0, 1, EXIT_USAGE, EXIT_BROKEN}
    if file == "configuration" and verb in ("fuzz", "fuzz by name"):
        return {EXIT_USAGE, EXIT_BROKEN}, True
    if not kind.truth:
        by_name = file == "spec" and verb == "fuzz by name"
        return everything if by_name else {usual}, kind.told and verb == "fuzz"
    if verb in COUNTING:
        return {EXIT_BROKEN}, True
    if verb == "fuzz":
        return everything, kind.told and not (file == "kept input" and "link" in way)  # counted by the others alone
    if verb == "repair":
        return {0}, True
    if file == "record" and verb in OF_FINDINGS:
        return {EXIT_BROKEN}, True
    if file == "input" and verb == "shrink" and kind is HARNESSES["input"]:
        return everything, False  # what it shrinks is the bytes that are there
    if file in ("input", "seed") and verb in ("export", "promote", "replay", "shrink"):
        return {EXIT_BROKEN}, True
    return everything, False


NAMED = ("first segment", "middle segment", "newest segment", "blob", "record", "input", "seed")
"""What something else says is there."""

PLAIN = ("stats", "progress", "spec", "target", "configuration", "banned")
"""Without a checksum: a byte more or less may leave something that can be read."""


def undetectable(file: str, way: str) -> bool:
    """What nobody can see: that something is missing which may be, or that it still says what it might."""
    if way == "missing":
        return file not in NAMED
    if way == "another's":
        return file not in (*NAMED[:-1], "kept input")
    if file == "progress":
        return way in ("bit", "empty", "half", "last byte")  # the last line may not be written yet
    if file == "newest segment" and way == "last byte":
        return True  # as a kill leaves it
    if file == "record" and way == "last byte":
        return True  # the line's end
    return file in PLAIN and way in ("bit", "last byte", "newer")


def finding_of(campaign: Path) -> str:
    """The finding whose files are damaged: a confirmed one, with a chain where there is a model."""
    records = [msgspec.json.decode(path.read_bytes()) for path in sorted(campaign.glob("findings/*/finding.json"))]
    confirmed = [one["id"] for one in records if one.get("verdict") == "confirmed"]
    return str((confirmed or [records[0]["id"]])[0])


@cache
def whole(side: str, verb: str) -> Ran:
    """The verb on an undamaged campaign."""
    _, verbs, name = SIDES[side]
    with tempfile.TemporaryDirectory(prefix="mlfuzz-whole-") as folder:
        root = shutil.copytree(built(), Path(folder) / "p", symlinks=True)
        return run(root, verbs[verb], finding_of(root / ".mlfuzz" / name))


def run(root: Path, verb: Verb, finding: str = "") -> Ran:
    """One verb in this process."""
    arguments = [finding if one == "ID" else one for one in verb]
    out, err = io.StringIO(), io.StringIO()
    with in_this_process(), bounded(), redirect_stdout(out), redirect_stderr(err), _inside(root):
        try:
            code = main(arguments)
        except Hung:
            return Ran(-1, out.getvalue(), f"{err.getvalue()}\nmlfuzz failed: nothing for {SECONDS} s")
        except Exception as error:  # noqa: BLE001
            return Ran(-1, out.getvalue(), f"{err.getvalue()}\nTraceback: {error!r}")
    return Ran(code, out.getvalue(), err.getvalue())


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def bounded() -> Iterator[None]:
    """At most so long, and so much memory: what stands in place of a file may have no end."""

    def ring(*_: object) -> None:
        raise Hung

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM_BYTES, hard))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@cache
def built() -> Path:
    """A project with a model's campaign of two lives, another one, and one of harnesses. Not to be written to."""
    from mlfuzz.testing.puzzles import puzzle_seeds

    folder = tempfile.mkdtemp(prefix="mlfuzz-damage-")
    _REMOVED.callback(shutil.rmtree, folder, ignore_errors=True)
    root = Path(folder)
    puzzle_seeds(root / "seeds")
    (root / "mlfuzz.toml").write_text(f'[targets.flip]\nuse = "{TARGET}"\nseeds = "seeds"\n\n[fuzz]\nbatch = 32\n')
    (root / "harnesses").mkdir()
    (root / "harnesses/toy.py").write_text(HARNESS)
    (root / "more").mkdir()
    (root / "more/one").write_bytes(b"0123456789")
    small = patch(
        "mlfuzz.corpus.corpus.Journal",
        lambda workdir, life, segment_bytes: Journal(workdir, life, segment_bytes=12_000),
    )
    with small:
        with patch("mlfuzz.corpus.corpus.BLOB_BYTES", 512):
            _build(root, ("fuzz", "flip", "--name", "c", "--inputs", "400"))
        _build(root, ("fuzz", "flip", "--name", "c", "--inputs", "400"))
    _build(root, ("fuzz", "flip", "--name", "other", "--inputs", "600", "--seed", "7"))
    _build(root, ("harness", "run", "toy", "--name", "h", "--inputs", "600"))
    _build(root, ("findings", "confirm", "--time", "5s"))
    campaign = root / ".mlfuzz/c"
    life = Workdir(campaign).lives()[0]
    (campaign / "derived/banned.json").write_bytes(msgspec.json.encode([[life, 3]]))
    for name in ("order-00.json", "answer-00.json", "part-00.json", "worker-00.log"):
        if not (campaign / "derived" / name).exists():
            (campaign / "derived" / name).write_bytes(b'{"exit_code": 0}')
    for each in (campaign, root / ".mlfuzz/h"):
        (each / "quarantine").mkdir(exist_ok=True)
        (each / "quarantine/reasons.txt").touch()
        (each / "stop").touch()
        for path in (each / "reserve", each / "findings/.lock"):
            path.write_bytes(b"x" * 64)
    (root / ".mlfuzz/h/derived/words-toy.dict").write_bytes(b'"word"\n')
    return root


def _small_journal(workdir: Workdir, life: str, *, segment_bytes: int) -> Journal:
    return Journal(workdir, life, segment_bytes=min(12_000, segment_bytes))


def _build(root: Path, verb: Verb) -> None:
    ran = run(root, verb)
    assert ran.code in (0, 1), ran.text


_REMOVED = ExitStack()
atexit.register(_REMOVED.close)
