"""A harness that fails in every way there is: the first word of the input says how."""

import concurrent.futures
import ctypes
import gc
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

HARNESS = {
    "name": "failures",
    "allowed": ["ValueError", {"type": "KeyError", "match": "documented"}, "os.error"],
    "seconds": 0.4,
    "mebibytes": 40,
    "length": 256,
}

C = ctypes.CDLL(None)
LOCK = threading.Lock()
POOLS = []
KEPT = []


class Odd(Exception):
    def __str__(self):
        raise TypeError("no text")


class Dying:
    def __del__(self):
        raise LookupError("in a finaliser")


def chained():
    try:
        {}["inner"]
    except KeyError as error:
        raise RuntimeError("outer") from error


def down(n):
    return up(n) + 1


def up(n):
    return down(n)


def deep_comparison():
    sys.setrecursionlimit(1 << 30)
    one, two = [], []
    for _ in range(100_000):
        one, two = [one], [two]
    return one == two


def die(number):
    os.kill(os.getpid(), number)


def threaded():
    thread = threading.Thread(target=lambda: [].pop())
    thread.start()
    thread.join()


def finalised():
    Dying()
    gc.collect()


def report(text, *, seconds=0.0):
    """As a sanitizer does, which may wait for a program that looks up symbols."""
    head, rest = text[:40], text[40:]
    os.write(2, head)
    time.sleep(seconds)
    os.write(2, rest)
    os._exit(1)


ADDRESS = b"""==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602 at pc 0x1 bp 0x2 sp 0x3
WRITE of size 4 at 0x602 thread T0
    #0 0x7f01 in memcpy (/lib/x.so+0x1)
    #1 0x7f02 in expandrow2 /src/SgiRleDecode.c:83:20
    #2 0x7f03 in ImagingSgiRleDecode /src/SgiRleDecode.c:201:9

SUMMARY: AddressSanitizer: heap-buffer-overflow
"""
UNDEFINED = b"""/src/nms_adpcm.c:707:9: runtime error: index 44 out of bounds for type 'unsigned short[41]'
    #0 0x7f02 in nms_adpcm_decode /src/nms_adpcm.c:707:9
    #1 0x7f03 in psf_open_file /src/sndfile.c:11:1
"""


def spin():
    while True:
        pass


def endless():
    while True:
        print("x" * 1000)


def mute():
    sys.stdout.close()
    os.close(1)
    os.close(2)


def forked():
    if os.fork() == 0:
        return
    os.wait()


def behind(target, *, seconds=0.0, daemon=True):
    """Leave a thread behind that does this after so many seconds."""
    threading.Thread(target=lambda: (time.sleep(seconds), target()), daemon=daemon).start()


def left():
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)


def group():
    raise ExceptionGroup("several", [IndexError("one"), ExceptionGroup("more", [ZeroDivisionError("two")])])


WAYS = {
    "ok": lambda: None,
    "documented": lambda: int("x"),
    "matching": lambda: {}["documented"],
    "elsewise": lambda: {}["other"],
    "index": lambda: [].pop(),
    "chained": chained,
    "odd": lambda: (_ for _ in ()).throw(Odd()),
    "surrogate": lambda: (_ for _ in ()).throw(RuntimeError("\ud800")),
    "interrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
    "struct": lambda: __import__("struct").unpack("<I", b"ab"),
    "group": group,
    "documented-group": lambda: (_ for _ in ()).throw(ExceptionGroup("", [ValueError("a"), UnicodeError("b")])),
    "assertion": lambda: (_ for _ in ()).throw(AssertionError("wrong")),
    "recursion": lambda: up(1),
    "huge": lambda: bytearray(1 << 44),
    "large": lambda: b"x" * (80 << 20),
    "exit": lambda: sys.exit(0),
    "exit-3": lambda: sys.exit(3),
    "segv": lambda: ctypes.string_at(8),
    "abort": os.abort,
    "fpe": lambda: die(signal.SIGFPE),
    "ill": lambda: die(signal.SIGILL),
    "bus": lambda: die(signal.SIGBUS),
    "trap": lambda: die(signal.SIGTRAP),
    "terminated": lambda: die(signal.SIGTERM),
    "killed": lambda: die(signal.SIGKILL),
    "overflow": deep_comparison,
    "os-exit-0": lambda: os._exit(0),
    "os-exit-7": lambda: os._exit(7),
    "c-exit": lambda: C.exit(5),
    "spin": spin,
    "sleep": lambda: time.sleep(60),
    "regex": lambda: re.match("(a+)+$", "a" * 64 + "b"),
    "deadlock": lambda: (LOCK.acquire(), LOCK.acquire()),
    "slow": lambda: time.sleep(0.5),
    "thread": threaded,
    "finaliser": finalised,
    "leak": lambda: KEPT.append(bytearray(b"x" * 40_000)),
    "address": lambda: report(ADDRESS),
    "undefined": lambda: report(UNDEFINED),
    "endless-report": lambda: report(b"AddressSanitizer:DEADLYSIGNAL" + b" " * 20, seconds=60.0),
    "late-report": lambda: report(ADDRESS, seconds=1.5),
    "flood": lambda: [os.write(1, b"x" * 65536) for _ in range(400)],
    "print": endless,
    "mute": mute,
    "alarm": lambda: (signal.setitimer(signal.ITIMER_REAL, 0.01), time.sleep(5)),
    "late-exit": lambda: threading.Thread(target=lambda: (time.sleep(0.05), os._exit(9))).start(),
    "fork": forked,
    "pool": lambda: POOLS.append(concurrent.futures.ThreadPoolExecutor(2)) or list(POOLS[-1].map(len, ["a", "b"])),
    "late-raise": lambda: behind(lambda: [].pop(), seconds=0.05, daemon=False),
    "late-daemon": lambda: behind(lambda: [].pop(), seconds=0.05),
    "late-timer": lambda: threading.Timer(0.05, lambda: [].pop()).start(),
    "sleeper": lambda: behind(int, seconds=3.0, daemon=False),
    "endless-thread": lambda: behind(spin),
    "slow-with-thread": lambda: (behind(int, seconds=3.0, daemon=False), time.sleep(0.5)),
    "process": left,
    "close": lambda: os.closerange(3, 4096),
    "network": lambda: socket.socket(),
    "program": lambda: subprocess.run(["true"]),
    "write": lambda: os.mkdir("/var/tmp/mlfuzz-was-here"),
    "corpus": lambda: __import__("shutil").rmtree("..", ignore_errors=True),
    "signal-others": lambda: os.kill(os.getppid(), signal.SIGTERM),
}


def fuzz(data: bytes) -> None:
    way = WAYS.get(data.decode("latin-1"))
    if way is not None:
        way()
