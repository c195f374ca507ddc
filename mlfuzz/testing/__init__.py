"""What a part owes mlfuzz, as laws that anyone can run over their own: `mlfuzz.testing.mutators` and its siblings.

And tests of a model: `regressions("digits:fragile")` gives those of the findings kept in corpus/,
`assert_robust(target, max_failure_rate=0.02)` tries new inputs.

Read mutators.py first: what laws look like. Imported by tests, ours and other people's; imports what it holds to them.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {"assert_robust": "mlfuzz.testing.robust", "regressions": "mlfuzz.regressions.suite"}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'mlfuzz.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
