"""Targets that do all a target should not: a kind by its name, as a module, a function, or one for sounds or texts.

`load("hostile_targets:segfault__module")` gives one. Most misbehave for some inputs alone (bright pictures, loud
sounds, texts with other than plain characters), none for the seeds that `write_seeds` leaves.
"""

from __future__ import annotations

import ctypes
import gc
import io
import locale
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

import mlfuzz
from mlfuzz.testing import puzzles

FORMS = ("module", "function", "sound", "text")
MUTATORS = {"module": ("image.brightness", "image.contrast_gain"), "sound": (), "text": ()}
LOUD = 0.24
"""Largest sample of a sound from which on it is loud; seeds have 0.2."""

Act = Callable[[Any, Tensor, Tensor], Any]
"""(inputs, healthy scores (B, 3), which rows are bright (B,)) -> the answer."""


@dataclass(frozen=True)
class Kind:
    """found: the kind of a finding; "" none may be confirmed; "unstable", "refused": exit 3 with the reason.

    deadly: it takes its process down, so that only a supervised campaign can look at it. load: done while it is loaded.
    """

    act: Act
    found: str = ""
    deadly: bool = False
    load: Callable[[], object] | None = None


KINDS: dict[str, Kind] = {}


def kind(found: str = "", *, deadly: bool = False, load: Callable[[], object] | None = None) -> Callable[[Act], Act]:
    """Register one by the function's name."""

    def keep(act: Act) -> Act:
        KINDS[act.__name__] = Kind(act, found, deadly, load)
        return act

    return keep


def __getattr__(name: str) -> Callable[[], Any]:
    known, _, form = name.partition("__")
    if known not in KINDS or form not in FORMS:
        raise AttributeError(name)
    return lambda: make(known, form)


def make(name: str, form: str) -> Any:
    """The target."""
    chosen, healthy = KINDS[name], puzzles.sound()
    if chosen.load is not None:
        chosen.load()
    labels = healthy.labels
    if form == "sound":

        def hear(sounds: Tensor, lengths: Tensor | None = None) -> Any:
            flat = sounds.flatten(1)
            loud = flat.abs().amax(1)
            scores = torch.stack([torch.ones_like(loud), loud * 0 - 1, loud * 0 - 2], 1)
            return chosen.act(sounds, scores, loud > LOUD)

        return mlfuzz.CallableTarget(name, mlfuzz.Audio(sample_rate_hz=8000, seconds=0.1), hear, labels=labels)
    if form == "text":

        def read(texts: tuple[str, ...]) -> Any:
            odd = torch.tensor([any(not (c.isascii() and (c.islower() or c == " ")) for c in text) for text in texts])
            return chosen.act(texts, torch.tensor([[1.0, -1.0, -2.0]]).repeat(len(texts), 1), odd)

        return mlfuzz.CallableTarget(name, mlfuzz.Text(), read, labels=labels)
    if form == "function":

        def see(pictures: Tensor) -> Any:
            scores = healthy.model(pictures)
            return chosen.act(pictures, scores, pictures.flatten(1).mean(1) > puzzles.BRIGHT)

        return mlfuzz.CallableTarget(name, healthy.modality, see, labels=labels)

    class Hostile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = healthy.model

        def forward(self, pictures: Tensor) -> Any:
            scores = self.body(pictures)
            return chosen.act(pictures, scores, pictures.flatten(1).mean(1) > puzzles.BRIGHT)

    return mlfuzz.ModuleTarget(name, healthy.modality, Hostile().eval(), labels=labels)


def write_seeds(folder: Path, form: str) -> Path:
    """Six that no kind fails on."""
    folder.mkdir(parents=True, exist_ok=True)
    if form in ("module", "function"):
        puzzles.puzzle_seeds(folder)
    for number in range(6):
        if form == "sound":
            wave = 0.2 * np.sin(np.arange(800) * (0.05 + 0.01 * number))
            soundfile.write(folder / f"{number}.wav", wave.astype(np.float32), 8000, subtype="PCM_16")
        if form == "text":
            (folder / f"{number}.txt").write_text(f"a quiet line of plain words number {'abcdef'[number]}")
    return folder


