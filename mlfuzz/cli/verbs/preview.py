"""`mlfuzz preview TARGET`: what each operator does at the ends of its range, on the user's own seeds."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from msgspec.structs import replace

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.plan import spec_of
from mlfuzz.cli.resolve.targets import find_target
from mlfuzz.cli.terminal.progress_line import ProgressLine, waiting
from mlfuzz.errors import EXIT_CLEAN, SeedError, UsageError
from mlfuzz.report.narrowing import lines
from mlfuzz.report.visible import visible
from mlfuzz.storage.durable import make_folder, write_atomic

if TYPE_CHECKING:
    from mlfuzz.campaign.preview import Shown
    from mlfuzz.campaign.spec import WorkerSpec
    from mlfuzz.corpus.seeds import Seed
    from mlfuzz.mutators.base import Mutator
    from mlfuzz.report.preview import Sheet
    from mlfuzz.targets.variants.base import AnyTarget

SEEDS = 2
"""One may be an odd one; with three the page of fifty mutators is a book."""

SOUNDS = 1
"""Two make a page of 22 MB: a sound is heard, so it cannot be shown smaller than it is."""

PAGE = "preview.html"


def preview(
    target: str,
    /,
    *,
    seeds: str | None = None,
    mutators: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
    max_seeds: int | None = None,
    device: str | None = None,
    output: str = PAGE,
    context: Here,
) -> int:
    """Write a page that shows what each mutator does to your own seeds, at the ends of its range.

    Those that a campaign would use, with its ranges and limits. Nothing is judged, the model is not asked.

    Args:
        target: A target of the configuration, a shipped one (digits:fragile), or module:attribute.
        seeds: File or folder of natural inputs; a sub-folder is a label.
        mutators: Names or patterns (image.rotate, kind:blur, default); by default those of a campaign.
        max_seeds: Show at most so many, of different labels where there are any: 2, of sounds 1.
        device: cpu, cuda, cuda:1.
        output: File to write the page to.
    """
    if max_seeds is not None and max_seeds < 1:
        raise UsageError(f"--max-seeds must be 1 or more, not {max_seeds}")
    resolved = context.resolve({"fuzz": {"device": device}})
    known, settings = find_target(resolved.config.targets, target)
    kept = context.resolve({"fuzz": {"device": device}, "targets": {known: {"use": settings.use}}})
    spec = spec_of(kept.config, known, kept)
    if mutators:
        spec = replace(spec, mutators=list(mutators), exclude=[])

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as a campaign's worker runs it; read when torch is imported
    from mlfuzz.campaign.preview import preview as shown_of
    from mlfuzz.registry import import_plugins
    from mlfuzz.report.preview import render
    from mlfuzz.targets.load import load

    import_plugins(resolved.config.plugins, resolved.root)
    with ProgressLine(context.terminal) as pace:
        with waiting(pace, "loading the target"):
            loaded = load(settings.load, directory=resolved.root, device=kept.config.fuzz.device)
        where = str(context.path(seeds).resolve()) if seeds else spec.seeds or str(loaded.seeds or "")
        if not where:
            raise SeedError(
                f"target {known} has no seeds; name a folder: mlfuzz preview {shlex.quote(target)} --seeds DIR"
            )
        most = max_seeds or (SOUNDS if loaded.modality.ragged else SEEDS)
        chosen = _seeds(loaded, Path(resolved.root, where), most)
        if mutators and spec.ranges:
            spec = replace(spec, ranges=_of_those_used(loaded, spec))
        with waiting(pace, "making the samples"):
            samples = list(shown_of(loaded, spec, chosen))
            sheets = list(_sheets(loaded, samples))
            page, left_out = render(
                sheets, target=known, modality={"name": loaded.modality.name, **loaded.modality.describe()},
                suffix=loaded.modality.suffix, head=lines(known, settings.use, {}),
            )  # fmt: skip
    path = context.path(output)
    make_folder(path.parent)
    write_atomic(path, page.encode("utf-8", "backslashreplace"), sync=False)
    context.terminal.emit(
        {
            "page": str(path), "seeds": [one.name for one in chosen], "samples_left_out": left_out,
            "mutators": [_document(one) for one in sheets],
        }
    )  # fmt: skip
    context.terminal.result(f"{len(sheets)} mutators on {len(chosen)} seeds: {visible(str(path))}")
    if left_out:
        context.terminal.warn(f"{left_out} samples have no room in the page; name fewer: --mutators kind:blur")
    _say_how(context, known, settings.use, [one.operator for one in samples])
    return EXIT_CLEAN


def _document(sheet: Sheet) -> dict[str, Any]:
    samples = [
        {"seed": one.seed_name, "change": one.change, "within_limits": one.data is not None} for one in sheet.samples
    ]
    return {"name": sheet.name, "ranges": sheet.ranges, "line": sheet.line, "samples": samples}


def _say_how(context: Context, known: str, load: str, shown: Iterable[Mutator]) -> None:
    """How the first of them is narrowed: the rest is alike, and stands in the page."""
    from mlfuzz.mutators.limits.limits import scaled_of
    from mlfuzz.mutators.ranges import declared

    for part in shown:
        if scaled_of(part):
            context.terminal.say("where one goes too far for you, write into mlfuzz.toml less of what it has, as in")
            context.terminal.say(visible(lines(known, load, {part.name: declared(part)}), keep="\n").rstrip())
            return


def _seeds(target: AnyTarget, where: Path, most: int) -> Sequence[Seed]:
    """So many, each of another label as long as there are others. Raises SeedError where none can be read."""
    from mlfuzz.corpus.annotated import load_annotated
    from mlfuzz.targets.base import truth_of

    found = load_annotated(where, target.modality, kind=truth_of(target), labels=target.labels, max_seeds=most)
    if not found.seeds:
        raise SeedError(f"none of the seeds in {where} can be read: {'; '.join(found.advice()) or 'there are none'}")
    return found.seeds


def _of_those_used(target: AnyTarget, spec: WorkerSpec) -> dict[str, dict[str, Any]]:
    """The ranges of the mutators that were typed: that the others are narrowed is no mistake here."""
    from mlfuzz.mutators.base import select

    used = {part.name for part in select(target.modality.name, spec.mutators)}
    return {name: one for name, one in spec.ranges.items() if name in used}


def _sheets(target: AnyTarget, shown: Iterable[Shown]) -> Iterator[Sheet]:
    from mlfuzz.mutators.ranges import declared_line, declared_text
    from mlfuzz.report.preview import Sample, Sheet

    modality = target.modality
    for part, group in groupby(shown, key=lambda one: one.operator):
        samples = [
            Sample(
                one.seed.name, one.seed.label, one.change,
                None if one.payload is None else modality.encode(one.payload), one.seed.data,
            )
            for one in group
        ]  # fmt: skip
        yield Sheet(part.name, part.kind, part.effect, part.summary, declared_text(part), declared_line(part), samples)
