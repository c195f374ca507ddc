"""From what was typed to what is run: which target, which campaign, under which configuration."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mlfuzz.budget import Budget
from mlfuzz.campaign.presets import guidance_hash, with_limits
from mlfuzz.campaign.spec import WorkerSpec, loads, own_spec
from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.finding_selection import REGRESSIONS
from mlfuzz.cli.resolve.targets import campaign_name, find_target, load_name, with_targets
from mlfuzz.config import Config, Conflict, Resolved, TargetConfig, freeze, thaw
from mlfuzz.config.schema import parts
from mlfuzz.config.settings import FuzzConfig, WorkerOptions
from mlfuzz.errors import ConfigError, CorruptRecordError, MlfuzzError, StorageError, UsageError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.promote import records_in
from mlfuzz.findings.record import read_record
from mlfuzz.findings.trust import Trust, imported
from mlfuzz.report.visible import visible
from mlfuzz.request import CampaignRequest
from mlfuzz.storage.durable import read_regular, write_atomic
from mlfuzz.storage.reader import is_begun
from mlfuzz.storage.workdir import Workdir, campaign_root, find_campaign

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign about to run."""

    name: str
    typed: str
    """How the target was named: for the commands that are suggested afterwards."""
    workdir: Workdir
    resolved: Resolved
    request: CampaignRequest[WorkerSpec]
    folder: str = ""
    """Where campaigns lie, as typed (--dir): whatever is suggested afterwards must look there too."""
    names: tuple[str, ...] = ()
    """What this user asks to be imported: records that name it may be run again here."""
    adopt: bool = False
    """Go on although target or options differ from what the campaign was begun with."""

    def freeze(self) -> None:
        """Write campaign.toml, for the next time. Raises StorageError."""
        Workdir.create(self.workdir.root)
        write_atomic(self.workdir.config, freeze(self.resolved.config, facts=_facts(self.request.spec)).encode())


def plan(
    context: Context,
    target: str,
    flags: Mapping[str, Any],
    *,
    of_target: Mapping[str, Any] | None = None,
    name: str = "",
    folder: str = "",
    adopt: bool = False,
    trust: Sequence[str] = (),
) -> CampaignPlan:
    """What `mlfuzz fuzz` is to do.

    target: as typed; "": that of the campaign `name`. flags: of [fuzz]; of_target: of [targets.NAME]; None where not
    given. name: of the campaign; "": the target's. folder: where campaigns lie; "": the configured one. adopt: forget
    what the campaign was begun with. trust: names in it that this command may import.
    Raises ConfigError, UnknownNameError, UsageError where the campaign may have come from elsewhere and names what is
    nobody's here; warns where the project's file has changed since the campaign began.
    """
    base = context.path(folder) if folder else context.resolve().state_dir
    begun = "" if target else _begun_with(base, name)
    target = target or begun
    known, chosen = find_target(context.resolve().config.targets, target)
    name = name or campaign_name(known)
    workdir = Workdir(campaign_root(base, name))
    held = os.path.lexists(workdir.config) and not adopt and is_begun(workdir)
    frozen = _moved(_frozen(workdir), workdir, context.resolve().root) if held else None
    mine = {known: {"use": chosen.use, **_located(context, of_target or {})}}
    asked = () if begun else (chosen.use,)
    _require_ours(context, workdir, frozen, target, asked=asked, beside=of_target or {}, trust=trust)
    resolved = context.resolve({"fuzz": flags, "targets": mine}, frozen=frozen)
    _report_conflicts(context, name, resolved.conflicts)
    kept = resolved.config.only(known, resolved.config.targets[known])
    resolved = Resolved(kept, resolved.origins, resolved.root, resolved.file, resolved.conflicts)
    spec = spec_of(kept, known, resolved, others=context.resolve().config.targets)
    once = Trust.of(resolved, given=trust)
    begun_on = () if held else (*imported(spec.target, spec.oracles, spec.validity), *spec.plugins)
    names = (*asked, *(one for one in begun_on if not once.trusts(one)))
    return CampaignPlan(
        name, target, workdir, resolved, request_of(context, resolved, spec, workdir), folder, names, adopt
    )


