"""A target that does what parsers and preprocessing do: caches, logs, pools, programs. None of it fails by itself."""

from __future__ import annotations

from pathlib import Path

TARGET = '''
import concurrent.futures, ctypes, fcntl, logging, logging.handlers, mmap, multiprocessing, os, pathlib, pty, resource
import shelve, shutil, signal, socket, socketserver, sqlite3, subprocess, sys, tempfile, termios, threading, time
from multiprocessing import shared_memory

HOME = os.path.expanduser("~")


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


def identity(value):
    return value


def pooled(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply_async(identity, (3,)).get(20) == 3


def executor():
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert pool.submit(identity, 3).result(20) == 3


def rotated():
    handler = logging.handlers.RotatingFileHandler(beside("logs/rotated.log"), maxBytes=1, backupCount=1)
    for _ in range(2):
        handler.emit(logging.makeLogRecord({"msg": "line"}))
    handler.close()


def database():
    with sqlite3.connect(beside("logs/a.db")) as base:
        base.execute("create table if not exists t (a)")
        base.execute("insert into t values (1)")
        base.commit()
        assert base.execute("select count(*) from t").fetchone()[0] >= 1


def conversation(family, address):
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        with socket.socket(family) as client:
            client.connect(server.getsockname())
            peer, _ = server.accept()
            client.sendall(b"x")
            assert peer.recv(1) == b"x"
            peer.close()


def atomically():
    with tempfile.NamedTemporaryFile(dir=beside("logs"), delete=False) as file:
        file.write(b"x")
    os.replace(file.name, beside("logs/state"))
    assert pathlib.Path(beside("logs/state")).read_bytes() == b"x"


def locked():
    with open(beside("logs/lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def mapped():
    with open(beside("kept"), "r+b") as file, mmap.mmap(file.fileno(), 4) as memory:
        memory[:4] = b"kept"


def temporary_kinds():
    with tempfile.TemporaryDirectory() as folder, tempfile.SpooledTemporaryFile(1) as two:
        tempfile.TemporaryFile().write(b"x")
        two.write(b"xx")
        descriptor, name = tempfile.mkstemp(dir=folder)
        os.write(descriptor, b"x")
        os.close(descriptor)
        os.chmod(name, 0o600)
        os.utime(name)
        os.rename(name, name + "2")
        os.symlink(name, name + "3")
        os.mkfifo(name + "4")
        os.truncate(name + "2", 0)


def limits():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    os.nice(1)
    os.sched_setaffinity(0, os.sched_getaffinity(0))


def watched_folder():
    libc = ctypes.CDLL(None)
    descriptor = libc.inotify_init()
    assert libc.inotify_add_watch(descriptor, os.fsencode(beside(".")), 0x100) >= 0
    os.close(descriptor)


def in_memory():
    descriptor = os.memfd_create("acme")
    os.write(descriptor, b"x")
    with open(descriptor, "rb") as file, mmap.mmap(file.fileno(), 1) as memory:
        assert memory[:1] == b"x"


def printed():
    before = sys.stdout
    try:
        with open(os.path.join(tempfile.gettempdir(), "printed"), "w") as sys.stdout:
            print("x")
    finally:
        sys.stdout = before


def quiet():
    """It goes another way where it cannot write, and has its bug on the one that is tried nowhere else."""
    try:
        open(beside("logs/quiet"), "w").close()
    except OSError:
        return
    [][1]


def system_call(number, *arguments):
    """Some calls of the system that only the sandbox refuses to root, and everything to others."""
    ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)


WAYS = {
    "fork-pool": lambda: pooled("fork"),
    "spawn-pool": lambda: pooled("spawn"),
    "server-pool": lambda: pooled("forkserver"),
    "executor": executor,
    "semaphore": lambda: multiprocessing.get_context("fork").Semaphore(1),
    "rotated": rotated,
    "database": database,
    "shelf": lambda: shelve.open(beside("logs/shelf")).close(),
    "unix": lambda: conversation(socket.AF_UNIX, os.path.join(tempfile.mkdtemp(), "s")),
    "abstract": lambda: conversation(socket.AF_UNIX, chr(0) + f"acme-{os.getpid()}"),
    "tcp": lambda: conversation(socket.AF_INET, ("127.0.0.1", 0)),
    "tcp6": lambda: conversation(socket.AF_INET6, ("::1", 0)) if socket.has_ipv6 else None,
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
    "relative-too": lambda: (open(beside("logs/r"), "w"), open("mine", "w").write("x"), os.remove("mine")),
    "hidden": lambda: (pooled("fork"), database(), conversation(socket.AF_INET, ("127.0.0.1", 0)), [][1]),
    "quiet": quiet,
    "names": lambda: socket.getaddrinfo("localhost", 80),
    "popen": lambda: subprocess.Popen(["true"]).wait(),
    "os-exec": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    "python": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "atomic": atomically,
    "lock": locked,
    "mapped": mapped,
    "fifo": lambda: (os.mkfifo(beside("logs/fifo")), os.remove(beside("logs/fifo"))),
    "hard-link": lambda: (os.link(beside("kept"), beside("logs/hard")), os.remove(beside("logs/hard"))),
    "home": lambda: open(os.path.join(HOME, "acme.log"), "a").write("x"),
    "cache": lambda: os.makedirs(os.path.join(HOME, "cache-of/acme"), exist_ok=True),
    "of-another": lambda: os.kill(os.getppid(), 0),
    "temporary-all": temporary_kinds,
    "limits": limits,
    "inotify": watched_folder,
    "memfd": in_memory,
    "printed": printed,
    "times": lambda: os.utime(beside("kept")),
    "terminal": lambda: termios.TIOCGWINSZ and os.isatty(1),
    "secret": lambda: os.path.exists("/etc/shadow") and open("/etc/hostname").read(),
    "own-home": lambda: open(os.path.expanduser("~/x"), "w").write("x"),
    "own-group": lambda: os.killpg(os.getpgid(0), 0),
    "thread-pool": lambda: concurrent.futures.ThreadPoolExecutor(1).submit(identity, 3).result(5),
    "fork": lambda: os.waitpid(os.fork() or os._exit(0), 0),
    "ptrace": lambda: system_call(101, 16, 0x7FFFFFFF, 0, 0),
    "mount": lambda: system_call(165, b"none", b"/nowhere", b"tmpfs", 0, 0),
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

NEEDS = {
    "log": ["write:acme.log"], "lock": ["write:logs/lock"], "relative-too": ["write:logs/r"],
    "mapped": ["write:kept"], "home": ["write:~/acme.log"],
    "cache": ["write:~/cache-of/"], "sqlite": ["write:./"], "hard-link": ["write:./"],
    **{key: ["write:logs/"] for key in ("rotated", "database", "shelf", "atomic", "fifo")},
    **{key: ["shared-memory"] for key in ("fork-pool", "executor", "semaphore")},
    **{key: ["processes", "shared-memory"] for key in ("spawn-pool", "memory")},
    **{key: ["network"] for key in ("unix", "abstract", "tcp", "tcp6", "udp", "names", "server")},
    **{key: ["processes"] for key in ("popen", "os-exec", "python", "shell")},
    "server-pool": ["network", "processes", "shared-memory"], "of-another": ["signals"], "large": ["large-files"],
}  # fmt: skip
"""What must be declared for these to work as they do without a sandbox."""

NEEDLESS = (
    "temporary-all", "limits", "inotify", "memfd", "printed", "times", "terminal", "secret", "own-home", "own-group",
    "thread-pool", "fork",
)  # fmt: skip
"""Ways that nothing is refused."""

BEHIND = ("hidden", "quiet")
"""Bugs that show only where everything is done that comes before them."""

SYSTEM = ("ptrace", "mount")
"""Ways for which no single permission is given."""

HARMLESS = ("null", "temporary", "swallowed", "socketpair", "child", "mode", "relative")

BARRED = (
    "log", "folder", "folder-file", "read-back", "copy", "sqlite", "pool", "queue", "memory", "shm", "remove", "rename",
    "link", "cut", "edit", "server", "connect", "program", "shell", "signal", "large", "native", "wrapped",
    "unchained", "later", "no-cache", "thread", "hang", "exit", "leave", "abort",
)  # fmt: skip
"""Ways that fail for what the sandbox refuses, and for nothing else."""


def build(root: Path) -> Path:
    """The project in `root`, with a seed of each way; which is returned."""
    (root / "harnesses").mkdir(parents=True)
    (root / "s").mkdir()
    (root / "logs").mkdir()
    (root / "acme.py").write_text(TARGET)
    (root / "harnesses" / "acme_fuzz.py").write_text(HARNESS)
    (root / "mlfuzz.toml").write_text("")
    for name in ("kept", "victim"):
        (root / name).write_text("kept")
    for way in (*OWN, *HARMLESS, *BARRED):
        (root / "s" / way).write_text(way)
    return root
