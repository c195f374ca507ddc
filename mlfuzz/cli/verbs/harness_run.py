"""`mlfuzz harness run`: a campaign of one or several harnesses, and what it says at the end."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.permissions import Allowed, Level, known_level
from mlfuzz.cli.resolve.plan import request_of
from mlfuzz.cli.run import Launch, Tell, run
from mlfuzz.cli.terminal.harness_table import harness_table
from mlfuzz.cli.verbs.harness_tests import announce, with_tests
from mlfuzz.codefuzz.campaign.spec import HarnessSpec
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.harness.trust import is_ours, noted
from mlfuzz.codefuzz.native.variants import NATIVE, lane
from mlfuzz.config import Resolved
from mlfuzz.config.schema import dotted, fields
from mlfuzz.config.settings import HARNESS_KEYS, FuzzConfig
from mlfuzz.decoding import json_as
from mlfuzz.errors import StorageError, UsageError
from mlfuzz.events import CampaignResult
from mlfuzz.findings.trust import Trust
from mlfuzz.report.visible import visible
from mlfuzz.request import CampaignRequest
from mlfuzz.storage.durable import read_regular
from mlfuzz.storage.workdir import Workdir, campaign_root


class _Named(msgspec.Struct, frozen=True):
    name: str = ""
    load: str = ""


class _Begun(msgspec.Struct, frozen=True):
    """Of a campaign's worker.json what says whose it is."""

    side: str = ""
    harnesses: list[_Named] = []


@dataclass(frozen=True, slots=True)
class HarnessOptions:
    """What was asked for, as typed. flags: of [fuzz]; None where not given."""

    harnesses: tuple[str, ...] = ()
    flags: Mapping[str, str | None] = field(default_factory=dict)
    name: str = ""
    seeds: str = ""
    lane: str = "plain"
    sandbox: str = ""
    allow: tuple[str, ...] = ()
    folder: str = ""
    grammar: str = ""


def harness_run(
    *harnesses: str,
    time: str | None = None,
    inputs: str | None = None,
    max_findings: str | None = None,
    workers: str | None = None,
    name: str = "",
    seeds: str = "",
    lane: str = "plain",
    sandbox: Level = None,
    allow: Allowed = (),
    grammar: str = "",
    max_disk: str | None = None,
    fail_on: Literal["any", "new", "new-path", "none"] | None = None,
    dir: str = "",
    report: Annotated[bool, Parameter(negative="--no-report")] = True,
    context: Here,
) -> int:
    """Fuzz with one or several harnesses; go on with the campaign where one of that name is there.

    Several share the time by what they still find. It goes on after findings, for 10 minutes unless told otherwise.
    Ctrl-C saves, confirms what it can and reports. Exit code 1 where anything was found, 3 where a harness is broken.

    Args:
        harnesses: Names (mlfuzz harness list), files or folders of them, or tests of Hypothesis (tests/test_x.py, or of
            it ::test_prop); without, all of the project's own.
        time: How long: 30s, 10m, 2h; on resuming, additional time; none: no limit.
        inputs: Stop after so many inputs: 5000, 10k, 1M.
        max_findings: Stop after so many saved findings.
        workers: Processes that fuzz at once, on one corpus a harness.
        name: Of the campaign; the harness's by default, "harnesses" for several.
        seeds: File or folder of seeds, instead of the declared ones; for one harness.
        lane: plain, or a native build: address, undefined (mlfuzz harness build-native).
        sandbox: strict, workspace or off, in place of what the harness declares.
        allow: Beside what it declares: network, processes, shared-memory, signals, large-files, write:PATH; may be
            given several times.
        grammar: A file with a grammar of Lark's: inputs are made, changed and made smaller by it; for one harness.
        max_disk: What the campaign's directory may grow to: 500MB, 2GB.
        fail_on: Which findings make the exit code 1; new: of a fault that neither the corpus nor the campaign had;
            new-path: also by a new call path, or with a new message, to one of those.
        dir: Where campaigns lie, instead of the configured folder.
        report: Write the HTML report at the end.
    """
    flags = {
        "time": time, "inputs": inputs, "max_findings": max_findings, "workers": workers, "max_disk": max_disk,
        "fail_on": fail_on,
    }  # fmt: skip
    return run(
        context,
        launch_of(
            context,
            HarnessOptions(
                harnesses, flags, name, seeds, lane, known_level(context, sandbox, allow), allow, dir, grammar
            ),
        ),
        report=report,
    )