def _require_ours(
    context: Context, workdir: Workdir, frozen: str | None, target: str,
    *, asked: Sequence[str], beside: Mapping[str, Any], trust: Sequence[str],
) -> None:  # fmt: skip
    """Raises UsageError where what a campaign was begun with names what is nobody's here, before any of it is imported.

    asked: what this command names as the target; beside: of [targets.NAME], what else it names.
    """
    found = context.resolve()
    _, chosen = find_target(found.config.targets, target)
    named: dict[str, None] = {} if asked else {chosen.use: None}
    if frozen is not None:
        named |= dict.fromkeys(_importing(thaw(frozen, str(workdir.config)), found.config.targets))
    typed = [with_targets(one, found.config.targets) for one in parts(list(beside.get("oracles") or ()))]
    voters = [load_name(one, found.config.targets) for one in beside.get("validity") or ()]
    held = Trust.of(found, given=trust)
    ours = {*asked, *imported("", typed, voters)}
    strange = [name for name in named if name and name not in ours and not held.admits(name)]
    if not strange:
        return
    rest = [name for name in strange if name != chosen.use]
    again = shlex.join(
        ["mlfuzz", "fuzz", *([target] if asked or len(rest) < len(strange) else []), "--name", workdir.name,
         *(word for name in rest for word in ("--trust", name))]
    )  # fmt: skip
    raise UsageError(
        f"campaign {workdir.name} names {strange[0]!a} to be imported, which neither the configuration names nor "
        f"mlfuzz ships, and on which nothing was begun here; if you know it: {again}"
    )


def _importing(config: Config, others: Mapping[str, TargetConfig]) -> Iterator[str]:
    """All that a campaign of this configuration imports."""
    yield from config.plugins
    for target in config.targets.values():
        oracles = [with_targets(oracle, {**others, **config.targets}) for oracle in target.oracles]
        yield from imported(target.use, oracles, [load_name(one, others) for one in target.validity])


def _report_conflicts(context: Context, name: str, conflicts: Sequence[Conflict]) -> None:
    """Refuse what this command asks otherwise than the campaign was begun; say what the project's file would."""
    asked = [one for one in conflicts if one.deliberate]
    if asked:
        changes = ", ".join(f"{one.key}: {one.frozen!r} -> {one.asked!r}" for one in asked)
        raise ConfigError(f"campaign {name} was begun otherwise ({changes}); add --adopt, or use another --name")
    for one in conflicts:
        context.terminal.warn(
            f"{one.origin} now has {one.key} = {one.asked!r}; campaign {name} keeps {one.frozen!r} (--adopt takes the "
            "new one)"
        )


def _begun_with(base: Path, name: str) -> str:
    """The target of the campaign that is there under that name. Raises UsageError without a name, UnknownNameError."""
    if not name:
        raise UsageError("which target? mlfuzz list targets; or --name CAMPAIGN to go on with one")
    workdir = find_campaign(base, name)
    if not os.path.lexists(workdir.config) and os.path.lexists(workdir.spec):
        return _begun_by_hand(workdir)
    named = thaw(_frozen(workdir), str(workdir.config)).targets
    if not named:
        raise CorruptRecordError(f"{workdir.config} names no target; say which: mlfuzz fuzz TARGET --name {name}")
    return next(iter(named))


def _begun_by_hand(workdir: Workdir) -> str:
    """The target of a campaign without campaign.toml, from worker.json. Raises UsageError with what to type."""
    with suppress(StorageError):
        if target := own_spec(read_regular(workdir.spec), str(workdir.spec)).target:
            return target
    raise UsageError(
        f"{workdir.config} is missing, and {workdir.spec} names no target; say which: mlfuzz fuzz TARGET --name "
        f"{workdir.name} --adopt"
    )


def _frozen(workdir: Workdir) -> str:
    """The text of campaign.toml. Raises CorruptRecordError where it is none, with how to go on."""
    try:
        text = read_regular(workdir.config).decode()
        thaw(text, str(workdir.config))
    except (UnicodeDecodeError, ConfigError, StorageError) as error:
        raise CorruptRecordError(
            f"{workdir.config} is damaged ({error}); restore it, or take what is typed in its place: mlfuzz fuzz TARGET"
            f" --name {workdir.name} --adopt"
        ) from error
    return text


