"""What is damaged goes to quarantine and what is whole stays: the campaign is whole again, and nothing is deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from integrity.test_inspect import CASES, FILES, LIFE, WAYS, blob, built, flip, kept, segment

from mlfuzz.corpus.corpus import Corpus
from mlfuzz.integrity.inspect import inspect
from mlfuzz.integrity.repair import repair
from mlfuzz.storage.workdir import Workdir

__all__ = ["built", "kept"]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "way"), CASES)
def test_after_a_repair_the_campaign_is_whole(file: str, way: str, kept: Workdir) -> None:
    where, _ = FILES[file]
    WAYS[way](where(kept))
    lines: list[str] = []
    damaged = not inspect(kept).whole
    assert repair(kept, lines.append).whole
    assert bool(lines) == damaged
    assert inspect(kept, afresh=True).whole
    corpus = Corpus.open(kept)
    assert not corpus.damaged
    assert all(corpus.payload(row) for row in range(len(corpus)) if corpus.identity(row)[0] == LIFE)


def test_of_a_damaged_segment_the_whole_records_stay_and_the_original_lies_in_quarantine(kept: Workdir) -> None:
    path = segment(kept)
    before = Corpus.open(kept)
    identities = {before.identity(row) for row in range(len(before))}
    flip(path)
    damaged = path.read_bytes()
    repair(kept, lambda _: None)
    after = Corpus.open(kept)
    assert len(identities - {after.identity(row) for row in range(len(after))}) == 1
    copies = [one for one in kept.quarantine.iterdir() if one.name.endswith("000002.mlj")]
    assert [one.read_bytes() for one in copies] == [damaged]


def test_entries_whose_stored_input_is_lost_leave_the_journal_with_it(kept: Workdir) -> None:
    digest = blob(kept).name
    flip(blob(kept))
    repair(kept, lambda _: None)
    corpus = Corpus.open(kept)
    assert digest not in {corpus.entry(row).blob for row in range(len(corpus))}
    assert len(corpus) == 412 + 12 - 1
    assert [one.name for one in kept.quarantine.glob(f"*{digest}")]


@pytest.mark.slow
@pytest.mark.parametrize("stop", range(3))
def test_a_repair_that_is_interrupted_is_done_by_the_next(
    stop: int, kept: Workdir, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(segment(kept))
    flip(blob(kept))
    flip(min(kept.findings.glob("*/input.png")))
    calls = iter(range(99))

    def interrupted(move: Callable[..., Path]) -> Callable[..., Path]:
        def moved(*arguments: object, **options: object) -> Path:
            if next(calls) == stop:
                raise KeyboardInterrupt
            return move(*arguments, **options)

        return moved

    from mlfuzz.integrity import repair as module

    with monkeypatch.context() as patched:
        patched.setattr(module, "move_aside", interrupted(module.move_aside))
        with pytest.raises(KeyboardInterrupt):
            repair(kept, lambda _: None)
    assert repair(kept, lambda _: None).whole
