"""`mlfuzz check TARGET`: prove the hand-over before any fuzzing."""

from __future__ import annotations

import os
import shlex
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from msgspec.structs import replace

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.resolve.plan import spec_of
from mlfuzz.cli.resolve.targets import find_target
from mlfuzz.cli.terminal.progress_line import ProgressLine, waiting
from mlfuzz.cli.verbs.doctor import MARKS
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, SeedError
from mlfuzz.report.visible import visible
from mlfuzz.storage.scratch import scratch_folder

if TYPE_CHECKING:
    from mlfuzz.corpus.seeds import SeedSet

MOST_SEEDS = 512


def check(
    target: str,
    /,
    *,
    seeds: str | None = None,
    device: str | None = None,
    task: str = "",
    output: str = "",
    precision: Literal["", "tf32", "bf16"] = "",
    channels_last: Annotated[bool, Parameter(negative="")] = False,
    compile: Annotated[bool, Parameter(negative="")] = False,
    max_seeds: int = MOST_SEEDS,
    variants: Annotated[bool, Parameter(negative="")] = False,
    context: Here,
) -> int:
    """Prove that a target can be fuzzed as it stands: each line is a mistake that somebody has made.

    Exit code 3 where it cannot. It runs in this process: where the target takes it down, that is the answer.

    Args:
        target: A target of the configuration, a shipped one (digits:fragile), or module:attribute.
        seeds: File or folder of natural inputs; a sub-folder is a label.
        device: cpu, cuda, cuda:1.
        task: What an answer stands for: binary, regression, binary:threshold=0.3, ...
        output: Which part of an answer is judged: logits, 0, head.logits.
        precision: bf16, or tf32 on a GPU: whether it changes an answer to a seed, and what it gains.
        channels_last: The same of pictures with their channels last.
        compile: The same of torch.compile.
        max_seeds: Use at most so many.
        variants: Try each other form of the target too (bf16, compiled, ...), as the oracle differ compares it.
    """
    found = context.resolve({"fuzz": {"device": device}})
    name, settings = find_target(found.config.targets, target)
    settings = replace(
        settings, task=task or settings.task, output=output or settings.output,
        precision=precision or settings.precision, channels_last=channels_last or settings.channels_last,
        compile=compile or settings.compile,
    )  # fmt: skip
    terminal = context.terminal
    terminal.say((visible(name), "bold"), f"  {visible(settings.use)}")

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as a campaign's worker runs it; read when torch is imported
    from mlfuzz.batch import from_payloads
    from mlfuzz.campaign.rehearsal import Rehearsal
    from mlfuzz.campaign.search.strategy import gradients_reach
    from mlfuzz.corpus.annotated import load_annotated
    from mlfuzz.oracles.base import Floor, margin_floor
    from mlfuzz.registry import import_plugins
    from mlfuzz.targets.base import truth_of
    from mlfuzz.targets.check import CheckLine
    from mlfuzz.targets.check import check as lines_of
    from mlfuzz.targets.faithful_check import check_faster
    from mlfuzz.targets.load import load
    from mlfuzz.targets.sizes import lines as size_lines
    from mlfuzz.targets.sizes import sizes_of, trials
    from mlfuzz.targets.variants.check import check_variants

    kept = context.resolve({"fuzz": {"device": device}, "targets": {name: {"use": settings.use}}})
    spec = spec_of(kept.config, name, kept)
    import_plugins(found.config.plugins, found.root)
    with ProgressLine(terminal) as pace, waiting(pace, "loading the target"):
        loaded = load(settings.load, directory=found.root, device=found.config.fuzz.device)
    where = context.path(seeds) if seeds else found.path(settings.seeds) if settings.seeds else loaded.seeds
    if not where:
        raise SeedError(f"target {name} has no seeds; name a folder: mlfuzz check {shlex.quote(target)} --seeds DIR")
    if not (seeds or settings.seeds or Path(where).exists()):
        where = found.root / where  # as a campaign's worker finds it, which runs in the project's folder
    usable = load_annotated(
        Path(where), loaded.modality, kind=truth_of(loaded), labels=loaded.labels, max_seeds=max_seeds
    )
    sizes = sizes_of([seed.payload for seed in usable.seeds], loaded.modality)
    tried = trials(loaded, [seed.payload for seed in usable.seeds]) if len(sizes) > 1 else []
    answered = [one.shape for one in tried if one.answer is not None]
    alike = [usable.seeds[at] for at in sizes[answered[0] if answered else next(iter(sizes))]]
    lines = [CheckLine("ok", f"loads, takes {loaded.modality.name}; {_counted(usable)}")]
    lines += [CheckLine("warn", f"seeds left out: {reason}") for reason in usable.advice()]
    lines += [CheckLine("warn", text) for text in usable.warnings]
    lines += [CheckLine(level, text) for level, text in size_lines(loaded, tried)]
    failed = False
    payloads = [one.payload for one in alike]
    shown = chain(lines, lines_of(loaded, payloads, [one.label for one in alike], [one.truth for one in alike]))

    def tell(line: CheckLine) -> bool:
        terminal.emit({"level": line.level, "text": line.text})
        terminal.result(MARKS[line.level], visible(line.text))
        return line.level == "fail"

    with scratch_folder("mlfuzz-check-") as scratch, Rehearsal(spec, scratch, found.root) as rehearsal:
        with ProgressLine(terminal) as pace, waiting(pace, "the target is tried on its seeds"):
            faster = check_faster(loaded, payloads, lambda single, spread: margin_floor(Floor(single, spread)))
            for line in chain(shown, faster, check_variants(loaded, payloads) if variants else ()):
                failed = tell(line) or failed
        if not failed and hasattr(loaded, "trace"):
            reached, _ = gradients_reach(loaded, from_payloads(payloads[:2], loaded.modality, loaded.device))
            text = "gradients reach the input" if reached else "no gradient reaches the input: searches do without"
            tell(CheckLine("ok", text))
        if not failed:
            with ProgressLine(terminal) as pace, waiting(pace, "a campaign in small is run"):
                for line in rehearsal.lines(loaded, Path(where), alike):
                    failed = tell(line) or failed
    given = f" --seeds {shlex.quote(seeds)}" if seeds else ""
    terminal.result(
        ("not ready", "bold red") if failed else (f"ready: mlfuzz fuzz {shlex.quote(target)}{given}", "bold green")
    )
    return EXIT_BROKEN if failed else EXIT_CLEAN


def _counted(seeds: SeedSet) -> str:
    """ "12 usable seeds", "12 usable seeds of 15 seen: 3 left out", "512 usable seeds of 600 seen: 88 not needed"."""
    text = f"{len(seeds)} usable seeds"
    refused = sum(seeds.skipped.values())
    parts = [f"{refused} left out"] if refused else []
    parts += [f"{seeds.left_out} more than --max-seeds"] if seeds.left_out else []
    return f"{text} of {seeds.seen} seen: {', '.join(parts)}" if parts else text
