"""`mlfuzz robustness TARGET`: how far each seed is from breaking, operator by operator."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from mlfuzz.campaign.spec import WorkerSpec, own_spec
from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.plan import spec_of
from mlfuzz.cli.resolve.targets import find_target
from mlfuzz.cli.terminal.progress_line import ProgressLine, waiting
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, SeedError, UsageError
from mlfuzz.report.robustness import (
    HEADS,
    area_text,
    curve_line,
    document,
    first_rows,
    operator_rows,
    strengths_line,
    unjudged_text,
    weakest_groups,
)
from mlfuzz.report.visible import visible
from mlfuzz.robustness import Robustness, dumps
from mlfuzz.storage.durable import make_folder, read_regular, write_atomic
from mlfuzz.storage.workdir import Workdir, find_campaign

MOST_SEEDS = 200
"""Spread evenly over the labels: an interval of a share is then at most .14 wide."""

MOST_OPERATORS = 12
SHOWN_GROUPS = 3


def robustness(
    target: str,
    /,
    *,
    seeds: str | None = None,
    operators: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
    max_seeds: int = MOST_SEEDS,
    device: str | None = None,
    task: str = "",
    name: str = "",
    output: str = "",
    dir: str = "",
    context: Here,
) -> int:
    """Find the least strength of each operator that breaks each seed, and show what is weakest.

    A strength is a share of the most that the limits let an operator do in one step. It runs in this process.
    Exit code 3 where no seed can be judged.

    Args:
        target: A target of the configuration, a shipped one (digits:fragile), or module:attribute.
        seeds: File or folder of natural inputs; a sub-folder is a label.
        operators: Names or patterns (image.rotate, kind:blur, default); by default those of a campaign.
        max_seeds: Use at most so many.
        device: cpu, cuda, cuda:1.
        task: What an answer stands for: binary, regression, binary:threshold=0.3, ...
        name: Keep it with this campaign of the same target, whose report then draws it.
        output: File to write the record to, as JSON.
        dir: Where campaigns lie, instead of the configured folder.
    """
    if max_seeds < 1:
        raise UsageError(f"--max-seeds must be 1 or more, not {max_seeds}")
    resolved = context.resolve({"fuzz": {"device": device}})
    known, settings = find_target(resolved.config.targets, target)
    settings = replace(settings, task=task or settings.task)
    kept = context.resolve({"fuzz": {"device": device}, "targets": {known: {"use": settings.use}}})
    spec = spec_of(kept.config, known, kept)
    where = str(context.path(seeds).resolve()) if seeds else spec.seeds
    spec = replace(spec, target=settings.load, seeds=where, max_seeds=max_seeds)
    spec = replace(spec, mutators=list(operators), exclude=[]) if operators else spec
    workdir = _campaign_of(context, name, dir, spec) if name else None
    found = _measured(context, target, spec)
    if workdir is not None:
        write_atomic(workdir.robustness, dumps(found), sync=False)
    if output:
        path = context.path(output)
        make_folder(path.parent)
        write_atomic(path, dumps(found), sync=False)
    context.terminal.emit(document(found))
    _show(context, found)
    written = [str(path) for path in (workdir and workdir.robustness, output and context.path(output)) if path]
    for each in written:
        context.terminal.say(f"written to {visible(each)}")
    if workdir is not None:
        beside = f" --dir {shlex.quote(dir)}" if dir else ""
        context.terminal.say(f"drawn by: mlfuzz report {shlex.quote(name)}{beside}")
    return EXIT_CLEAN if found.number().seeds else EXIT_BROKEN


def _campaign_of(context: Context, name: str, folder: str, spec: WorkerSpec) -> Workdir:
    """Raises UnknownNameError where there is none; UsageError where it is of another target."""
    workdir = find_campaign(context.path(folder) if folder else context.resolve().state_dir, name)
    frozen = own_spec(read_regular(workdir.spec), str(workdir.spec))
    if frozen.target != spec.target:
        raise UsageError(
            f"campaign {name} is of {frozen.target}, not {spec.target}; leave out --name, or name a campaign of it"
        )
    return workdir


def _measured(context: Context, typed: str, spec: WorkerSpec) -> Robustness:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as a campaign's worker runs it; read when torch is imported
    from mlfuzz.campaign.least_strength import measure
    from mlfuzz.registry import import_plugins
    from mlfuzz.targets.load import load

    resolved = context.resolve()
    import_plugins(resolved.config.plugins, resolved.root)
    with ProgressLine(context.terminal) as pace:
        with waiting(pace, "loading the target"):
            device = context.resolve({"fuzz": {"device": spec.device}}).config.fuzz.device
            loaded = load(spec.target, directory=Path(spec.directory), device=device)
        if not (spec.seeds or loaded.seeds):
            raise SeedError(
                f"target {spec.name} has no seeds; name a folder: mlfuzz robustness {shlex.quote(typed)} --seeds DIR"
            )
        return measure(loaded, spec, tell=lambda done, most: pace.at(f"{done:,} mutants of at most {most:,} have run"))


def _show(context: Context, found: Robustness) -> None:
    terminal = context.terminal
    terminal.result(
        (visible(found.target), "bold"),
        f"  {len(found.seeds)} seeds, {len(found.operators)} operators, {found.evaluations:,} mutants,"
        f" judged by {', '.join(found.oracles)}",
    )
    if text := unjudged_text(found):
        terminal.warn(visible(text))
    whole = found.number()
    if not whole.seeds:
        terminal.result("no operator that was tried has strengths and was judged: there is no robustness to tell")
        return
    rows = operator_rows(found)
    terminal.table(HEADS, rows[:MOST_OPERATORS])
    if len(rows) > MOST_OPERATORS:
        terminal.say(f"and {len(rows) - MOST_OPERATORS} operators that break less: --json tells all")
    terminal.result((f"robustness {area_text(whole)}", "bold"), f" on {whole.seeds} seeds; 1 where nothing breaks")
    terminal.say(f"  strength      {strengths_line()}")
    terminal.say(f"  still holding {curve_line(found.mean_curve())}")
    labels = sorted((found.number(members).value, label) for label, members in found.classes().items())
    if len(labels) > 1:
        terminal.say("classes, weakest first: " + ", ".join(f"{visible(one)} {value:.3f}" for value, one in labels[:5]))
    if groups := weakest_groups(found, SHOWN_GROUPS):
        terminal.say("groups of seeds, weakest first: " + visible("; ".join(groups)))
    first = first_rows(found)
    if first:
        terminal.table(("breaks first", "label", "area", "by", "at", "operators"), first)
    else:
        terminal.result("no seed breaks within the limits")
