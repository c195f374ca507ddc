"""`mlfuzz list KIND`: what there is, in one line each. Parts are imported when their kind is asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.targets import EXAMPLES, shipped
from mlfuzz.errors import UnknownNameError
from mlfuzz.registry import Registry, import_plugins

Row = dict[str, str]


def listing(kind: str, /, *, modality: str = "", context: Here) -> int:
    """List what there is, with a line on each.

    Args:
        kind: mutators, limits, oracles, variants, coverage, schedulers, presets, targets or modalities.
        modality: Of mutators and limits, only those of this one of the modalities.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of part", kind, KINDS)
    found = context.resolve()
    import_plugins(found.config.plugins, found.root)
    rows = list(KINDS[kind](context))
    if modality:
        from mlfuzz.modality.base import MODALITIES

        MODALITIES.get(modality)
        rows = [row for row in rows if row.get("name", "").startswith(f"{modality}.") or _is_for(modality, row)]
    context.terminal.emit(rows)
    if not context.terminal.json:
        heads = list(rows[0]) if rows else ["name"]
        context.terminal.table(heads, [[row[head] for head in heads] for row in rows], whole=True)
    return 0


def mutators(_: Context) -> Iterator[Row]:
    """Each with its parameters, what they are drawn from, and their units."""
    from mlfuzz.mutators.base import MUTATORS
    from mlfuzz.mutators.ranges import declared_text

    for part in MUTATORS:
        yield {
            "name": part.name,
            "kind": part.kind,
            "label": part.effect,
            "cost": str(part.cost),
            "default": "yes" if part.default else "no",
            "parameters": declared_text(part),
            "what it does": part.summary,
        }


def limits(_: Context) -> Iterator[Row]:
    """How far an input may go from its seed: what can be set in [targets.NAME.limits]."""
    from mlfuzz.modality.base import MODALITIES
    from mlfuzz.mutators.base import MUTATORS
    from mlfuzz.mutators.limits.distance import DISTANCES
    from mlfuzz.mutators.limits.limits import DISTANCES as COMPARING
    from mlfuzz.mutators.limits.limits import MEANINGS, Limits

    plain, all_of_them = Limits(), list(MODALITIES.names())
    MUTATORS.names()  # importing them registers the distances
    measured = {name: DISTANCES.get(name).measures for name in DISTANCES.names()}
    keys: dict[str, dict[str, set[str]]] = {"sums": {}, "uses": {}}
    for part in MUTATORS:
        keys["uses"].setdefault(part.kind, set()).add(part.modality)
        for name in {param.sums for param in part.space.values() if param.sums}:
            keys["sums"].setdefault(name, set()).add(part.modality)
    for name, meaning in MEANINGS.items():
        default = getattr(plain, name)
        if name in keys:
            for key, users in sorted(keys[name].items()):
                yield {
                    "name": f"{name}.{key}", "default": _limit(default.get(key)), "for": ", ".join(sorted(users)),
                    "what it bounds": meaning,
                }  # fmt: skip
            continue
        among = [one for one in all_of_them if name not in COMPARING or name in measured.get(one, ())]
        yield {"name": name, "default": _limit(default), "for": ", ".join(among), "what it bounds": meaning}


def oracles(_: Context) -> Iterator[Row]:
    """Of this installation, plugins among them."""
    from mlfuzz.oracles.base import ORACLES

    yield from _parts(ORACLES)


def variants(_: Context) -> Iterator[Row]:
    """What the oracle differ may compare a target with."""
    from mlfuzz.targets.variants.base import VARIANTS, nameable

    for name in nameable():
        what = _first_line(VARIANTS.get(name))
        yield {"name": name, "what it does": what, "use": f"--oracle differ:{name}"}
    own = 'what ModuleTarget(..., variants={"pruned": module}) brings along'
    yield {"name": "pruned", "what it does": own, "use": "--oracle differ:pruned"}
    yield {"name": "module:attribute", "what it does": "another target", "use": "--oracle differ:zoo.digits:old"}


def coverage(_: Context) -> Iterator[Row]:
    """Coverage criteria."""
    from mlfuzz.coverage.base import CRITERIA

    yield from _parts(CRITERIA)


def schedulers(_: Context) -> Iterator[Row]:
    """Rules of which entries to mutate next."""
    from mlfuzz.schedulers.base import SCHEDULERS

    yield from _parts(SCHEDULERS)


def presets(_: Context) -> Iterator[Row]:
    """What each sets, where it comes from, and where it departs from that."""
    from mlfuzz.campaign.presets import PRESETS, settings_of

    for preset in PRESETS:
        settings = {**settings_of(preset), **({"limits": dict(preset.limits)} if preset.limits else {})}
        yield {
            "name": preset.name, "what it does": preset.summary, "sets": _settings(settings), "source": preset.source,
            "departs": preset.departs,
        }  # fmt: skip


def modalities(_: Context) -> Iterator[Row]:
    """Kinds of input."""
    from mlfuzz.modality.base import MODALITIES

    yield from _parts(MODALITIES)


def targets(context: Context) -> Iterator[Row]:
    """Of the configuration, and those that are shipped."""
    for name, target in context.resolve().config.targets.items():
        yield {"name": name, "from": "configuration", "use": target.use, "seeds": target.seeds or ""}
    for name in shipped():
        module, _, attribute = name.partition(":")
        yield {"name": name, "from": "mlfuzz", "use": f"{EXAMPLES}.{module}:{attribute}", "seeds": "its own"}


KINDS: dict[str, Callable[[Context], Iterator[Row]]] = {
    "mutators": mutators,
    "limits": limits,
    "oracles": oracles,
    "variants": variants,
    "coverage": coverage,
    "schedulers": schedulers,
    "presets": presets,
    "targets": targets,
    "modalities": modalities,
}


def _is_for(modality: str, row: Row) -> bool:
    return modality in row.get("for", "").split(", ")


def _limit(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def _parts(registry: Registry[Any]) -> Iterator[Row]:
    for name in registry.names():
        part = registry.get(name)
        yield {"name": name, "arguments": _arguments(part), "what it does": _first_line(part), "source": _source(part)}


def _settings(table: Mapping[str, Any]) -> str:
    """ "scheduler random, depth 1"."""
    return ", ".join(f"{name} {_setting(value)}" for name, value in table.items())


def _setting(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    rest = {name: item for name, item in value.items() if name != "name"}
    arguments = ",".join(f"{name}={item}" for name, item in rest.items())
    return ":".join(text for text in (str(value.get("name", "")), arguments) if text)


def _arguments(part: Any) -> str:
    try:
        parameters = inspect.signature(part).parameters.values()
    except (TypeError, ValueError):
        return ""
    plain = (parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD)
    return ", ".join(f"{one.name}={one.default!r}" if one.default is not one.empty else one.name for one in plain)


def _first_line(part: Any) -> str:
    return (inspect.getdoc(part) or "").partition("\n")[0]


def _source(part: Any) -> str:
    """The paper and section that a part's documentation names, or that of its module; else mlfuzz."""
    for text in (inspect.getdoc(part), inspect.getdoc(inspect.getmodule(part))):
        _, found, source = (text or "").partition("Source: ")
        if found:
            return " ".join(source.split("\n\n")[0].split("\nRaises ")[0].split())
    return "mlfuzz"
