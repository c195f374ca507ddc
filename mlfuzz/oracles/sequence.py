"""Text and token sequences: equal, or within an error rate of what the target said of the seed. On the host."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, TypeAlias

import torch

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Verdict

Tokens: TypeAlias = Sequence[Hashable]

SHORT = 40
"""Characters up to which a text is an answer of its own ("yes"); longer ones are grouped by what changed."""

SHOWN = 500
"""Characters of a text that an explanation holds."""

HARMLESS_SHARE, HARMLESS_FACTOR, MOST_TOLERATED = 0.95, 2.0, 0.5
"""What a bound is set to that nobody gave: this share of harmless mutants change no more than it, this many times over;
where every second token changes an answer is another one whatever a model is used to."""

CHANGES = ("nothing left", "mostly missing", "mostly added", "mostly replaced")
"""What the key of a long text stands for."""


class TextEqual:
    """Fails where a label-preserving chain changes the text that the target gives for the seed.

    strict: letter case and white space count too. margin: 1 where it differs, else -1: there is no distance to go.
    key: of short texts the pair of expected and got, of long ones what changed (`CHANGES`).
    Token sequences (ragged integers) are compared token by token.
    """

    name = "text_equal"
    unit = "1 where it differs"
    where: Literal["device", "host"] = "host"
    relative = True

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        got, expected = (_tokens(part, _characters(self._strict)) for part in (seen, reference))
        margins = [1.0 if one != other else -1.0 for one, other in zip(got, expected, strict=True)]
        return _verdict(margins, got, expected, batch)

    def noise(self, floor: Floor) -> float:
        return 0.0

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        return {"expected": _shown(reference, row), "expected_from": "model", "observed": _shown(seen, row)}

    def describe(self) -> dict[str, Any]:
        return {"strict": self._strict}


class ErrorRate:
    """Fails where more than `bound` of the seed's words or characters are changed, by the shortest edit.

    The rate is the edit distance over the length of what the target said of the seed (at least 1); token sequences
    (ragged integers) count token by token. strict: letter case and white space (between words: case alone) count.
    margin: rate - bound. key: what changed (`CHANGES`); of short texts the pair of expected and got.
    Raises ConfigError where bound is not above 0.
    """

    name = ""
    unit = "errors a token, less the bound"
    where: Literal["device", "host"] = "host"
    relative = True
    default_bound = 0.2

    def __init__(self, *, bound: float | None = None, strict: bool = False) -> None:
        self._given = bound is not None
        self._bound = self.default_bound if bound is None else bound
        if not self._bound > 0:
            raise ConfigError(f"oracle {self.name}: bound must be above 0, not {self._bound}")
        self._strict = strict
        self._distance = _edit_distance()

    def fit_harmless(self, seen: Observation, reference: Observation) -> None:
        """Told the answers to harmless mutants of seeds, and to the seeds: what those do is let pass, and twice that.

        A bound that was given is kept; one that was not is never below `default_bound`, nor above `MOST_TOLERATED`.
        """
        if self._given:
            return
        got, expected = self._both(seen, reference)
        rates = sorted(self._rate(one, other) for one, other in zip(got, expected, strict=True))
        usual = rates[int(HARMLESS_SHARE * (len(rates) - 1))] if rates else 0.0
        self._bound = round(min(MOST_TOLERATED, max(self.default_bound, HARMLESS_FACTOR * usual)), 3)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        got, expected = self._both(seen, reference)
        rates = [self._rate(one, other) - self._bound for one, other in zip(got, expected, strict=True)]
        return _verdict(rates, got, expected, batch)

    def noise(self, floor: Floor) -> float:
        return 0.0

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        got, expected = self._both(seen, reference)
        return {
            "expected": _shown(reference, row),
            "expected_from": "model",
            "observed": _shown(seen, row),
            "rate": self._rate(got[row], expected[row]),
            "change": CHANGES[_change(got[row], expected[row])],
            "bound": self._bound,
        }

    def describe(self) -> dict[str, Any]:
        return {"bound": self._bound, "strict": self._strict}

    def _both(self, seen: Observation, reference: Observation) -> tuple[list[Tokens], list[Tokens]]:
        split = self._split()
        return _tokens(seen, split), _tokens(reference, split)

    def _split(self) -> Callable[[str], Tokens]:
        raise NotImplementedError

    def _rate(self, got: Tokens, expected: Tokens) -> float:
        return self._distance(got, expected) / max(1, len(expected))


class TokenErrorRate(ErrorRate):
    """Fails where more than `bound` (0.2) of the tokens are changed, whatever they are: numbers or words."""

    name = "tokens"

    def _split(self) -> Callable[[str], Tokens]:
        return str.split


class WordErrorRate(ErrorRate):
    """Fails where more than `bound` (0.2) of the words are changed; see `ErrorRate`."""

    name = "wer"

    def _split(self) -> Callable[[str], Tokens]:
        return str.split if self._strict else lambda text: text.casefold().split()


class CharacterErrorRate(ErrorRate):
    """Fails where more than `bound` (0.1) of the characters are changed; see `ErrorRate`."""

    name = "cer"
    default_bound = 0.1

    def _split(self) -> Callable[[str], Tokens]:
        return _characters(self._strict)


def _characters(strict: bool) -> Callable[[str], Tokens]:
    return (lambda text: text) if strict else (lambda text: " ".join(text.casefold().split()))


def _tokens(seen: Observation, split: Callable[[str], Tokens]) -> list[Tokens]:
    """One sequence a row. Raises ConfigError where the main output is neither text nor a token sequence."""
    output = seen.outputs["main"]
    if isinstance(output, tuple):
        known = {text: split(text) for text in set(output)}  # names of labels, and what is said of a seed, repeat
        return [known[text] for text in output]
    if isinstance(output, Ragged) and output.values.dim() == 2:
        rows = output.values.nan_to_num(nan=-1.0).long().tolist()
        return [row[:length] for row, length in zip(rows, output.lengths.tolist(), strict=True)]
    if isinstance(output, torch.Tensor) and output.dim() == 2 and bool((output == output.round()).all()):
        numbers: list[Tokens] = output.nan_to_num(nan=-1.0).long().tolist()
        return numbers
    raise ConfigError(
        "oracles text_equal, wer and cer judge text or sequences of token numbers; the target gives "
        f"{type(output).__name__}; choose another oracle (label, tolerance, frames)"
    )


def _verdict(margins: list[float], got: list[Tokens], expected: list[Tokens], batch: Batch) -> Verdict:
    margin = torch.tensor(margins, dtype=torch.float32)
    margin[torch.from_numpy(~batch.invariant)] = torch.nan
    keys = [_key(*pair) if margin > 0 else 0 for margin, *pair in zip(margins, got, expected, strict=True)]
    return Verdict(margin, torch.tensor(keys, dtype=torch.int64))


def _key(got: Tokens, expected: Tokens) -> int:
    """Stable over processes; long texts rarely fail twice with the same pair, so they are grouped coarsely."""
    if isinstance(got, str) and isinstance(expected, str) and max(len(got), len(expected)) <= SHORT:
        return len(CHANGES) + zlib.crc32(f"{expected}\0{got}".encode("utf-8", "surrogatepass"))
    return _change(got, expected)


def _change(got: Tokens, expected: Tokens) -> int:
    """A number of `CHANGES`."""
    if not got:
        return 0
    if 2 * len(got) < len(expected):
        return 1
    return 2 if len(got) > 2 * len(expected) else 3


def _shown(seen: Observation, row: int) -> str:
    output = seen.outputs["main"]
    if isinstance(output, tuple):
        return output[row][:SHOWN]
    return " ".join(str(token) for token in _tokens(seen, str.split)[row])[:SHOWN]


def _edit_distance() -> Callable[[Tokens, Tokens], int]:
    """rapidfuzz's (pip install 'mlfuzz[speech]') where it is there: a hundred times as fast as the one below."""
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError:
        return edit_distance
    distance: Callable[[Tokens, Tokens], int] = Levenshtein.distance
    return distance


def edit_distance(one: Tokens, other: Tokens) -> int:
    """Tokens inserted, deleted or replaced (Levenshtein 1966); time as the product of the lengths."""
    row = list(range(len(other) + 1))
    for at, left in enumerate(one, start=1):
        above, row[0] = row[0], at
        for column, right in enumerate(other, start=1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (left != right))
    return row[-1]


ORACLES.add("text_equal", TextEqual)
ORACLES.add("tokens", TokenErrorRate)
ORACLES.add("wer", WordErrorRate)
ORACLES.add("cer", CharacterErrorRate)
