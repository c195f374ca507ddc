"""`mlfuzz corpus min` and `merge`: by what inputs reach."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.verbs.shelves import base_of, corpus_for, files_in, only_shelf, session_for
from mlfuzz.codefuzz.corpus.corpus_directory import name_of, read_input
from mlfuzz.errors import EXIT_CLEAN, TargetError, UsageError
from mlfuzz.storage.lock import Lock


def minimise(
    harness: str,
    /,
    *,
    campaign: str = "",
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    dir: str = "",
    context: Here,
) -> int:
    """Keep the few inputs that reach what all reach, the smallest first; the others are removed.

    Args:
        harness: Its name.
        campaign: Which one; may be left out where one only has a corpus of it.
        dry_run: Say what would be removed, and remove nothing.
        dir: Where campaigns lie, instead of the configured folder.
    """
    shelf = only_shelf(base_of(context, dir), harness, campaign)
    with Lock.acquire(shelf.workdir.lock), session_for(context, harness) as session:
        before, files = shelf.corpus.figures(), shelf.corpus.files()
        kept = session.merge(files)
        reached = session.features(files)
        _require_equal(reached, kept)
        gone = len(files) - len(kept) if dry_run else shelf.corpus.keep_only(kept)
    size = sum(path.stat().st_size for path in kept)
    figures = {"kept": len(kept), "removed": gone, "bytes": size, "edges": len(_union(reached)), "dry_run": dry_run}
    context.terminal.emit({"campaign": shelf.workdir.name, "harness": shelf.harness, **figures})
    would = "would keep" if dry_run else "kept"
    context.terminal.result(
        f"{shelf.harness}: {would} {len(kept):,} of {before.files:,} inputs, {size:,} of {before.bytes:,} bytes, "
        f"{len(_union(reached)):,} edges as before"
    )
    return EXIT_CLEAN


def merge(harness: str, /, *folders: str, campaign: str = "", dir: str = "", context: Here) -> int:
    """Take from other folders the inputs that reach something new.

    Args:
        harness: Its name.
        folders: Folders or files of inputs: corpora of other campaigns, of other machines, of other fuzzers.
        campaign: Which one takes them; by default the only one there is, or one that is called like the harness.
        dir: Where campaigns lie, instead of the configured folder.
    """
    if not folders:
        raise UsageError("say which folders to take inputs from: mlfuzz corpus merge HARNESS FOLDER...")
    base = base_of(context, dir)
    workdir, corpus = corpus_for(base, harness, campaign)
    theirs = [path for folder in folders for path in files_in(context.path(folder))]
    with Lock.acquire(workdir.lock), session_for(context, harness) as session:
        ours = corpus.files()
        fresh = [path for path in theirs if name_of(read_input(path)) not in {one.name for one in ours}]
        reached = session.features([*ours, *fresh])
        have = _union({path: reached[path] for path in ours if path in reached})
        taken = 0
        for path in sorted((one for one in fresh if one in reached), key=lambda one: one.stat().st_size):
            if reached[path] - have:
                have |= reached[path]
                taken += corpus.add(read_input(path))
    context.terminal.emit({"campaign": workdir.name, "harness": harness, "offered": len(theirs), "taken": taken})
    context.terminal.result(
        f"{harness}: {taken:,} of {len(theirs):,} inputs reach something new, {len(have):,} edges now; "
        f"{len(fresh) - sum(path in reached for path in fresh):,} fail or cannot be read"
    )
    return EXIT_CLEAN


def _require_equal(reached: Mapping[Path, frozenset[int]], kept: list[Path]) -> None:
    """Nothing is removed on the word of a merge that loses something."""
    lost = _union(reached) - _union({path: reached[path] for path in kept if path in reached})
    if lost or not kept:
        raise TargetError(
            f"the inputs to be kept reach {len(lost)} edges less than all do: the harness does not run alike each "
            "time; nothing was removed"
        )


def _union(reached: Mapping[Path, frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*reached.values())
