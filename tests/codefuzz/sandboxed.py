"""A target that does what parsers and preprocessing do: caches, logs, pools, programs. None of it fails by itself."""

from __future__ import annotations

from pathlib import Path

TARGET = '''
import ctypes, multiprocessing, os, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time
from multiprocessing import shared_memory


class Own(Exception):
    pass


def beside(name):
    return os.path.join(os.path.dirname(__file__), name)


def logs():
    open(beside("acme.log"), "a").write("x")


def without_log(do):
    """What is done where the log cannot be written, and why is not said."""
    try:
        logs()
    except OSError:
        do()


def wraps():
    try:
        logs()
    except OSError as error:
        raise Own() from error


def later():
    log = None
    try:
        log = open(beside("acme.log"), "a")
    except OSError:
        pass
    log.write("x")


def in_a_thread():
    thread = threading.Thread(target=logs)
    thread.start()
    thread.join()


def raises():
    raise Own()


def no_cache():
    try:
        os.makedirs(beside("cache/acme"), exist_ok=True)
    except OSError:
        pass
    if not os.path.isdir(beside("cache/acme")):
        raise Own("no cache")


def unreachable():
    try:
        socket.create_connection(("127.0.0.1", 9))
    except ConnectionRefusedError:
        pass


def native():
    """Without any event of Python's: open, by libc."""
    descriptor = ctypes.CDLL(None).open(os.fsencode(beside("native")), os.O_CREAT | os.O_WRONLY, 0o600)
    if descriptor < 0:
        ctypes.string_at(8)
    os.close(descriptor)


WAYS = {
    "log": logs,
    "folder": lambda: os.makedirs(beside("cache/acme"), exist_ok=True),
    "folder-file": lambda: (os.makedirs(beside("cache/acme"), exist_ok=True), open(beside("cache/acme/x"), "w")),
    "read-back": lambda: (open(beside("copy"), "w").write("x"), open(beside("copy")).read()),
    "copy": lambda: shutil.copytree(beside("s"), beside("s2"), dirs_exist_ok=True),
    "sqlite": lambda: sqlite3.connect(beside("acme.db")).execute("create table if not exists t (a)"),
    "pool": lambda: multiprocessing.get_context("fork").Pool(1).terminate(),
    "queue": lambda: multiprocessing.get_context("spawn").Queue(),
    "memory": lambda: shared_memory.SharedMemory(create=True, size=64).unlink(),
    "shm": lambda: (open("/dev/shm/mlfuzz-acme", "w"), os.remove("/dev/shm/mlfuzz-acme")),
    "remove": lambda: os.remove(beside("victim")) if os.path.exists(beside("victim")) else None,
    "rename": lambda: (os.rename(beside("kept"), beside("kept2")), os.rename(beside("kept2"), beside("kept"))),
    "link": lambda: (os.symlink("x", beside("link")), os.remove(beside("link"))),
    "cut": lambda: os.truncate(beside("kept"), 4),
    "edit": lambda: open(beside("kept"), "r+").read() == "kept" or raises(),
    "server": lambda: socket.create_server(("127.0.0.1", 0)).close(),
    "connect": unreachable,
    "program": lambda: subprocess.run(["true"], check=True),
    "shell": lambda: os.system("true") == 0 or raises(),
    "signal": lambda: os.kill(os.getppid(), 0),
    "relative": lambda: open("mlfuzz.toml").read(),
    "large": lambda: open("large", "wb").truncate((1 << 30) + 1) and os.remove("large"),
    "native": native,
    "wrapped": wraps,
    "unchained": lambda: without_log(raises),
    "later": later,
    "no-cache": no_cache,
    "thread": in_a_thread,
    "hang": lambda: without_log(lambda: time.sleep(60)),
    "exit": lambda: without_log(lambda: sys.exit(3)),
    "leave": lambda: without_log(lambda: os._exit(3)),
    "abort": lambda: without_log(os.abort),
    "own": lambda: (without_log(int), [][1]),
    "behind": lambda: (logs(), {}["behind"]),
    "plain": lambda: 1 / 0,
    "permission": lambda: open("/proc/1/mem-that-is-not-there/x", "w"),
    "null": lambda: open("/dev/null", "w").write("x"),
    "temporary": lambda: tempfile.NamedTemporaryFile().write(b"x"),
    "swallowed": lambda: without_log(int),
    "socketpair": lambda: socket.socketpair(),
    "child": lambda: os.kill(os.getpid(), 0),
    "mode": lambda: os.chmod(beside("kept"), 0o600),
}


def parse(data):
    way = WAYS.get(data.decode("latin-1"))
    if way is not None:
        way()
'''

HARNESS = """
HARNESS = {"name": "acme", "seeds": "s", "instrument": ["acme"], "length": 12, "seconds": 0.5}

import acme


def fuzz(data):
    acme.parse(data)
"""

OWN = {"own": "IndexError", "behind": "KeyError", "plain": "ZeroDivisionError", "permission": "FileNotFoundError"}
"""Bugs of its own, whatever the sandbox refuses beside them."""

HARMLESS = ("null", "temporary", "swallowed", "socketpair", "child", "mode")

BARRED = (
    "log", "folder", "folder-file", "read-back", "copy", "sqlite", "pool", "queue", "memory", "shm", "remove", "rename",
    "link", "cut", "edit", "server", "connect", "program", "shell", "signal", "relative", "large", "native", "wrapped",
    "unchained", "later", "no-cache", "thread", "hang", "exit", "leave", "abort",
)  # fmt: skip
"""Ways that fail for what the sandbox refuses, and for nothing else."""


def build(root: Path) -> Path:
    """The project in `root`, with a seed of each way; which is returned."""
    (root / "harnesses").mkdir(parents=True)
    (root / "s").mkdir()
    (root / "acme.py").write_text(TARGET)
    (root / "harnesses" / "acme_fuzz.py").write_text(HARNESS)
    (root / "mlfuzz.toml").write_text("")
    for name in ("kept", "victim"):
        (root / name).write_text("kept")
    for way in (*OWN, *HARMLESS, *BARRED):
        (root / "s" / way).write_text(way)
    return root
