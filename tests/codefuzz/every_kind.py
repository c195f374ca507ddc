"""A harness that fails in more than two hundred ways: the input names one, and nothing that is mutated does.

WAYS: by name, what is to be told of it (kind, type) and what it does. What needs a sandbox, or harms the machine where
there is none, is not among them.
"""

import array
import asyncio
import atexit
import builtins
import concurrent.futures
import contextlib
import ctypes
import decimal
import faulthandler
import gc
import io
import json
import locale
import logging
import mmap
import multiprocessing
import os
import queue
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
import weakref
import zlib

HARNESS = {
    "name": "every_kind",
    "allowed": ["ValueError", {"type": "KeyError", "match": "documented"}, "os.error"],
    "seconds": 0.4,
    "mebibytes": 48,
    "length": 64,
    "blind": True,
}

C = ctypes.CDLL(None)
LOCK = threading.Lock()
KEPT = []
OK, HANG = ("ok", ""), ("hang", "")
DOCUMENTED = ("refused", "ValueError")
WAYS = {}


def way(name, told):
    """Register a function under a name."""

    def kept(function):
        assert name not in WAYS, name
        WAYS[name] = (told, function)
        return function

    return kept


def throw(error):
    raise error


def ways(told, **functions):
    for name, function in functions.items():
        way(name.replace("_", "-"), told)(function)


# Exceptions: each class that Python brings.
SPECIAL = {
    "AssertionError": "assertion",
    "RecursionError": "recursion",
    "MemoryError": "memory-error",
    "SystemExit": "exit",
}
UNUSUAL = {
    "UnicodeDecodeError": ("ascii", b"x", 0, 1, "no"),
    "UnicodeEncodeError": ("ascii", "x", 0, 1, "no"),
    "UnicodeTranslateError": ("x", 0, 1, "no"),
    "BaseExceptionGroup": ("g", [KeyboardInterrupt()]),
    "ExceptionGroup": ("g", [LookupError("in a group")]),
}
for _name, _class in sorted(vars(builtins).items()):
    if isinstance(_class, type) and issubclass(_class, BaseException) and _class.__name__ == _name:
        _kind = "group" if issubclass(_class, BaseExceptionGroup) else SPECIAL.get(_name, "exception")
        _kind = "refused" if issubclass(_class, ValueError | OSError) else _kind
        way(f"raise-{_name}", (_kind, _name))(lambda one=_class, name=_name: throw(one(*UNUSUAL.get(name, ("text",)))))


class NoText(Exception):
    def __str__(self):
        raise TypeError("no text")

    __repr__ = __str__


class NoHash(Exception):
    __hash__ = None

    def __eq__(self, other):
        raise TypeError("no comparison")


class Leaving(Exception):
    def __str__(self):
        raise SystemExit(3)


class Binary(Exception):
    def __str__(self):
        return b"bytes"


class Odd(Exception):
    __module__ = None


class Looks(BaseException):
    """Escapes what catches Exception."""


class Endless(Exception):
    def __str__(self):
        return str(self)


def chained(depth):
    error = None
    for number in range(depth):
        following = RuntimeError(number)
        following.__cause__ = error
        error = following
    raise error


def circular():
    one, two = RuntimeError("one"), RuntimeError("two")
    one.__cause__, two.__cause__ = two, one
    raise one


def deep_group():
    group = ExceptionGroup("g", [IndexError("inner")])
    for _ in range(50):
        group = ExceptionGroup("g", [group])
    raise group


def down(n):
    return up(n) + 1


def up(n):
    return down(n)


def generator_exit():
    def generate():
        try:
            yield
        finally:
            raise LookupError("closing")

    one = generate()
    next(one)
    one.close()


def ignores_exit():
    def generate():
        while True:
            try:
                yield
            except GeneratorExit:
                continue

    one = generate()
    KEPT.append(one)
    next(one)
    one.close()


