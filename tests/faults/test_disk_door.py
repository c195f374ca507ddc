"""All that is kept goes through one door, so that one place answers for full, failing and missing disks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlfuzz

ROOT = Path(mlfuzz.__file__).parent

DOOR = {"storage/durable.py", "storage/scratch.py"}

ALLOWED = {
    "campaign/isolation/forked.py": "answers of a forked child, through a pipe",
    "campaign/supervisor/processes.py": "the triage worker's pipes",
    "campaign/supervisor/triage_worker.py": "the triage worker's pipes",
    "campaign/worker/__main__.py": "the worker's answer, through a pipe",
    "cli/foreground.py": "a line on stderr, of a process that imports nothing else of mlfuzz",
    "cli/terminal/streams.py": "the command's own streams, and os.devnull where one is closed",
    "codefuzz/forkserver/jobs.py": "a page in memory, and /proc",
    "codefuzz/forkserver/left_behind.py": "temporary files of the code under test, in a folder that goes at once",
    "codefuzz/forkserver/standby.py": "a page in memory, and a pipe",
    "codefuzz/forkserver/worker_handle.py": "files in memory; on macOS one whose name is gone at once",
    "codefuzz/runtime/descriptor_guard.py": "a file in memory; on macOS one whose name is gone at once",
    "codefuzz/runtime/flight_recorder.py": "a file in memory; on macOS one whose name is gone at once",
    "cli/verbs/format_seeds.py": "a tar archive in memory",
    "codefuzz/native/sources.py": "sources, unpacked into a folder to build in, within durable's `writing`",
    "codefuzz/runtime/process_guard.py": "the scratch folder and the streams of a fork, put back after an input",
    "codefuzz/runtime/reprint.py": "a file in memory",
    "codefuzz/runtime/self_ended.py": "a file in memory",
    "codefuzz/runtime/throwaway.py": "layers in memory of a fork that imports nothing else of mlfuzz, and /proc",
    "codefuzz/runtime/overlay.py": "links in the scratch folder of a fork that imports nothing else of mlfuzz",
    "codefuzz/runtime/sandbox.py": "the scratch folder of a fork that imports nothing else of mlfuzz",
    "codefuzz/loading/instrumentation_cache.py": "a cache of a process that imports nothing else of mlfuzz",
    "codefuzz/engine/line_coverage.py": "os.devnull, for what the coverage package prints",
    "corpus/archives.py": "a file without a name, in which a packed tar is unpacked",
    "targets/forms/commands.py": "a program's standard input, and a file without a name for what it says on stderr",
    "codefuzz/native/debian_source.py": "sources of a distribution, unpacked into a folder to build in",
    "interrupts.py": "os.devnull, where the terminal has gone",
    "modality/sound.py": "os.devnull, for what a codec prints",
    "storage/room.py": "looks whether there is room, and leaves nothing",
    "testing/engines.py": "harnesses for the laws, in a folder of the caller's",
    "testing/puzzles.py": "seeds for the laws, in a folder of the caller's",
}
"""Who writes beside the door, and what: nothing that is to be kept."""

OF_OS = {
    "mkdir", "makedirs", "rename", "renames", "replace", "unlink", "remove", "rmdir", "removedirs", "symlink", "link",
    "ftruncate", "truncate", "fsync", "fdatasync", "utime", "chmod", "chown", "write", "pwrite", "writev", "sendfile",
    "memfd_create", "mkfifo", "mknod", "posix_fallocate", "copy_file_range",
}  # fmt: skip
OF_PATHS = {
    "write_text", "write_bytes", "touch", "mkdir", "unlink", "rmdir", "symlink_to", "hardlink_to", "chmod",
    "lchmod",
}  # fmt: skip
OF_ARRAYS = {"save", "savez", "savez_compressed", "savetxt", "tofile", "save_file", "dump", "write", "ZipFile"}
READING = {"which", "disk_usage", "get_terminal_size", "ignore_patterns", "gettempdir"}
WRITING_FLAGS = ("O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC", "O_APPEND")
LIKELY = re.compile(
    rf"\b(shutil|tempfile)\.|(?<![.\w])open\(|\bos\.(open|fdopen|{'|'.join(sorted(OF_OS))})\(|\.open\(['\"]"
    rf"|\.({'|'.join(sorted(OF_PATHS))}|extractall)\(|\.(rename|replace)\([^,()]*(\([^()]*\))?[^,()]*\)"
    rf"|\b(np|numpy|torch|jit|soundfile|zipfile|pickle|json|wave)\.({'|'.join(sorted(OF_ARRAYS))})\("
)
"""Of a source without any of it there is nothing to parse."""

IN_MEMORY = ("io.BytesIO()", "io.StringIO()")


def writes(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each call that may write to a disk."""
    if not LIKELY.search(source):
        return
    tree = ast.parse(source)
    memory = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value) in IN_MEMORY
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _writes(node, memory):
            yield node.lineno, ast.unparse(node)