def launch_of(context: Context, wish: HarnessOptions) -> Launch:
    """The campaign that was asked for, ready to run."""
    from mlfuzz.codefuzz.engine.default_engine import engine

    found = context.resolve({"fuzz": wish.flags})
    if unheeded := _unheeded(found):
        context.terminal.say((f"of models, and nothing to harnesses: {', '.join(unheeded)}", "dim"))
    base = context.path(wish.folder) if wish.folder else found.state_dir
    chosen = _chosen(context, wish, found.root, base)
    name = wish.name or (chosen[0].name if len(chosen) == 1 else "harnesses")
    options = Options(
        project=str(found.root.resolve()),
        lane=lane(wish.lane, base / NATIVE, _packages(chosen), root=found.root),
        sandbox=wish.sandbox,
        allow=wish.allow,
        seed=found.config.seed or 1,
    )
    spec = HarnessSpec(tuple(chosen), engine(), options, found.config.fuzz.max_disk or 0)
    request = request_of(context, found, spec, Workdir(campaign_root(base, _plain(name))), code=True)
    command = shlex.join(["mlfuzz", "harness", "run", *wish.harnesses])
    return Launch(
        ", ".join(harness.name for harness in chosen), request, lambda tell: _start(request, tell), harness_table,
        found.root, tuple(noted(harness) for harness in chosen), command, ("list", "mlfuzz harness list"), wish.folder,
    )  # fmt: skip


def _unheeded(found: Resolved) -> list[str]:
    """Keys of [fuzz] that somebody has set and that say nothing to a harness, with where they come from."""
    models = {dotted(("fuzz", key)) for key in fields(FuzzConfig) if key not in HARNESS_KEYS}
    return [
        f"{key} ({visible(origin)})"
        for key, origin in found.origins.items()
        if key in models and origin not in ("default", "preset")
    ]


def _start(request: CampaignRequest[HarnessSpec], tell: Tell) -> CampaignResult:
    from mlfuzz.codefuzz.campaign.campaign import run as campaign

    return campaign(request, tell)


def _chosen(context: Context, wish: HarnessOptions, root: Path, base: Path) -> list[Harness]:
    typed = wish.harnesses or _begun_with(base, wish.name)
    if not wish.harnesses:
        _require_ours(Trust.of(context.resolve()), typed, wish.name)
    if typed:
        wanted = with_tests(context, dict.fromkeys(typed), root)
        chosen = [harness for one in wanted for harness in _named(context, one, root)]
    else:
        chosen = [one for one in discovery.listed(root) if isinstance(one, Harness) and not one.shipped]
        if not chosen:
            raise UsageError("which harness? mlfuzz harness list shows them; mlfuzz harness new NAME writes one")
    announce(context, chosen)
    own = {"seeds": wish.seeds, "grammar": wish.grammar}
    given = {key: str(context.path(path).resolve()) for key, path in own.items() if path}
    if not given:
        return chosen
    if len(chosen) > 1:
        raise UsageError(f"--{min(given)} is for one harness; several have each their own")
    return [replace(chosen[0], declaration=msgspec.structs.replace(chosen[0].declaration, **given))]


def _named(context: Context, typed: str, root: Path) -> list[Harness]:
    """The harness of a name or file, or those of a folder, as seen from where the command was given.

    A harness goes before a folder that is called like it: its seeds often are.
    """
    place = context.path(typed)
    if place.is_dir():
        called = [one for one in discovery.listed(root) if isinstance(one, Harness) and one.name == typed]
        return called or discovery.inside(place, root)
    return [discovery.find(str(place) if typed.endswith(".py") and place.is_file() else typed, root)]


def _require_ours(trust: Trust, loads: Sequence[str], name: str) -> None:
    """Raises UsageError where a campaign names a harness that is nobody's here."""
    for load in loads:
        if not is_ours(trust, load):
            raise UsageError(
                f"campaign {name} names {load!a}, which neither lies in this project's harnesses/ nor comes with "
                "mlfuzz, and was not fuzzed with here; if you know it: mlfuzz harness run "
                f"{shlex.quote(load.partition(':')[0])} --name {name}"
            )


def _begun_with(base: Path, name: str) -> tuple[str, ...]:
    """The harnesses of the campaign of that name, where there is one. Raises UsageError where it is a model's."""
    workdir = Workdir(campaign_root(base, name)) if name else None
    if workdir is None or not os.path.lexists(workdir.spec):
        return ()
    try:
        record = json_as(read_regular(workdir.spec), _Begun)
    except (StorageError, msgspec.DecodeError):
        raise UsageError(
            f"{workdir.spec} is damaged; say which harness the campaign is of: mlfuzz harness run HARNESS --name {name}"
        ) from None
    if record.side != "code":
        raise UsageError(f"campaign {name} is of a model: mlfuzz fuzz --name {name} goes on with it")
    return tuple(one.load or one.name for one in record.harnesses)


def _packages(harnesses: list[Harness]) -> list[str]:
    return [package for harness in harnesses for package in harness.declaration.instrument]


def _plain(name: str) -> str:
    """A harness's name as a campaign's."""
    return "".join(char if char.isalnum() or char in "_.+-" else "-" for char in name).lstrip("-.+") or "harness"