def deep_repr():
    inner = []
    for _ in range(100_000):
        inner = [inner]
    repr(inner)


def no_trace():
    raise LookupError("here").with_traceback(None)


HERE = "mlfuzz_harness.every_kind"
way("no-text", ("exception", f"{HERE}.NoText"))(lambda: throw(NoText()))
way("no-hash", ("exception", f"{HERE}.NoHash"))(lambda: throw(NoHash()))
way("text-leaves", ("exception", f"{HERE}.Leaving"))(lambda: throw(Leaving()))
way("text-bytes", ("exception", f"{HERE}.Binary"))(lambda: throw(Binary()))
way("text-endless", ("exception", f"{HERE}.Endless"))(lambda: throw(Endless()))
way("odd-module", ("exception", "?.Odd"))(lambda: throw(Odd()))
way("not-exception", ("exception", f"{HERE}.Looks"))(lambda: throw(Looks()))
way("surrogates", ("exception", "RuntimeError"))(lambda: throw(RuntimeError("\ud800\udfff")))
way("nul-text", ("exception", "RuntimeError"))(lambda: throw(RuntimeError("a\0b\x1b[2J")))
way("long-text", ("exception", "RuntimeError"))(lambda: throw(RuntimeError("x" * (4 << 20))))
way("raised-class", ("exception", "LookupError"))(lambda: throw(LookupError))
way("raised-number", ("exception", "TypeError"))(lambda: throw(7))
way("chain-of-50", ("exception", "RuntimeError"))(lambda: chained(50))
way("chain-in-circle", ("exception", "RuntimeError"))(circular)
way("group-of-groups", ("group", "ExceptionGroup"))(deep_group)
way("documented-group", ("refused", "ExceptionGroup"))(lambda: throw(ExceptionGroup("", [ValueError(), OSError()])))
way("documented-text", ("refused", "KeyError"))(lambda: {}["documented"])
way("other-text", ("exception", "KeyError"))(lambda: {}["other"])
way("recursion-in-two", ("recursion", "RecursionError"))(lambda: up(1))
way("recursion-in-repr", ("recursion", "RecursionError"))(deep_repr)
way("closing-raises", ("exception", "LookupError"))(generator_exit)
way("generator-stays", ("exception", "RuntimeError"))(ignores_exit)
way("no-traceback", ("exception", "LookupError"))(no_trace)
way("struct-error", ("exception", "struct.error"))(lambda: struct.unpack("<I", b"ab"))
way("json-error", ("refused", "JSONDecodeError"))(lambda: json.loads("x"))
way("zlib-error", ("exception", "zlib.error"))(lambda: zlib.decompress(b"no"))
way("decimal-error", ("exception", "decimal.InvalidOperation"))(lambda: decimal.Decimal("x"))
way("sub-interpreter", ("exception", "ZeroDivisionError"))(lambda: exec("1/0", {}))
way("dynamic-class", ("exception", f"{HERE}.Dyn"))(lambda: throw(type("Dyn", (Exception,), {})()))

# Ends of the process.
ways(
    ("exit", "SystemExit"), exit_0=lambda: sys.exit(0), exit_text=lambda: sys.exit("bye"), exit_builtin=lambda: exit(3)
)
for _status in (0, 1, 7, 77, 113, 114, 115, 116, 255):
    way(f"os-exit-{_status}", ("os-exit", f"status {_status}"))(lambda status=_status: os._exit(status))
way("c-exit", ("os-exit", "status 5"))(lambda: C.exit(5))
way("c-fast-exit", ("os-exit", "status 6"))(lambda: C._exit(6))
way("os-abort", ("crash", "SIGABRT"))(os.abort)
way("c-abort", ("crash", "SIGABRT"))(lambda: C.abort())
for _number in (
    "SEGV",
    "ABRT",
    "FPE",
    "ILL",
    "BUS",
    "TRAP",
    "TERM",
    "HUP",
    "QUIT",
    "SYS",
    "PIPE",
    "ALRM",
    "USR2",
    "VTALRM",
    "PROF",
    "XCPU",
):
    _told = ("crash", f"SIG{_number}") if _number != "PIPE" else OK
    way(f"signal-{_number}", _told)(lambda number=_number: os.kill(os.getpid(), getattr(signal, f"SIG{number}")))
