"""What a configuration says of a target's answers, and of how it is run, carried along in its name: whoever loads it
does alike.

"zoo:make?task=binary&output=logits" is the target zoo:make with these declared; a finding keeps the name so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, quote, urlencode

from mlfuzz.errors import ConfigError, suggestion

FASTER = ("precision", "channels-last", "compile")
"""How a target is run; the last two are switches."""

KEYS = ("task", "output", "labels", *FASTER)
YES = "yes"
BETWEEN = "\n"
"""Labels, which may hold any other character."""

PLAIN = ":,.-="
"""Characters of values that stay as they are."""


def declared(
    name: str, *, task: str = "", output: str = "", labels: Sequence[str] = (), precision: str = "",
    channels_last: bool = False, compile: bool = False,
) -> str:  # fmt: skip
    """The name with what is declared behind it; as it is where nothing is."""
    given = {
        "task": task, "output": output, "labels": BETWEEN.join(labels), "precision": precision,
        "channels-last": YES * channels_last, "compile": YES * compile,
    }  # fmt: skip
    words = urlencode([(key, value) for key, value in given.items() if value], safe=PLAIN, quote_via=quote)
    if not words:
        return name
    return f"{name}{'&' if '?' in name else '?'}{words}"


def bare(name: str) -> str:
    """ "module:attribute" alone: what is imported."""
    return name.partition("?")[0]


def declarations(name: str) -> Mapping[str, str]:
    """What stands behind a name. Raises ConfigError for a key that is none of `KEYS`."""
    given = dict(parse_qsl(name.partition("?")[2]))
    for key in given:
        if key not in KEYS:
            raise ConfigError(f"{name!r}: {key!r} is nothing that a target is told{suggestion(key, KEYS)}")
    return given