def where(bright: Tensor, act: Callable[[], object], scores: Any) -> Any:
    """Do it for bright rows, else answer."""
    if bool(bright.any()):
        act()
    return scores


CALLS: list[int] = []
KEPT: list[Any] = []
BUFFER = torch.zeros(8192, 3)


def fail(error: Callable[[], BaseException]) -> Callable[[], object]:
    """An action that raises it."""

    def act() -> object:
        raise error()

    return act


def forever() -> None:
    while True:
        time.sleep(0.05)


def spin() -> None:
    while True:
        pass


# What ends the process, or never comes back.


@kind("crash", deadly=True)
def segfault(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: ctypes.string_at(0), scores)


@kind("crash", deadly=True)
def abort(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, os.abort, scores)


@kind("crash", deadly=True)
def killed(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: os.kill(os.getpid(), signal.SIGKILL), scores)


@kind("crash", deadly=True)
def bus_error(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: os.kill(os.getpid(), signal.SIGBUS), scores)


@kind("exit", deadly=True)
def exit_at_once(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: os._exit(3), scores)


@kind("exit", deadly=True)
def exit_as_if_well(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: os._exit(0), scores)


@kind("exit", deadly=True)
def system_exit(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: sys.exit(5), scores)


@kind("exit", deadly=True)
def system_exit_with_words(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: sys.exit("no more"), scores)


@kind("exit", deadly=True)
def keyboard_interrupt(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(KeyboardInterrupt), scores)


@kind("exit", deadly=True)
def base_exception(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(lambda: BaseException("of its own")), scores)


@kind("exit", deadly=True)
def generator_exit(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(GeneratorExit), scores)


@kind("hang", deadly=True)
def hang_asleep(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, forever, scores)


@kind("hang", deadly=True)
def hang_busy(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, spin, scores)


@kind("hang", deadly=True)
def hang_in_c(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: ctypes.CDLL(None).pause(), scores)


@kind("hang", deadly=True)
def hang_on_a_lock(x: Any, scores: Tensor, bright: Tensor) -> Any:
    lock = threading.Lock()
    lock.acquire()
    return where(bright, lock.acquire, scores)


@kind("hang", deadly=True)
def stopped(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: os.kill(os.getpid(), signal.SIGSTOP), scores)


@kind("refused", deadly=True)
def hang_on_the_first_call(x: Any, scores: Tensor, bright: Tensor) -> Any:
    forever()