way("signal-KILL", ("killed", "SIGKILL"))(lambda: os.kill(os.getpid(), signal.SIGKILL))
way("signal-INT", ("exception", "KeyboardInterrupt"))(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(0.01)))
way("signal-CHLD", OK)(lambda: os.kill(os.getpid(), signal.SIGCHLD))
way("signal-WINCH", OK)(lambda: os.kill(os.getpid(), signal.SIGWINCH))
way("c-null", ("crash", "SIGSEGV"))(lambda: ctypes.string_at(8))
way("c-write", ("crash", "SIGSEGV"))(lambda: ctypes.memset(16, 0, 8))
way("c-call", ("crash", "SIGSEGV"))(lambda: ctypes.CFUNCTYPE(None)(24)())
way("c-double-free", ("crash", "SIGABRT"))(lambda: double_free())
way("raise-signal", ("crash", "SIGABRT"))(lambda: signal.raise_signal(signal.SIGABRT))


def double_free():
    C.malloc.restype, C.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    place = C.malloc(2_000_000)
    C.free(place + 16)


@way("c-stack", ("overflow", "SIGSEGV"))
def native_overflow():
    sys.setrecursionlimit(1 << 30)
    one, two = [], []
    for _ in range(100_000):
        one, two = [one], [two]
    return one == two


# Hangs: computing, sleeping, waiting for somebody.
def spin():
    while True:
        pass


def endless_print():
    while True:
        print("x" * 1000)


def pipe_read():
    reader, _writer = os.pipe()
    os.read(reader, 1)


def pipe_write():
    _reader, writer = os.pipe()
    while True:
        os.write(writer, b"x" * 4096)


def socket_read():
    one, _other = socket.socketpair()
    one.recv(1)


def child_wait():
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    os.waitpid(pid, 0)


def join_self():
    thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    thread.start()
    thread.join()


def queue_get():
    queue.Queue().get()


def condition():
    one = threading.Condition()
    with one:
        one.wait()


def future():
    concurrent.futures.Future().result()


def sleeping_loop():
    while True:
        time.sleep(0.001)


class SpinsAtEnd:
    def __del__(self):
        spin()


def ignoring():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    spin()


def catching():
    while True:
        with contextlib.suppress(BaseException):
            spin()


ways(
    HANG,
    spin=spin,
    sleep=lambda: time.sleep(60),
    sleep_loop=sleeping_loop,
    regex=lambda: re.match("(a+)+$", "a" * 64 + "b"),
    big_power=lambda: pow(3, 1 << 30),
    big_digits=lambda: str(7**3_000_000) == "7" * 3_000_000 if sys.set_int_max_str_digits(0) is None else 0,
    deadlock=lambda: (LOCK.acquire(), LOCK.acquire()),
    pipe_read=pipe_read,
    pipe_write=pipe_write,
    socket_read=socket_read,
    child_wait=child_wait,
    join=join_self,
    queue=queue_get,
    condition=condition,
    future=future,
    select_none=lambda: select.select([], [], []),
    pause=signal.pause,
    c_sleep=lambda: C.sleep(60),
    c_pause=lambda: C.pause(),
    gil_held=lambda: ctypes.PyDLL(None).sleep(60),
    print_endless=endless_print,
    finalizer_spins=lambda: SpinsAtEnd() and None,
    spin_ignoring=ignoring,
    spin_catching=catching,
    asyncio_sleep=lambda: asyncio.run(asyncio.sleep(60)),
    barrier=lambda: threading.Barrier(2).wait(),
    event=lambda: threading.Event().wait(),
    sigwait=lambda: signal.sigwait([signal.SIGUSR2]),
    own_stop=lambda: os.kill(os.getpid(), signal.SIGSTOP),
    iterate=lambda: sum(iter(int, 1)),
    join_main=lambda: threading.Thread(target=threading.main_thread().join).start() or time.sleep(60),
    wait_for_timer=lambda: threading.Timer(60, int).run(),
    spin_in_thread=lambda: (one := threading.Thread(target=spin, daemon=True), one.start(), one.join()),
)
way("slow-sleep", ("slow", ""))(lambda: time.sleep(0.55))
way("slow-child", ("slow", ""))(lambda: os.waitpid(os.fork() or (time.sleep(0.55), os._exit(0)), 0))


