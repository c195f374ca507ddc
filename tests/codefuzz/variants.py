"""A harness in which each place fails in as many ways as an input likes: its first word says where, a number how."""

import ctypes
import faulthandler
import os
import signal
import sys

HARNESS = {"name": "variants", "length": 64, "seconds": 2.0}

C = ctypes.CDLL(None)
DEADLY = [1, 3, 4, 6, 7, 8, 11, 12, 14, 15, 24]


class PanicException(BaseException):
    """As PyO3 makes it: its module does not exist."""


PanicException.__module__ = "pyo3_runtime"


class NoAttributes(Exception):
    def __getattribute__(self, name):
        raise TypeError(f"no {name}")


class NoText(Exception):
    def __init__(self, number):
        self.number = number

    def __str__(self):
        raise KeyError(self.number)

    __repr__ = __str__


def panic(number, place="src/x.rs:10:5"):
    os.write(2, f"thread '<unnamed>' panicked at {place}:\nthe index is {number}\nnote: run with x\n".encode())
    raise PanicException(f"the index is {number}")


def panic_of_old(number):
    os.write(2, f"thread '<unnamed>' panicked at 'the index is {number}', src/x.rs:10:5\nnote: x\n".encode())
    raise PanicException(f"the index is {number}")


def down(left):
    return down(left - 1) if left else value(left, 0)


def value(shape, depth):
    return (array if shape >> depth % 6 & 1 else table)(shape, depth + 1)


def array(shape, depth):
    return value(shape, depth)


def table(shape, depth):
    return value(shape, depth)


def chain(number):
    error = KeyError(number)
    for step in range(number % 9):
        try:
            raise (ValueError if step % 2 else KeyError)(step) from error
        except LookupError as found:
            error = found
        except ValueError as found:
            error = found
    raise RuntimeError("end") from error


def group(number):
    others = [[KeyError, IndexError, TypeError][step % 3](step) for step in range(number % 7)]
    raise ExceptionGroup(f"several {number}", [ValueError(1), *others])


def generated(number):
    exec(compile(text_of(number), f"gen-{number}.py", "exec"), {})


def unnamed(number):
    exec(text_of(number), {})


def text_of(number):
    return f"def f{number}():\n" + "    pass\n" * number + f"    raise LookupError({number})\nf{number}()"


def made(number):
    exec(f"class Made{number}(Exception): pass", globals())
    raise globals()[f"Made{number}"]("x")


def own_handler(number):
    faulthandler.enable()
    ctypes.string_at(8)


def give_back(number):
    """The C library's memory, which is none of its blocks."""
    C.malloc.restype = ctypes.c_void_p
    C.free(ctypes.c_void_p(C.malloc(64) + 32 * (1 + number % 2)))


def throw(number):
    ctypes.CDLL("libstdc++.so.6")._ZSt20__throw_out_of_rangePKc(f"at: n (which is {number})".encode())


def truncate(number):
    """A panic of Rust's, in a library that many have: its stride must be less than its length."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.encode("a a a a a").truncate(2, stride=2 + number)


def go(number):
    goroutine = "goroutine 17 [running, locked to thread]:\nmain.parse(...)\n\t/src/x.go:12 +0x1d\n"
    os.write(2, f"panic: index out of range [{number}] with length 3\n\n{goroutine}".encode())
    C.exit(2)


WAYS = {
    "os-exit": lambda number: os._exit(number),
    "c-exit": lambda number: C.exit(number),
    "c-_exit": lambda number: C._exit(number + 1),
    "dynamic": lambda number: (_ for _ in ()).throw(type(f"Dyn{number}", (Exception,), {})()),
    "made": made,
    "generated": generated,
    "unnamed": unnamed,
    "lambda": lambda number: (lambda: [][number])(),
    "comprehension": lambda number: [{}[number] for _ in range(number + 1)],
    "key": lambda number: {}[number],
    "message": lambda number: int("x" * number + "é"),
    "assertion": lambda number: exec(f"assert {number} == -1, 'text {number}'"),
    "exit": lambda number: sys.exit(number),
    "exit-text": lambda number: sys.exit(f"bye {number}"),
    "kill": lambda number: os.kill(os.getpid(), DEADLY[number % len(DEADLY)]),
    "raise": lambda number: signal.raise_signal(DEADLY[number % len(DEADLY)]),
    "c-kill": lambda number: C.kill(os.getpid(), [1, 3, 12, 14, 15, 24][number % 6]),
    "panic": panic,
    "panic-of-old": panic_of_old,
    "no-attributes": lambda number: (_ for _ in ()).throw(NoAttributes()),
    "no-text": lambda number: (_ for _ in ()).throw(NoText(number)),
    "depth": down,
    "chain": chain,
    "group": group,
    "own-handler": own_handler,
    "terminate": throw,
    "c-assert": lambda number: C.__assert_fail(f"n > {number}".encode(), b"src/x.c", 12, b"int fn(int)"),
    "free": give_back,
    "rust": truncate,
    "go": go,
    "fatal": lambda number: ctypes.pythonapi._Py_FatalErrorFunc(b"fn", b"it is broken"),
    "two-panics": lambda number: panic(number, f"src/y.rs:{number % 2 + 1}:1"),
}


def fuzz(data):
    name, _, number = data.partition(b" ")
    if way := WAYS.get(name.decode("latin-1")):
        way(number[0] & 63 if number else 0)