def _writes(call: ast.Call, memory: set[str]) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id == "open" and _opened_to_write(call)
    if not isinstance(function, ast.Attribute):
        return False
    name = function.attr
    of = function.value.id if isinstance(function.value, ast.Name) else ""
    if isinstance(function.value, ast.Attribute):
        of = ast.unparse(function.value)
    if of == "os":
        return name in OF_OS or (name in ("open", "fdopen") and _opened_to_write(call))
    if of in ("shutil", "tempfile"):
        return name not in READING
    if of in ("np", "numpy", "torch", "torch.jit", "soundfile", "zipfile", "pickle", "json", "wave"):
        first = ast.unparse(call.args[-1 if of == "torch.jit" else 0]) if call.args else ""
        return (name in OF_ARRAYS and first not in memory) and not (
            name == "ZipFile" and "'w'" not in ast.unparse(call)
        )
    if name == "open":
        return _opened_to_write(call)
    if name == "rename":
        return bool(call.args)
    return name in OF_PATHS or name == "extractall" or (name == "replace" and len(call.args) == 1 and not call.keywords)


def _opened_to_write(call: ast.Call) -> bool:
    flags = any(flag in ast.unparse(call) for flag in WRITING_FLAGS)
    modes = [
        part.value
        for part in (*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode"))
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return flags or any(set(mode) & set("wax+") and set(mode) <= set("rwaxbt+") for mode in modes)


@pytest.mark.slow
def test_nothing_is_written_beside_the_door_but_what_is_not_kept() -> None:
    beside = {
        f"{name}:{line}: {text[:90]}"
        for path in sorted(ROOT.rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) not in DOOR | set(ALLOWED)
        for line, text in writes(path.read_text(encoding="utf-8"))
    }
    assert not beside, "write through mlfuzz.storage.durable:\n" + "\n".join(sorted(beside))


def test_whoever_may_write_beside_the_door_still_does() -> None:
    idle = [name for name in ALLOWED if not list(writes((ROOT / name).read_text(encoding="utf-8")))]
    assert not idle


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'w')", "open(path, mode='ab')", "path.open('x')", "path.write_text(text)", "path.mkdir()",
        "os.open(path, os.O_WRONLY | os.O_CREAT)", "os.replace(a, b)", "part.replace(path)", "shutil.copy(a, b)",
        "shutil.rmtree(path)", "tempfile.mkdtemp()", "np.save(path, array)", "np.savez(path, a=array)",
        "torch.save(state, path)", "zipfile.ZipFile(path, 'w')", "archive.extractall(path)", "os.fsync(descriptor)",
        "path.touch()", "with open(path, 'r+b') as file:\n    pass",
    ],
)  # fmt: skip
def test_the_look_at_the_sources_sees_each_way_to_write(line: str) -> None:
    assert list(writes(line))


@pytest.mark.parametrize(
    "line",
    [
        "open(path)", "open(path, 'rb')", "os.open(path, os.O_RDONLY)", "text.replace('a', 'b')", "shutil.which('apt')",
        "zipfile.ZipFile(data)", "file = io.BytesIO()\nnp.save(file, array)", "replace(self, data=data)",
        "Corpus.open(workdir)",
    ],
)  # fmt: skip
def test_reading_and_memory_are_no_writes(line: str) -> None:
    assert not list(writes(line))