# Memory.
def mapped(mebibytes):
    one = mmap.mmap(-1, mebibytes << 20)
    for place in range(0, len(one), 4096):
        one[place] = 1


def native(mebibytes):
    C.malloc.restype, C.free.argtypes, C.memset.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_void_p],
        [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t],
    )
    place = C.malloc(mebibytes << 20)
    C.memset(place, 1, mebibytes << 20)
    C.free(place)


ways(
    ("memory", ""),
    bytes_large=lambda: b"x" * (90 << 20),
    list_large=lambda: [None] * (12 << 20),
    native_large=lambda: native(90),
    mapped_large=lambda: mapped(90),
    text_large=lambda: "x" * (90 << 20),
    array_large=lambda: array.array("q", bytes(90 << 20)),
    many_small=lambda: [str(number) for number in range(1_200_000)],
    joined_large=lambda: b"".join([bytes(1 << 20)] * 90),
)
ways(
    ("memory-error", "MemoryError"),
    too_large=lambda: bytearray(1 << 44),
    too_long=lambda: [0] * (1 << 44),
    text_too_long=lambda: "x" * (1 << 44),
)
ways(OK, native_refused=lambda: C.malloc(ctypes.c_size_t(1 << 44)), memory_modest=lambda: bytearray(16 << 20))


# Leaks: one run is fine, many are not.
def leak_threads():
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def leak_process():
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)


def leak_zombie():
    if os.fork() == 0:
        os._exit(0)


LEAKS = {
    "leak-small": lambda: KEPT.append(bytearray(b"x" * 40_000)),
    "leak-large": lambda: KEPT.append(bytearray(30_000_000)),
    "leak-native": lambda: C.memset(ctypes.c_void_p(allocate(60_000)), 1, 60_000),
    "leak-mapped": lambda: KEPT.append(filled(200_000)),
    "leak-circle": lambda: KEPT.append([bytearray(50_000), KEPT]),
    "leak-descriptors": lambda: os.open(os.devnull, os.O_RDONLY),
    "leak-pipes": os.pipe,
    "leak-sockets": lambda: KEPT.append(socket.socketpair()),
    "leak-files": lambda: os.close(tempfile.mkstemp()[0]),
    "leak-folders": tempfile.mkdtemp,
    "leak-threads": leak_threads,
    "leak-processes": leak_process,
    "leak-zombies": leak_zombie,
}
"""Those that are looked for by running the input many times."""

for _name, _function in LEAKS.items():
    way(
        _name,
        (
            "leak",
            {
                "descriptors": "descriptors",
                "pipes": "descriptors",
                "sockets": "descriptors",
                "files": "files",
                "folders": "files",
                "threads": "threads",
                "processes": "processes",
                "zombies": "processes",
            }.get(_name.removeprefix("leak-"), ""),
        ),
    )(_function)


def allocate(size):
    C.malloc.restype = ctypes.c_void_p
    return C.malloc(size)


def filled(size):
    one = mmap.mmap(-1, size)
    one.write(b"x" * size)
    return one


