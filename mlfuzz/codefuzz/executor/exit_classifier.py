"""What a worker died of, from its status, its stacks and what it printed."""

from __future__ import annotations

import signal

from mlfuzz.codefuzz.executor import native_end
from mlfuzz.codefuzz.failure import sanitizer_report, stack_parser
from mlfuzz.codefuzz.failure.bucketing import FrameOwners, Place, frames_of, keys
from mlfuzz.codefuzz.failure.last_words import LastWords
from mlfuzz.codefuzz.failure.outcome import Kind, Outcome
from mlfuzz.codefuzz.forkserver.worker_handle import Death, WorkerHandle
from mlfuzz.codefuzz.runtime.exit_status import BROKEN, DAMAGED, UNTELLABLE
from mlfuzz.codefuzz.runtime.flight_recorder import BROKEN_WORDS
from mlfuzz.errors import WorkerLostError

WRITTEN = "the target wrote to a descriptor that is not its own: what the worker sent is damaged, and it was ended"


def outcome_of(death: Death, slot: WorkerHandle, territory: FrameOwners) -> Outcome:
    """The outcome of the input that was running when the worker in `slot` died.

    Raises WorkerLostError where the worker's own code has failed.
    """
    if slot.damaged:
        return located(
            "os-exit",
            "descriptor",
            [],
            message=WRITTEN,
            signal=death.signal,
            status=death.code,
            output=slot.ring.text(),
        )
    if death.code == DAMAGED and (left := slot.last_words()):
        return Outcome(
            kind="damage", type=str(left.get("type", "")), message=str(left.get("message", "")),
            group=str(left.get("group", "")), bucket=str(left["bucket"]), output=slot.ring.text(),
        )  # fmt: skip
    if broken(death, slot):
        raise WorkerLostError(f"a worker has failed of itself:\n{slot.ring.text(3000)}")
    printed = slot.ring.data.decode("utf-8", "backslashreplace")
    report = sanitizer_report.parse(printed)
    if report is not None:
        return from_report(report, death, slot.ring.text())
    text = slot.stacks()
    found = stack_parser.dumps(text) or stack_parser.dumps(printed)  # the target may have a fault handler of its own
    placed = stack_parser.placed(found[-1], territory) if found else []
    words = native_end.words(death, printed)
    if death.signal == signal.SIGKILL:
        kind: Kind = "killed"
        message = "killed from outside, as the kernel does when memory is short"
    elif death.signal:
        kind, message = "crash", signal.strsignal(death.signal) or ""
    elif death.code == UNTELLABLE:
        kind, message = (
            "os-exit",
            "the worker could not tell its outcome: the target closed its files or used up memory",
        )
    else:
        kind, message = "os-exit", f"the process ended with status {death.code}"
    type_name = _name(death.signal) if death.signal else f"status {death.code}"
    if words is not None:
        kind, type_name, message = "crash", native_end.type_of(words, type_name), words.said or message
    return located(
        kind, type_name, placed, keyed=native_end.keyed(kind, death, type_name, text, words), words=words,
        message=message, traceback=text, signal=death.signal, status=death.code, output=slot.ring.text(),
    )  # fmt: skip


def broken(death: Death, slot: WorkerHandle) -> bool:
    """Whether the worker's own code has failed: no verdict on the input."""
    return death.code == BROKEN and slot.flight.words == BROKEN_WORDS


def from_report(report: sanitizer_report.Report, death: Death, output: str) -> Outcome:
    """A sanitizer's report. Its first frame outside the runtime is the key."""
    kind: Kind = "memory" if report.error in ("out-of-memory", "allocation-size-too-big") else "sanitizer"
    if report.error == "stack-overflow":
        kind = "overflow"
    first = report.frames[0] if report.frames else "::?"
    file, _, function = first.rpartition(":")[0].rpartition(":")[0], "", first.rpartition(":")[2]
    line = first.rpartition(":")[0].rpartition(":")[2]
    group = f"{kind}:{report.error}:{file.rpartition('/')[2]}:{function}"
    details = {"tool": report.tool, "error": report.error, **report.details}
    return Outcome(
        kind=kind, type=report.error, message=report.message, frames=report.frames[::-1], group=group,
        bucket=f"{group}:{line}", signal=death.signal, status=death.code, sanitizer=details, output=output,
        traceback=output,
    )  # fmt: skip


def located(
    kind: Kind, type_name: str, placed: list[tuple[int, Place]], *, keyed: str | None = None,
    words: LastWords | None = None, **rest: object,
) -> Outcome:  # fmt: skip
    """An outcome with frames and keys from a stack, outermost first. keyed: what stands in the keys for its type.

    words: of native code, which may say where it was.
    """
    group, bucket = keys(kind, type_name if keyed is None else keyed, placed, words=words)
    frames = (*frames_of(placed), *([words.frame] if words and words.frame else []))
    return Outcome(kind=kind, type=type_name, frames=frames, group=group, bucket=bucket, **rest)  # type: ignore[arg-type]


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
