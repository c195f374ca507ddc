"""Memory that stays: an input run many times in one worker, and what each run leaves behind."""

from __future__ import annotations

from mlfuzz.codefuzz.executor import exit_classifier
from mlfuzz.codefuzz.executor.isolated_run import IsolatedRunner
from mlfuzz.codefuzz.failure import stack_parser
from mlfuzz.codefuzz.failure.bucketing import OTHER, TARGET
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.runtime.leak_probe import LEAST_KIB

SECONDS = 2.0


def leaks(runner: IsolatedRunner, payload: bytes) -> Outcome | None:
    """The outcome of an input that leaves memory behind at each run; None where it does not.

    Where it does so only for what the sandbox refuses, it is set aside. The second and third third of the runs must
    each have grown: a cache fills once, a leak goes on.
    """
    leak = _left(runner, payload)
    return leak and runner.cleared(payload, leak, execute=lambda data: _left(runner, data) or Outcome(kind="ok"))


def _left(runner: IsolatedRunner, payload: bytes) -> Outcome | None:
    reply = runner.ask(payload, {"name": "leak", "seconds": SECONDS}, seconds=3 * SECONDS + runner.declaration.seconds)
    if not reply or min(reply["later"]) < LEAST_KIB:
        return None
    raw = [(file, line, "") for file, line in reply["where"]]
    placed = [
        one for one in stack_parser.placed(raw, runner.territory) if one[0] in (TARGET, OTHER)
    ] or stack_parser.placed(raw, runner.territory)
    each = sum(reply["later"]) / len(reply["later"])
    return exit_classifier.located(
        "leak", "", placed, message=f"each run leaves about {each:.1f} KiB behind", output=reply["output"],
        mebibytes=each / 1024,
    )  # fmt: skip