# Threads and processes.
def behind(target, *, seconds=0.0, daemon=True):
    threading.Thread(target=lambda: (time.sleep(seconds), target()), daemon=daemon).start()


def joined(target):
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()


class Dying:
    def __del__(self):
        raise LookupError("in a finaliser")


def forked(child, *, wait=True):
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    if wait:
        os.waitpid(pid, 0)


def double_fork():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(5)
        os._exit(0)
    os.waitpid(pid, 0)


def fork_into_harness():
    if os.fork() == 0:
        return
    os.wait()


def fork_that_raises():
    if os.fork() == 0:
        raise LookupError("in a child")
    os.wait()


def dead_child():
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    os.waitpid(pid, 0)


def weak():
    class One:
        pass

    one = One()
    KEPT.append(weakref.ref(one, lambda _: [].pop()))
    del one


def executor(workers=2):
    KEPT.append(concurrent.futures.ThreadPoolExecutor(workers))
    assert list(KEPT[-1].map(len, ["a", "b"])) == [1, 1]


async def many_tasks():
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(50)))


async def forgotten_task():
    KEPT.append(asyncio.ensure_future(asyncio.sleep(60)))


way("thread-raises", ("thread", "IndexError"))(lambda: joined(lambda: [].pop()))
way("thread-raises-late", ("thread", "IndexError"))(lambda: behind(lambda: [].pop(), seconds=0.05))
way("thread-raises-later", ("thread", "IndexError"))(lambda: behind(lambda: [].pop(), seconds=0.05, daemon=False))
way("timer-raises", ("thread", "IndexError"))(lambda: threading.Timer(0.03, lambda: [].pop()).start())
way("thread-exits", OK)(lambda: joined(sys.exit))
way("thread-exits-os", ("os-exit", "status 9"))(lambda: behind(lambda: os._exit(9), seconds=0.05))
way("thread-crashes", ("crash", "SIGSEGV"))(lambda: behind(lambda: ctypes.string_at(8), seconds=0.02))
way("thread-documented", OK)(lambda: joined(lambda: int("x")))
way("thread-stays", OK)(lambda: behind(int, seconds=2.0, daemon=False))
way("thread-spins", OK)(lambda: behind(spin))
way("threads-many", OK)(lambda: [joined(int) for _ in range(20)])
way("thread-pool", OK)(executor)
way("thread-pool-raises", ("exception", "IndexError"))(
    lambda: concurrent.futures.ThreadPoolExecutor(1).submit([].pop).result()
)
way("finaliser-raises", ("unraisable", "LookupError"))(lambda: (Dying(), gc.collect()))
way("weakref-raises", ("unraisable", "IndexError"))(weak)
way("callback-raises", ("unraisable", "IndexError"))(lambda: ctypes.CFUNCTYPE(ctypes.c_int)(lambda: [].pop())())
way("fork", OK)(lambda: forked(int))
way("fork-into-harness", OK)(fork_into_harness)
way("fork-raises", OK)(fork_that_raises)
way("fork-dies", OK)(dead_child)
way("fork-and-session", OK)(double_fork)
way("fork-stays", OK)(lambda: forked(lambda: time.sleep(20), wait=False))
way("fork-zombie", OK)(lambda: forked(int, wait=False))
way("fork-writes", OK)(lambda: forked(lambda: os.write(1, b"from a child\n")))
way("fork-kills-parent", ("crash", "SIGTERM"))(
    lambda: forked(lambda: (os.kill(os.getppid(), signal.SIGTERM), time.sleep(1)))
)
way("own-group", OK)(lambda: forked(lambda: os.setpgid(0, 0)))
way("asyncio", OK)(lambda: asyncio.run(many_tasks()))
way("asyncio-forgets", OK)(lambda: asyncio.run(forgotten_task()))
way("asyncio-loop-left", OK)(lambda: KEPT.append(asyncio.new_event_loop()))
way("asyncio-raises", ("exception", "ZeroDivisionError"))(lambda: asyncio.run(failing()))
way("thread-hook", OK)(lambda: setattr(threading, "excepthook", None))


