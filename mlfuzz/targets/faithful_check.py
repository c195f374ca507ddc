"""What the options that make a target faster are worth, before any fuzzing: a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlfuzz.batch import from_payloads
from mlfuzz.errors import TargetError
from mlfuzz.modality.base import Payload
from mlfuzz.targets.acceleration import idle, written
from mlfuzz.targets.check import ROWS, CheckLine
from mlfuzz.targets.faithful import FloorOf, gain_line, refused, start_words, weighed
from mlfuzz.targets.given import GivenTarget
from mlfuzz.targets.module import ModuleTarget


def check_faster(target: GivenTarget, payloads: Sequence[Payload], floor_of: FloorOf) -> Iterator[CheckLine]:
    """Of each option whether it keeps the answers to the seeds, and of all together what they gain.

    payloads: usable seeds of one shape. A target that cannot be run at all is told of elsewhere.
    """
    if not isinstance(target, ModuleTarget) or not target.accelerator.options.names:
        return
    rows = from_payloads(payloads[:ROWS], target.modality, target.device)
    if words := idle(target.accelerator.options, target.device):
        yield CheckLine("warn", words)
    faithful = True
    try:
        for one in weighed(target, rows, floor_of):
            faithful = faithful and one.faithful
            named = " with ".join(map(written, one.names))
            yield (
                CheckLine("ok", f"{named} keeps the answers: {one.sentence}")
                if one.faithful
                else CheckLine("fail", refused(one))
            )
            if one.first and len(one.names) == 1:
                yield CheckLine("ok", start_words(one))
        if faithful:
            pays, words = gain_line(target, rows)
            yield CheckLine("ok" if pays else "warn", words if pays else f"{words}; leave out what gains nothing")
    except TargetError as error:
        yield CheckLine("fail", str(error))
    except Exception as error:  # noqa: BLE001  what the target raises is what the check is about
        yield CheckLine("warn", f"what is faster cannot be compared: {type(error).__name__}: {error}")
