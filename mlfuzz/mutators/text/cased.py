"""Words that stand in place of others, written as those were."""

from __future__ import annotations


def cased(new: str, old: str) -> str:
    """In capitals where the old word was, with a capital where it began with one."""
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() else new
