"""`mlfuzz fuzz TARGET`: a campaign."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Here, Trusted
from mlfuzz.cli.resolve.options import given, with_settings
from mlfuzz.cli.resolve.plan import CampaignPlan, plan
from mlfuzz.cli.run import Launch, Tell, run
from mlfuzz.cli.terminal.panel import cells
from mlfuzz.config import FuzzConfig, TargetConfig
from mlfuzz.events import CampaignResult, Event, Started

ORDER = (
    "time", "inputs", "max_findings", "until", "focus", "name", "seeds", "task", "output", "oracle", "validity",
    "require_valid", "mutators", "exclude", "preset", "scheduler", "coverage", "search", "workers", "overlap", "batch",
    "device", "max_seeds", "max_disk", "input_timeout", "cap", "fail_on", "adopt", "trust", "dir", "report",
    "precision", "channels_last", "compile",
)  # fmt: skip
"""Of the help: what is asked for most comes first."""


@with_settings(FuzzConfig, TargetConfig, order=ORDER)
@dataclass(frozen=True, kw_only=True)
class FuzzOptions:
    """Of this verb alone; all others are settings too, and declared with them."""

    name: Annotated[str, Parameter(help="Of the campaign; the target's by default.")] = ""
    adopt: Annotated[
        bool,
        Parameter(negative="", help="Go on although the target or the options have changed since the campaign began."),
    ] = False
    trust: Trusted = ()
    dir: Annotated[str, Parameter(help="Where campaigns lie, instead of the configured folder.")] = ""
    report: Annotated[bool, Parameter(help="Write the HTML report at the end.")] = True


DEFAULTS = FuzzOptions()


def fuzz(target: str = "", /, *, options: Annotated[FuzzOptions, Parameter(name="*")] = DEFAULTS, context: Here) -> int:
    """Run a campaign against a target; go on with it where one of that name is there.

    It goes on after findings, for 10 minutes unless told otherwise. Ctrl-C saves, confirms what it can and reports.

    Args:
        target: A target of the configuration, a shipped one (digits:fragile), or module:attribute; left out with --name
            it is that campaign's.
        options: Settings of the campaign and of its target, and what `FuzzOptions` adds.
    """
    planned = plan(
        context, target, given(options, FuzzConfig), of_target=given(options, TargetConfig), name=options.name,
        folder=options.dir, adopt=options.adopt, trust=options.trust,
    )  # fmt: skip
    return run(context, launch_of(planned), report=options.report)


def launch_of(planned: CampaignPlan) -> Launch:
    """A planned campaign of a model, ready to run."""

    def start(tell: Tell) -> CampaignResult:
        from mlfuzz.campaign.supervisor.supervise import run as supervise

        def note(event: Event) -> None:
            # Only once the campaign is held: one that is refused must not touch another's configuration.
            if isinstance(event, Started):
                planned.freeze()
            tell(event)

        return supervise(planned.request, note, adopt=planned.adopt)

    typed = shlex.quote(planned.typed)
    return Launch(
        planned.typed, planned.request, start, cells, planned.resolved.root, planned.names, f"mlfuzz fuzz {typed}",
        ("see why", f"mlfuzz check {typed}"), planned.folder, planned.request.spec.device,
    )  # fmt: skip
