"""Where code ends its own process: a stack is written before it is gone.

`os._exit` and a signal that a process sends itself leave no trace, and what number they are given is often the input's:
without the place each number would be a failure of its own. C's `exit` gets its stack from a function that C runs then.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import re
import signal
from collections.abc import Callable
from typing import Any, NoReturn

_SENDS = "it sends itself signal {}\n"
_SENT = re.compile(r"^it sends itself signal (\d+)$", re.M)


def watch(stacks: int) -> None:
    """From now on, in this process. stacks: the descriptor to write to, where SIGUSR1 writes a stack, too."""
    leave = os._exit

    def traced(status: int) -> NoReturn:
        faulthandler.dump_traceback(file=stacks, all_threads=False)
        leave(status)

    os._exit = traced
    own = os.getpid()
    os.kill = _announced(os.kill, stacks, lambda pid, number: number if pid in (own, 0, -own) else 0)
    os.killpg = _announced(os.killpg, stacks, lambda group, number: number if group == os.getpgrp() else 0)
    signal.raise_signal = _announced(signal.raise_signal, stacks, lambda number: number)
    signal.pthread_kill = _announced(signal.pthread_kill, stacks, lambda thread, number: number)
    _at_exit()


def sent(text: str) -> int:
    """The last signal that a process has sent itself, of what its stacks tell; 0 where there was none."""
    numbers = _SENT.findall(text)
    return int(numbers[-1]) if numbers else 0


def _announced(send: Callable[..., Any], stacks: int, number_of: Callable[..., Any]) -> Callable[..., Any]:
    def announced(*arguments: Any) -> Any:
        number = number_of(*arguments) if len(arguments) == number_of.__code__.co_argcount else 0
        if number and isinstance(number, int) and os.getpid() == own:
            os.write(stacks, _SENDS.format(int(number)).encode())
            faulthandler.dump_traceback(file=stacks, all_threads=False)
        return send(*arguments)

    own = os.getpid()
    return announced


def _at_exit() -> None:
    """C's `exit` raises SIGUSR1 first, for which a handler in C writes the stack; without that it has no place."""
    library = ctypes.CDLL(None)
    register, send = getattr(library, "__cxa_atexit", None), getattr(library, "raise", None)
    if register is not None and send is not None:
        register(ctypes.cast(send, ctypes.c_void_p), ctypes.c_void_p(signal.SIGUSR1), None)
