"""`mlfuzz fuzz TARGET`: a campaign."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.resolve.plan import plan
from mlfuzz.cli.run import run

Several = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]


def fuzz(
    target: str = "",
    /,
    *,
    time: str | None = None,
    inputs: str | None = None,
    max_findings: str | None = None,
    name: str = "",
    seeds: str | None = None,
    oracle: Several = (),
    validity: Several = (),
    require_valid: Annotated[bool | None, Parameter(negative="")] = None,
    mutators: Several = (),
    exclude: Several = (),
    preset: str | None = None,
    scheduler: str | None = None,
    coverage: str | None = None,
    search: str | None = None,
    workers: str | None = None,
    batch: str | None = None,
    device: str | None = None,
    max_seeds: str | None = None,
    max_disk: str | None = None,
    input_timeout: str | None = None,
    cap: str | None = None,
    fail_on: Literal["any", "new", "none"] | None = None,
    adopt: Annotated[bool, Parameter(negative="")] = False,
    dir: str = "",
    report: bool = True,
    context: Here,
) -> int:
    """Run a campaign against a target; go on with it where one of that name is there.

    It goes on after findings, for 10 minutes unless told otherwise. Ctrl-C saves, confirms what it can and reports.

    Args:
        target: A target of the configuration, a shipped one (digits:fragile), or module:attribute; left out with --name
            it is that campaign's.
        time: How long: 30s, 10m, 2h; on resuming, additional time; none: no limit.
        inputs: Stop after so many inputs: 5000, 10k, 1M.
        max_findings: Stop after so many saved findings.
        name: Of the campaign; the target's by default.
        seeds: File or folder of natural inputs; a sub-folder is a label.
        oracle: An oracle, or NAME:key=value,...; may be given several times.
        validity: A reference model, itself a target, that votes whether failing inputs kept their label; may be given
            several times.
        require_valid: Set findings aside that are not shown to keep their label.
        mutators: Use these only: names, "image.*", "kind:blur"; may be given several times.
        exclude: Leave these out; may be given several times.
        preset: Guidance by one name: mixed, random, tensorfuzz, ... (mlfuzz list presets).
        scheduler: Which corpus entries are mutated next (mlfuzz list schedulers).
        coverage: What counts as new (mlfuzz list coverage).
        search: Gradients and bisection between the batches, for a tenth of the inputs: auto (where oracles compare two
            forms of the target or ask nothing of the seed, or limits keep inputs near their seeds), off, white, black;
            white:share=0.5.
        workers: Processes that run the loop, one thread each; on so many cores they do so many times the work.
        batch: Inputs a batch; auto: about 50 ms a batch.
        device: cpu, cuda, cuda:1.
        max_seeds: Use at most so many seeds, spread evenly over the labels.
        max_disk: What the campaign's directory may grow to: 500MB, 2GB.
        input_timeout: A batch that takes longer is a hang; the first call of a process, which may load, is not.
        cap: Inputs kept for each key of failures.
        fail_on: Which findings make the exit code 1; new: of a fault that neither the corpus nor the campaign had.
        adopt: Go on although the target or the options have changed since the campaign began.
        dir: Where campaigns lie, instead of the configured folder.
        report: Write the HTML report at the end.
    """
    flags = {
        "time": time, "inputs": inputs, "max_findings": max_findings, "preset": preset, "scheduler": scheduler,
        "coverage": coverage, "search": search, "workers": workers, "batch": batch, "device": device,
        "max_seeds": max_seeds, "max_disk": max_disk, "input_timeout": input_timeout, "cap": cap, "fail_on": fail_on,
        "require_valid": require_valid,
    }  # fmt: skip
    chosen = {"include": mutators, "exclude": exclude}
    mine = {"seeds": seeds, "oracles": oracle, "validity": validity, "mutators": chosen}
    return run(context, plan(context, target, flags, of_target=mine, name=name, folder=dir, adopt=adopt), report=report)
