"""How a worker ends that ends itself; an input may end it with the same number."""

from __future__ import annotations

UNTELLABLE = 113
"""It cannot tell what it found: its memory is used up, or nobody hears it."""

BROKEN = 114
"""Its own code has failed: no verdict on the input. It has left a word in its page."""

DAMAGED = 115
"""An input has closed its descriptors. It has left its message in its page."""

SPENT = 116
"""It has something that cannot be undone: another goes on, and no input is to blame."""
