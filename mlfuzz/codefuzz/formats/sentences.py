"""Sentences of a grammar, within a depth and a size, the same for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from mlfuzz.codefuzz.formats.terminals import Drawn

MOST_WORDS = 120
"""Of a sentence: from there on it is brought to its end on the shortest way."""

DEEP = (4, 8, 14, 24)
"""Levels that a sentence may have, drawn anew for each."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """name: of a rule, or of a terminal."""

    name: str
    terminal: bool


Rules = Mapping[str, Sequence[tuple[Symbol, ...]]]


class Sentences:
    """rules: the expansions of each. terminals: how each is drawn. spaced: a space may stand between any two words."""

    def __init__(self, rules: Rules, terminals: Mapping[str, Drawn | str], *, spaced: bool) -> None:
        self._rules, self._terminals, self._spaced = rules, terminals, spaced
        self._levels = _fixed_point(rules, lambda costs: 1 + max(costs, default=0), dict.fromkeys(terminals, 0.0))
        self._shortest = {name: self._word(name, None) for name in terminals}
        sizes = {name: float(len(text or "")) for name, text in self._shortest.items()}
        self._sizes = _fixed_point(rules, lambda costs: sum(costs) + 0.001, sizes)

    def __contains__(self, name: str) -> bool:
        return name in self._rules or name in self._terminals

    def word(self, name: str, rng: Random) -> str:
        """One of a terminal."""
        return self._word(name, rng) or ""

    def undrawable(self) -> list[str]:
        """Terminals for which no text is found."""
        return [name for name, text in self._shortest.items() if text is None]

    def endless(self) -> list[str]:
        """Rules that have no sentence of finite length."""
        return [name for name in self._rules if math.isinf(self._levels[name])]

    def sentence(self, start: str, rng: Random, *, deep: int = 0) -> str:
        """One of `start`. deep: its most levels; drawn where it is not given."""
        return self._together(self._grown(Symbol(start, False), rng, deep or rng.choice(DEEP)))

    def least(self, name: str) -> str:
        """A shortest one of a rule or terminal."""
        return self._together(self._grown(Symbol(name, name in self._terminals), None, 0))

    def _grown(self, symbol: Symbol, rng: Random | None, deep: int) -> list[str]:
        words: list[str] = []
        waiting = [(symbol, deep)]
        while waiting:
            one, left = waiting.pop()
            if one.terminal:
                words.append((self._shortest[one.name] if rng is None else self._word(one.name, rng)) or "")
                continue
            expansion = self._expansion(one.name, rng, left if len(words) < MOST_WORDS else 0)
            waiting += [(below, left - 1) for below in reversed(expansion)]
        return words

    def _expansion(self, name: str, rng: Random | None, left: int) -> tuple[Symbol, ...]:
        expansions = self._rules[name]
        if rng is None:
            return min(expansions, key=lambda one: sum(self._sizes[below.name] for below in one))
        levels = [max((self._levels[below.name] for below in one), default=0.0) for one in expansions]
        fitting = [one for one, level in zip(expansions, levels, strict=True) if level < left]
        if fitting:
            return rng.choice(fitting)
        least = min(levels)
        return rng.choice([one for one, level in zip(expansions, levels, strict=True) if level == least])

    def _word(self, name: str, rng: Random | None) -> str | None:
        drawn = self._terminals[name]
        return drawn if isinstance(drawn, str) else drawn.text(rng)

    def _together(self, words: Sequence[str]) -> str:
        """With a space between two that would be one."""
        text = ""
        for word in words:
            text += " " if self._spaced and _glued(text[-1:], word[:1]) else ""
            text += word
        return text


def _glued(before: str, after: str) -> bool:
    return bool(before and after) and (before.isalnum() or before == "_") and (after.isalnum() or after == "_")


def _fixed_point(rules: Rules, cost_of: Callable[[list[float]], float], known: dict[str, float]) -> dict[str, float]:
    """The least cost of each symbol; infinite where it never ends."""
    costs = {**dict.fromkeys(rules, math.inf), **known}
    changed = True
    while changed:
        changed = False
        for name, expansions in rules.items():
            found = min((cost_of([costs[below.name] for below in one]) for one in expansions), default=math.inf)
            if found < costs[name]:
                costs[name], changed = found, True
    return costs