def _moved(text: str, workdir: Workdir, root: Path) -> str:
    """campaign.toml where the project has been moved or copied since: its own paths lead to where it lies now."""
    with suppress(StorageError):
        before = loads(read_regular(workdir.spec)).directory
        old, new = (json.dumps(f"{path.rstrip('/')}/", ensure_ascii=False)[:-1] for path in (before, str(root)))
        return text.replace(old, new)
    return text


def spec_of(
    config: Config, name: str, resolved: Resolved, *, others: Mapping[str, TargetConfig] | None = None
) -> WorkerSpec:
    """What a worker is started from. config: of one campaign. others: targets that oracles may name."""
    target, fuzz = config.targets[name], config.fuzz
    return WorkerSpec(
        target=target.load,
        directory=str(resolved.root),
        name=name,
        seeds=str(resolved.path(target.seeds)) if target.seeds else "",
        oracles=[with_targets(oracle, others or config.targets) for oracle in target.oracles],
        mutators=list(target.mutators.include),
        exclude=list(target.mutators.exclude),
        ranges=target.mutators.ranges,
        limits=with_limits(fuzz.preset, target.limits),
        batch=0 if fuzz.batch == "auto" else fuzz.batch,
        seed=config.seed,
        deadline=fuzz.input_timeout or 0.0,
        plugins=list(config.plugins),
        max_disk=fuzz.max_disk or 0,
        validity=[load_name(one, others or config.targets) for one in target.validity],
        **{name: getattr(fuzz, name) for name in WorkerOptions.__struct_fields__},
    )


def budget_of(resolved: Resolved, *, code: bool = False) -> Budget:
    """All that may end it, of code without what only models tell. The default time does not count beside another limit.

    Nor where a campaign goes on: its own file holds the default as well, as if it had been asked for.
    """
    fuzz, origin = resolved.config.fuzz, resolved.origins["fuzz.time"]
    until = None if code else fuzz.until
    limited = any(limit is not None for limit in (fuzz.inputs, fuzz.max_findings, until))
    unasked = origin == "default" or (origin == "campaign.toml" and fuzz.time == FuzzConfig().time)
    return Budget(
        seconds=None if limited and unasked else fuzz.time, inputs=fuzz.inputs, findings=fuzz.max_findings,
        new_faults=until,
    )  # fmt: skip


def request_of(
    context: Context, resolved: Resolved, spec: S, workdir: Workdir, *, code: bool = False
) -> CampaignRequest[S]:
    """What [fuzz] and the flags ask of a campaign, whichever side it is of."""
    fuzz = resolved.config.fuzz
    return CampaignRequest(
        spec, workdir.root, budget_of(resolved, code=code), workers=fuzz.workers, confirm_share=fuzz.confirm_share,
        fail_on=fuzz.fail_on, regressions=_regressions(context),
    )  # fmt: skip


def _regressions(context: Context) -> tuple[Finding, ...]:
    """What is kept in the corpus, of whatever target: a target's own name is in its records alone."""
    found = []
    for path in records_in(context.resolve().corpus_dir / REGRESSIONS):
        try:
            found.append(read_record(path))
        except MlfuzzError as error:
            context.terminal.warn(f"{visible(str(error))}: its fault counts as new")
    return tuple(found)


def _located(context: Context, of_target: Mapping[str, Any]) -> dict[str, Any]:
    """Paths on the command line start at -C, those of the configuration at its file: make them whole."""
    seeds = of_target.get("seeds")
    return {**of_target, **({"seeds": os.path.abspath(context.path(seeds))} if seeds else {})}


def _facts(spec: WorkerSpec) -> dict[str, str]:
    import platform

    from mlfuzz import __version__

    return {
        "mlfuzz": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "guidance": guidance_hash(spec),
    }


def shown_path(path: Path, start: Path) -> str:
    """A path as one would type it from `start`, where it lies below."""
    try:
        return str(path.resolve().relative_to(start.resolve()))
    except ValueError:
        return str(path)
