"""What stays: an input run many times in one worker, and what memory, descriptors, threads, processes or temporary
files each run leaves behind."""

from __future__ import annotations

from mlfuzz.codefuzz.executor import exit_classifier
from mlfuzz.codefuzz.executor.isolated_run import IsolatedRunner
from mlfuzz.codefuzz.failure import stack_parser
from mlfuzz.codefuzz.failure.bucketing import OTHER, TARGET
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.runtime.held import WORDS
from mlfuzz.codefuzz.runtime.leak_probe import LINGER_SECONDS

SECONDS = 2.0


def leaks(runner: IsolatedRunner, payload: bytes) -> Outcome | None:
    """The outcome of an input that leaves something behind at each run; None where it does not.

    Where it does so only for what the sandbox refuses, it is set aside. The second and third third of the runs must
    each have grown: a cache fills once, a leak goes on.
    """
    leak = _left(runner, payload)
    return leak and runner.cleared(payload, leak, execute=lambda data: _left(runner, data) or Outcome(kind="ok"))


def _left(runner: IsolatedRunner, payload: bytes) -> Outcome | None:
    patience = 3 * SECONDS + LINGER_SECONDS + runner.declaration.seconds
    reply = runner.ask(payload, {"name": "leak", "seconds": SECONDS}, seconds=patience)
    growth = reply.get("growth")
    if not growth:
        return None
    if growth["kind"]:
        words = f"each run leaves about {growth['amount']:.1f} {WORDS[growth['kind']]} behind"
        return exit_classifier.located("leak", growth["kind"], [], message=words, output=reply["output"])
    raw = [(file, line, "") for file, line in reply["where"]]
    placed = [
        one for one in stack_parser.placed(raw, runner.territory) if one[0] in (TARGET, OTHER)
    ] or stack_parser.placed(raw, runner.territory)
    return exit_classifier.located(
        "leak", "", placed, message=f"each run leaves about {growth['amount']:.1f} KiB behind", output=reply["output"],
        mebibytes=growth["amount"] / 1024,
    )  # fmt: skip
