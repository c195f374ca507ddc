"""What one process keeps for all that runs in it, by name: none of it is a library's to change."""

from __future__ import annotations

import atexit
import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Mapping


def snapshot() -> dict[str, object]:
    """Of Python and the system; and of torch, numpy, Pillow and faiss, as far as they are imported."""
    return {**_interpreter(), **_system(), **_torch(), **_numpy(), **_others()}


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """ "sys.path: [...] -> [...]", one a difference. What was not imported before is nobody's change."""
    names = [name for name in before if before[name] != after.get(name)]
    return [f"{name}: {before[name]!r:.300} -> {after[name]!r:.300}" for name in names]


def _interpreter() -> dict[str, object]:
    root = logging.getLogger()
    return {
        "sys.path": [*sys.path],
        "sys.meta_path": [*sys.meta_path],
        "sys.path_hooks": [*sys.path_hooks],
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.breakpointhook, sys.displayhook),
        "traces": (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "stream errors": [getattr(stream, "errors", "") for stream in (sys.stdout, sys.stderr)],
        "recursion limit": sys.getrecursionlimit(),
        "switch interval": sys.getswitchinterval(),
        "warnings.filters": [*warnings.filters],
        "warnings.showwarning": (warnings.showwarning, warnings.formatwarning),
        "logging": (
            root.level, [*root.handlers], [*root.filters], logging.root.manager.disable, logging.raiseExceptions,
            logging.getLoggerClass(), logging.getLogRecordFactory(), logging.lastResort,
        ),
        "captured warnings": logging._warnings_showwarning is not None,  # type: ignore[attr-defined]
        "random": random.getstate(),
        "locale": locale.setlocale(locale.LC_ALL),
        "decimal": repr(decimal.getcontext()),
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), [*gc.callbacks], gc.get_debug()),
        "start method": multiprocessing.get_start_method(allow_none=True),
        "exit handlers": atexit._ncallbacks(),
        "faulthandler": faulthandler.is_enabled(),
        "builtins": sorted(vars(sys.modules["builtins"])),
        "socket timeout": socket.getdefaulttimeout(),
    }  # fmt: skip


def _system() -> dict[str, object]:
    umask = os.umask(0o077)
    os.umask(umask)
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    return {
        "os.environ": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "blocked signals": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "timers": (signal.getitimer(signal.ITIMER_REAL)[0] > 0, signal.getitimer(signal.ITIMER_PROF)[0] > 0),
        "wakeup": _wakeup(),
        "working directory": os.getcwd(),
        "umask": umask,
        "limits": limits,
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "processors": os.sched_getaffinity(0),
        "process group": (os.getpgrp(), os.getsid(0)),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "open files": sorted(os.listdir("/proc/self/fd")),
        "death signal": _death_signal(),
    }


def _wakeup() -> int:
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    return descriptor


def _death_signal() -> int:
    import ctypes

    number = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(number), 0, 0, 0)
    return number.value


def _torch() -> dict[str, object]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    flags = ("enabled", "benchmark", "deterministic", "allow_tf32")
    return {
        "torch dtype and device": (torch.get_default_dtype(), torch.get_default_device()),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")),
        "torch anomaly": (torch.is_anomaly_enabled(), torch.are_deterministic_algorithms_enabled()),
        "torch random": torch.get_rng_state().numpy().tobytes(),
        "torch precision": torch.get_float32_matmul_precision(),
        "torch cudnn": tuple(getattr(torch.backends.cudnn, name) for name in flags),
        "torch mkldnn": (torch.backends.mkldnn.enabled, torch.backends.mkldnn.deterministic),
        "torch printing": repr(torch._tensor_str.PRINT_OPTS),
        "torch denormals": float(torch.tensor(1e-40) * 1) != 0.0,
    }


def _numpy() -> dict[str, object]:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return {}
    state = numpy.random.get_state()
    return {
        "numpy errors": (numpy.geterr(), numpy.geterrcall()),
        "numpy printing": repr(numpy.get_printoptions()),
        "numpy random": (state[0], state[1].tobytes(), *state[2:]),
    }


def _others() -> dict[str, object]:
    image, file, faiss = (sys.modules.get(name) for name in ("PIL.Image", "PIL.ImageFile", "faiss"))
    return {
        **({"Pillow pixels": image.MAX_IMAGE_PIXELS} if image else {}),
        **({"Pillow truncated": file.LOAD_TRUNCATED_IMAGES} if file else {}),
        **({"faiss threads": faiss.omp_get_max_threads()} if faiss else {}),
    }