async def failing():
    return 1 / 0


# Descriptors and streams.
def exhausted():
    with contextlib.suppress(OSError):
        while True:
            KEPT.append(os.dup(0))
    for one in KEPT:
        os.close(one)
    KEPT.clear()


def scribbled():
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.set_blocking(number, False)
            os.write(number, b"garbage!" * 4)


def overlaid():
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3, 200):
        with contextlib.suppress(OSError):
            if number != null:
                os.fstat(number)
                os.dup2(null, number)


def closed_streams():
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.close()


CLOSED = ("damage", "descriptors.closed")
way("close-all", CLOSED)(lambda: os.closerange(3, 1 << 16))
way("close-256", CLOSED)(lambda: os.closerange(3, 256))
way("close-4096", CLOSED)(lambda: os.closerange(3, 4096))
way("close-from-c", CLOSED)(lambda: [C.close(number) for number in range(3, 64)])
way("close-from-0", CLOSED)(lambda: os.closerange(0, 256))
way("close-high", CLOSED)(lambda: os.closerange(256, 1 << 16))
way("overlay", CLOSED)(overlaid)
way("scribble", ("damage", "descriptors.written"))(scribbled)
way("exhaust", OK)(exhausted)
way("close-0", OK)(lambda: os.close(0))
way("close-1-2", OK)(lambda: (os.close(1), os.close(2)))
way("close-streams", OK)(closed_streams)
way("stdout-null", OK)(lambda: setattr(sys, "stdout", os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")))
way("stdout-text", OK)(lambda: setattr(sys, "stdout", io.StringIO()))
way("stdout-none", OK)(lambda: setattr(sys, "stdout", None))
way("stderr-none", OK)(lambda: setattr(sys, "stderr", None))
way("stdout-number", OK)(lambda: setattr(sys, "stdout", 7))
way("stdout-detach", OK)(lambda: sys.stdout.detach())
way("stdout-gone", OK)(lambda: delattr(sys, "stdout"))
way("stdin-read", OK)(lambda: sys.stdin.read())
way("input", ("exception", "EOFError"))(input)
way("print-flood", OK)(lambda: [os.write(1, b"x" * 65536) for _ in range(100)])
way("print-binary", OK)(lambda: os.write(2, bytes(range(256)) * 40))
way("print-surrogate", ("refused", "UnicodeEncodeError"))(lambda: print("\ud800"))
way("print-words", OK)(lambda: os.write(2, b"==1==ERROR: libFuzzer: timeout after 1 seconds\n"))
way("print-timeout", OK)(lambda: print("=== Timeout: 1s elapsed, timeout=0s ===", file=sys.stderr))
way("dup2-stdout", OK)(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 1))
way("non-blocking", OK)(lambda: (os.set_blocking(1, False), os.set_blocking(2, False)))

# Builtins, modules, functions.
for _name in (
    "len",
    "open",
    "isinstance",
    "print",
    "range",
    "type",
    "int",
    "str",
    "getattr",
    "Exception",
    "BaseException",
    "__import__",
    "__build_class__",
    "min",
    "super",
    "MemoryError",
    "OSError",
    "dict",
    "list",
    "id",
    "repr",
):
    way(f"no-{_name}", ("damage", f"builtins.{_name}"))(lambda name=_name: setattr(builtins, name, None))
for _name in ("len", "open", "isinstance", "Exception", "sum"):
    way(f"del-{_name}", ("damage", f"builtins.{_name}"))(lambda name=_name: delattr(builtins, name))
way("patched-len", ("damage", "builtins.len"))(lambda: setattr(builtins, "len", lambda _: 0))
way("patched-isinstance", ("damage", "builtins.isinstance"))(lambda: setattr(builtins, "isinstance", lambda *_: True))
way("patched-open", ("damage", "builtins.open"))(lambda: setattr(builtins, "open", lambda *_, **__: io.StringIO()))
way("own-builtins", ("damage", "builtins.len"))(
    lambda: __builtins__.update(len=None) if isinstance(__builtins__, dict) else setattr(__builtins__, "len", None)
)
way("builtins-clear", ("damage", "builtins"))(lambda: vars(builtins).clear())
way("added-builtin", OK)(lambda: setattr(builtins, "_", str))
ways(
    ("damage", "sys.modules"),
    no_os=lambda: sys.modules.pop("os"),
    no_json=lambda: sys.modules.pop("json"),
    no_modules=lambda: sys.modules.clear(),
    other_os=lambda: sys.modules.update(os=types.ModuleType("os")),
    none_time=lambda: sys.modules.update(time=None),
)
way("own-module-gone", OK)(lambda: sys.modules.pop("zlib", None))
way("modules-replaced", ("damage", "sys.modules"))(lambda: setattr(sys, "modules", {}))
for _module, _name in (
    ("os", "write"),
    ("os", "close"),
    ("os", "fork"),
    ("os", "getpid"),
    ("os", "listdir"),
    ("os", "_exit"),
    ("signal", "signal"),
    ("signal", "setitimer"),
    ("time", "monotonic"),
    ("time", "sleep"),
    ("time", "perf_counter"),
    ("json", "dumps"),
    ("socket", "socket"),
    ("struct", "pack"),
    ("threading", "Thread"),
    ("sys", "exit"),
    ("sys", "_getframe"),
):
    way(f"no-{_module}-{_name}", ("damage", f"{_module}.{_name}"))(
        lambda module=_module, name=_name: setattr(sys.modules[module], name, None)
    )
way("os-environ-gone", ("damage", "os.environ"))(lambda: delattr(os, "environ"))


# What makes the next input run otherwise: undone.
def chdir_gone():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)