@kind("refused", deadly=True, load=forever)
def hang_while_loading(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores


@kind("refused", deadly=True, load=lambda: time.sleep(20))
def load_for_20_s(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores


@kind("refused", deadly=True, load=lambda: os._exit(1))
def exit_while_loading(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores


@kind("refused", deadly=True, load=lambda: sys.exit(1))
def system_exit_while_loading(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores


@kind("refused", deadly=True)
def segfault_on_all(x: Any, scores: Tensor, bright: Tensor) -> Any:
    ctypes.string_at(0)


@kind("refused", deadly=True)
def exit_on_all(x: Any, scores: Tensor, bright: Tensor) -> Any:
    os._exit(4)


@kind("slow", deadly=True)
def slow_first_call(x: Any, scores: Tensor, bright: Tensor) -> Any:
    if not CALLS:
        CALLS.append(1)
        time.sleep(8)
    return scores


@kind("slow", deadly=True)
def one_a_second(x: Any, scores: Tensor, bright: Tensor) -> Any:
    time.sleep(1.0 * len(scores))
    return scores


@kind("slow", deadly=True)
def four_a_second(x: Any, scores: Tensor, bright: Tensor) -> Any:
    time.sleep(0.25 * len(scores))
    return scores


@kind("slow", deadly=True)
def one_in_10_s(x: Any, scores: Tensor, bright: Tensor) -> Any:
    time.sleep(10.0 * len(scores))
    return scores


@kind("slow", deadly=True)
def slow_leak(x: Any, scores: Tensor, bright: Tensor) -> Any:
    KEPT.append(bytearray(1 << 16))
    return scores


@kind("slow", deadly=True)
def closes_all_descriptors(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: os.closerange(3, 64), scores)


@kind("slow", deadly=True)
def forbids_itself_files(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)), scores)


@kind("slow", deadly=True)
def sends_itself_terminate(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: os.kill(os.getpid(), signal.SIGTERM), scores)


# What raises.


@kind("exception")
def raises(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(lambda: ValueError("too bright")), scores)


@kind("exception")
def stop_iteration(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(StopIteration), scores)


@kind("exception")
def recursion(x: Any, scores: Tensor, bright: Tensor) -> Any:
    def deeper(depth: int) -> int:
        return deeper(depth + 1) + 1

    return where(bright, lambda: deeper(0), scores)


@kind("memory")
def memory_error(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(MemoryError), scores)


@kind("exception")
def too_large_a_tensor(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: torch.empty(1 << 58), scores)


class Speechless(Exception):
    """Its text raises."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


@kind("exception")
def an_exception_without_words(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(Speechless), scores)


@kind("exception")
def an_exception_of_a_megabyte(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(lambda: ValueError("x" * (1 << 20))), scores)


@kind("exception")
def an_exception_of_odd_characters(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(lambda: ValueError("\x00\x1b[2J\ud800 <b>\u202e")), scores)


@kind("exception")
def an_exception_with_a_new_type_each_time(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(lambda: type("Odd", (Exception,), {})("again")), scores)


@kind("exception")
def an_exception_group(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, fail(lambda: ExceptionGroup("several", [ValueError("a"), KeyError("b")])), scores)


@kind("exception")
def reads_standard_input(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return where(bright, lambda: sys.stdin.buffer.raw.read(1) or fail(EOFError)(), scores)


@kind("refused")
def raises_at_batch_1(x: Any, scores: Tensor, bright: Tensor) -> Any:
    if len(scores) == 1:
        raise ValueError("expected more than one value per channel")
    return scores


@kind("refused")
def raises_on_all(x: Any, scores: Tensor, bright: Tensor) -> Any:
    raise ValueError("never")


@kind("refused")
def raises_at_odd_batches(x: Any, scores: Tensor, bright: Tensor) -> Any:
    if len(scores) % 2:
        raise ValueError("odd")
    return scores


# What is answered.


@kind("nonfinite")
def nan_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return torch.where(bright[:, None], torch.nan, scores)


@kind("nonfinite")
def infinite_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return torch.where(bright[:, None], torch.inf, scores)


@kind("label")
def another_label_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return torch.where(bright[:, None], scores.flip(1), scores)


@kind("refused")
def nan_for_all(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores * torch.nan


@kind("refused")
def nothing(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return None


@kind("exception")
def nothing_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return None if bool(bright.any()) else scores


@kind("exception")
def none_among_answers(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return [None if odd else row for row, odd in zip(scores, bright.tolist(), strict=True)]


@kind("refused")
def empty(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return torch.zeros(0)


@kind("refused")
def an_empty_mapping(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return {}


@kind("refused")
def a_number(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return 1.0


@kind("refused")
def an_object(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return object()


@kind("refused")
def a_generator(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return (row for row in scores)


@kind()
def texts_as_labels(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return [puzzles.LABELS[at] for at in scores.argmax(1).tolist()]


@kind("exception")
def texts_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return ["dull" if odd else row for row, odd in zip(scores, bright.tolist(), strict=True)]


@kind("exception")
def fewer_answers_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores[~bright]


@kind("exception")
def another_shape_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores[:, :, None].repeat(1, 1, 2) if bool(bright.any()) else scores


@kind("exception")
def fewer_classes_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores[:, :2] if bool(bright.any()) else scores


@kind()
def another_type_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores.double() if bool(bright.any()) else scores


@kind()
def a_list_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return list(scores) if bool(bright.any()) else scores


@kind("exception")
def fewer_parts_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return {"logits": scores} if bool(bright.any()) else {"logits": scores, "features": scores * 2}


@kind("exception")
def other_names_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return {"logits": scores, "other" if bool(bright.any()) else "features": scores}


@kind()
def more_parts_for_some(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return {"logits": scores, "more": scores} if bool(bright.any()) else {"logits": scores}


@kind()
def with_gradients(x: Any, scores: Tensor, bright: Tensor) -> Any:
    with torch.enable_grad():
        return scores.clone().requires_grad_() * 1.0


@kind()
def parameters(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return nn.Parameter(scores.clone())


@kind()
def a_view_of_the_input(x: Any, scores: Tensor, bright: Tensor) -> Any:
    x.flatten(1)[:, :3] = torch.tensor([2.0, 0.0, -2.0])
    return x.flatten(1)[:, :3]


@kind()
def the_same_buffer_each_time(x: Any, scores: Tensor, bright: Tensor) -> Any:
    BUFFER[: len(scores)] = scores
    return BUFFER[: len(scores)]


@kind()
def huge(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return {"logits": scores, "features": scores.repeat(1, 5000)}


@kind()
def doubles(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores.double()


@kind()
def halves(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores.bfloat16()


@kind("refused")
def complexes(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return torch.complex(scores, scores)


@kind()
def truths(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores == scores.amax(1, keepdim=True)


@kind()
def whole_numbers(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return (scores * 100).long()


@kind()
def numpy_arrays(x: Any, scores: Tensor, bright: Tensor) -> Any:
    answer = scores.numpy().copy()
    answer.flags.writeable = False
    return answer


@kind()
def sparse(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores.to_sparse()


@kind("refused")
def on_no_device(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores.to("meta")


@kind("unstable")
def noise(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return torch.randn(scores.shape) * 3


@kind("unstable")
def noise_of_numpy(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return torch.from_numpy(np.random.default_rng().normal(size=scores.shape) * 3)


@kind("unstable")
def the_clock(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores.roll(time.monotonic_ns() // 1000 % 3, 1)


@kind("unstable")
def dropout(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return nn.functional.dropout(scores, 0.5, training=True)


@kind("unstable")
def every_other_call(x: Any, scores: Tensor, bright: Tensor) -> Any:
    CALLS.append(1)
    return scores.flip(1) if len(CALLS) % 2 else scores


@kind()
def drifts_slowly(x: Any, scores: Tensor, bright: Tensor) -> Any:
    CALLS.append(1)
    return scores + len(CALLS) * 1e-9


@kind()
def coupled_by_its_batch(x: Any, scores: Tensor, bright: Tensor) -> Any:
    return scores - scores.mean(0) * 1e-3


@kind()
def writes_into_its_input(x: Any, scores: Tensor, bright: Tensor) -> Any:
    x *= 0.5
    return scores


# What it does to the process beside its answer.


@kind()
def floods_standard_output(x: Any, scores: Tensor, bright: Tensor) -> Any:
    print("x" * 100_000)
    return scores


@kind()
def floods_standard_error(x: Any, scores: Tensor, bright: Tensor) -> Any:
    os.write(2, b"\x1b[31m\xff\n" * 20_000)
    return scores


@kind()
def floods_the_log(x: Any, scores: Tensor, bright: Tensor) -> Any:
    for _ in range(100):
        logging.getLogger().critical("again")
        warnings.warn("again", stacklevel=1)
    return scores


@kind()
def closes_standard_output(x: Any, scores: Tensor, bright: Tensor) -> Any:
    sys.stdout.close()
    return scores


@kind()
def replaces_standard_output(x: Any, scores: Tensor, bright: Tensor) -> Any:
    sys.stdout = sys.stderr = io.StringIO()
    return scores


@kind()
def leaves_threads(x: Any, scores: Tensor, bright: Tensor) -> Any:
    if len(KEPT) < 20:
        KEPT.append(threading.Thread(target=time.sleep, args=(600,), daemon=False))
        KEPT[-1].start()
    return scores


@kind()
def leaves_processes(x: Any, scores: Tensor, bright: Tensor) -> Any:
    if len(KEPT) < 3:
        KEPT.append(subprocess.Popen(["sleep", "20"]))
    return scores


@kind()
def forks(x: Any, scores: Tensor, bright: Tensor) -> Any:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return scores


@kind()
def forks_and_leaves(x: Any, scores: Tensor, bright: Tensor) -> Any:
    CALLS.append(1)
    if len(CALLS) == 1 and not os.fork():
        time.sleep(20)
        os._exit(0)
    return scores


@kind()
def seeds_torch(x: Any, scores: Tensor, bright: Tensor) -> Any:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    return scores


@kind()
def takes_more_threads(x: Any, scores: Tensor, bright: Tensor) -> Any:
    torch.set_num_threads(1 + len(CALLS) % 2)
    CALLS.append(1)
    return scores


@kind()
def changes_the_default_type(x: Any, scores: Tensor, bright: Tensor) -> Any:
    torch.set_default_dtype(torch.float64)
    return scores


@kind()
def changes_the_default_device(x: Any, scores: Tensor, bright: Tensor) -> Any:
    torch.set_default_device("meta")
    return scores


@kind()
def switches_gradients_on(x: Any, scores: Tensor, bright: Tensor) -> Any:
    torch.set_grad_enabled(True)
    return scores


@kind()
def demands_determinism(x: Any, scores: Tensor, bright: Tensor) -> Any:
    torch.use_deterministic_algorithms(True)
    return scores


@kind()
def moves_elsewhere(x: Any, scores: Tensor, bright: Tensor) -> Any:
    os.chdir("/")
    return scores


@kind()
def changes_the_umask(x: Any, scores: Tensor, bright: Tensor) -> Any:
    os.umask(0o777)
    return scores


@kind()
def ignores_signals(x: Any, scores: Tensor, bright: Tensor) -> Any:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    return scores


@kind()
def ignores_its_children(x: Any, scores: Tensor, bright: Tensor) -> Any:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return scores


@kind()
def makes_warnings_errors(x: Any, scores: Tensor, bright: Tensor) -> Any:
    warnings.simplefilter("error")
    return scores


@kind()
def makes_numpy_errors(x: Any, scores: Tensor, bright: Tensor) -> Any:
    np.seterr(all="raise")
    return scores


@kind()
def empties_the_environment(x: Any, scores: Tensor, bright: Tensor) -> Any:
    os.environ.clear()
    sys.path.clear()
    return scores


@kind()
def changes_the_locale(x: Any, scores: Tensor, bright: Tensor) -> Any:
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    return scores


@kind()
def stops_collecting(x: Any, scores: Tensor, bright: Tensor) -> Any:
    gc.disable()
    return scores


@kind()
def traces_calls(x: Any, scores: Tensor, bright: Tensor) -> Any:
    sys.setprofile(lambda *_: None)
    return scores


@kind()
def replaces_excepthook(x: Any, scores: Tensor, bright: Tensor) -> Any:
    sys.excepthook = lambda *_: os._exit(9)
    return scores


@kind()
def opens_few_files(x: Any, scores: Tensor, bright: Tensor) -> Any:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 64), hard))
    return scores


def named() -> Iterator[str]:
    """ "kind, form" of all: pictures in turn as a module and a function, a few as sounds and texts too."""
    for number, name in enumerate(KINDS):
        yield f"{name}, {FORMS[number % 2]}"
    for form in ("sound", "text"):
        for name in ("raises", "nan_for_some", "segfault", "hang_asleep", "noise", "nothing"):
            if name in KINDS:
                yield f"{name}, {form}"