def every_signal_ignored():
    for number in signal.Signals:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)


def lowered(name, value):
    hard = resource.getrlimit(name)[1]
    resource.setrlimit(name, (value, hard))


class Broken(logging.Handler):
    def emit(self, record):
        raise LookupError("a handler")


ways(
    OK,
    chdir=lambda: os.chdir("/"),
    chdir_gone=chdir_gone,
    umask=lambda: os.umask(0o777),
    recursion_60=lambda: sys.setrecursionlimit(60),
    recursion_huge=lambda: sys.setrecursionlimit(1 << 30),
    path_cleared=lambda: sys.path.clear(),
    path_replaced=lambda: setattr(sys, "path", []),
    meta_path=lambda: sys.meta_path.clear(),
    path_hooks=lambda: sys.path_hooks.clear(),
    environ_cleared=lambda: os.environ.clear(),
    environ_binary=lambda: os.environb.update({b"X\xff": b"\xfe"}),
    environ_path=lambda: os.environ.update(PATH="", HOME="", TMPDIR="/nowhere"),
    settrace=lambda: sys.settrace(lambda *_: None),
    setprofile=lambda: sys.setprofile(lambda *_: 1 / 0 if False else None),
    thread_trace=lambda: threading.settrace(lambda *_: None),
    gc_off=gc.disable,
    gc_threshold=lambda: gc.set_threshold(1),
    gc_callback=lambda: gc.callbacks.append(lambda *_: None),
    gc_debug=lambda: gc.set_debug(gc.DEBUG_SAVEALL),
    switch_interval=lambda: sys.setswitchinterval(1e-6),
    warnings_error=lambda: warnings.simplefilter("error"),
    locale=lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
    warnings_show=lambda: setattr(warnings, "showwarning", None),
    excepthook=lambda: setattr(sys, "excepthook", None),
    unraisable_hook=lambda: setattr(sys, "unraisablehook", None),
    decimal_context=lambda: setattr(decimal.getcontext(), "prec", 1),
    random_seed=lambda: random.seed(0),
    float_env=lambda: C.fesetround(0x400) if hasattr(C, "fesetround") else ctypes.CDLL("libm.so.6").fesetround(0x400),
    alarm=lambda: signal.alarm(1),
    itimer=lambda: signal.setitimer(signal.ITIMER_REAL, 0.2),
    itimer_cpu=lambda: signal.setitimer(signal.ITIMER_PROF, 0.3),
    ignore_term=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    ignore_all=every_signal_ignored,
    handler_raises=lambda: signal.signal(signal.SIGALRM, lambda *_: 1 / 0),
    mask_all=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.Signals),
    wakeup_fd=lambda: signal.set_wakeup_fd(-1),
    siginterrupt=lambda: signal.siginterrupt(signal.SIGTERM, True),
    limit_files=lambda: lowered(resource.RLIMIT_NOFILE, 16),
    limit_memory=lambda: lowered(resource.RLIMIT_DATA, 1 << 20),
    limit_size=lambda: lowered(resource.RLIMIT_FSIZE, 0),
    limit_stack=lambda: lowered(resource.RLIMIT_STACK, 1 << 16),
    limit_core=lambda: lowered(resource.RLIMIT_CORE, 0),
    nice=lambda: os.nice(1),
    atexit=lambda: atexit.register(lambda: 1 / 0),
    faulthandler_off=faulthandler.disable,
    faulthandler_later=lambda: faulthandler.dump_traceback_later(0.2, exit=True),
    faulthandler_usr1=lambda: faulthandler.unregister(signal.SIGUSR1),
    logging_flood=lambda: [logging.getLogger().warning("x" * 100) for _ in range(200)],
    logging_disable=lambda: logging.disable(),
    logging_handler=lambda: logging.getLogger().addHandler(Broken()),
    logging_shutdown=logging.shutdown,
    start_method=lambda: multiprocessing.set_start_method("fork", force=True),
    audit=lambda: sys.addaudithook(lambda *_: None),
    tempdir=lambda: setattr(tempfile, "tempdir", "/nowhere"),
    getrefcount=lambda: sys.intern("x" * 20),
    affinity=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    stop_and_go=lambda: os.kill(os.getpid(), signal.SIGCONT),
    excepthook_gone=lambda: delattr(sys, "excepthook"),
    prctl_name=lambda: C.prctl(15, b"another name", 0, 0, 0),
    default_timeout=lambda: socket.setdefaulttimeout(0.001),
    profile_raises=lambda: sys.setprofile(lambda *_: None),
    breakpoint_hook=lambda: setattr(sys, "breakpointhook", None),
    int_digits=lambda: sys.set_int_max_str_digits(640),
    subprocess_patched=lambda: setattr(subprocess, "Popen", None),
)


# The engine itself.
def engine(name, *arguments):
    module = sys.modules.get("atheris")
    if module is not None:
        getattr(module, name)(*arguments)


way("engine-setup", OK)(
    lambda: (
        engine("Setup", ["x"], lambda _: None)
        if not isinstance(sys.modules.get("atheris"), types.SimpleNamespace)
        else None
    )
)
way("engine-gone", OK)(lambda: sys.modules.pop("atheris", None))


def payload(name: str) -> bytes:
    """The input that does it: no other one is a mutation away, but of what leaks, which has to run again and again."""
    return f"{name}#{zlib.crc32(name.encode()):08x}".encode() + (b"~" if name in LEAKS else b"")


BY_PAYLOAD = {payload(name): function for name, (_, function) in WAYS.items()}
"""Looked up and not compared: what is compared, libFuzzer learns."""

LEAKY = {payload(name)[:-1]: function for name, function in LEAKS.items()}


def fuzz(data: bytes) -> None:
    found = BY_PAYLOAD.get(data) or LEAKY.get(data.partition(b"~")[0])
    if found is not None:
        found()
