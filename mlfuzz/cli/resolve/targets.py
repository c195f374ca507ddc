"""The names that people type for targets: configured ones, shipped ones, module:attribute."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.config import Resolved, TargetConfig
from mlfuzz.errors import UnknownNameError, UsageError
from mlfuzz.findings.finding import Finding
from mlfuzz.model_files import FORMS, form_of

EXAMPLES = "mlfuzz.examples"

SUBJECTS = {"image": "digits", "audio": "speech", "text": "language"}
"""Modality -> the module below `mlfuzz.examples` that ships twins for it, `robust` and `fragile`."""


COMPARING = ("differ", "majority")
"""Oracles whose `of` may name other targets."""


def shipped() -> list[str]:
    """Short names of the shipped twins that this installation has."""
    return [f"{module}:{twin}" for module in SUBJECTS.values() if _ships(module) for twin in ("robust", "fragile")]


def _ships(module: str) -> bool:
    return importlib.util.find_spec(f"{EXAMPLES}.{module}") is not None


def find_target(targets: Mapping[str, TargetConfig], typed: str) -> tuple[str, TargetConfig]:
    """The name and the settings of what was typed.

    Raises UnknownNameError with the nearest name; UsageError where the configuration does not say what it is.
    """
    if typed in targets:
        if not targets[typed].use:
            raise UsageError(f'target {typed} does not say what it is; write use = "module:attribute"')
        return typed, targets[typed]
    module, colon, attribute = typed.partition(":")
    if attribute.startswith("//"):
        _refuse_files(typed)
    if colon and module and attribute:
        if module.isidentifier() and _ships(module) and not _is_own(module):
            return typed, TargetConfig(use=f"{EXAMPLES}.{module}:{attribute}")
        return typed, TargetConfig(use=typed)
    if not colon and _is_own(typed.removesuffix(".py")):
        raise UsageError(
            f"{typed} is a module; name what in it is the target, or the function that makes it: {typed}:make"
        )
    _refuse_files(typed)
    raise UnknownNameError("target", typed, [*targets, *shipped()])


def _is_own(module: str) -> bool:
    """Whether the current folder or its src has a module of that name: the user's own comes before a shipped one."""
    places = [Path(folder, module.replace(".", "/")) for folder in ("", "src")]
    return bool(module) and any(
        path.name and (path.with_name(f"{path.name}.py").is_file() or (path / "__init__.py").is_file())
        for path in places
    )


def _refuse_files(typed: str) -> None:
    """Raises UsageError with what to type where it is a model file, a folder or an address that was typed."""
    path = Path(typed)
    form = form_of(typed, path)
    if not form:
        return
    if form != "http" and not path.exists():
        raise UsageError(
            f"{typed!a} looks like {FORMS[form]}, and no such file is there; name one: mlfuzz init --from FILE"
        )
    name = name_of(typed)
    raise UsageError(
        f"{typed!a} is {FORMS[form]}, and no target yet; a few lines make it one: mlfuzz init {name} --from "
        f"{shlex.quote(typed)}, then: mlfuzz check {name}"
    )


def name_of(typed: str) -> str:
    """What a target of that model file is called, as a Python name: "net_v2" of "models/net-v2.onnx"."""
    stem = typed.rstrip("/").rpartition("/")[2].partition(".")[0] if "://" not in typed else ""
    name = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower()
    return name if name.isidentifier() and not keyword.iskeyword(name) else "model"


def with_targets(oracle: Mapping[str, Any], targets: Mapping[str, TargetConfig]) -> dict[str, Any]:
    """An oracle that compares with other targets, their names ("old", "digits:robust") as module:attribute.

    What it is called keeps the name as it was typed.
    """
    named, of = dict(oracle), oracle.get("of")
    if oracle.get("part", oracle.get("name")) not in COMPARING or not of:
        return named
    typed = [str(one) for one in of] if isinstance(of, list | tuple) else str(of).split("+")
    found = [load_name(one, targets) for one in typed]
    if found == typed:
        return named
    name = named["name"] if "part" in named else f"{named['name']}:{'+'.join(typed)}"
    part = oracle.get("part", oracle["name"])
    return {**named, "name": name, "part": part, "of": found if len(found) > 1 else found[0]}


def load_name(typed: str, targets: Mapping[str, TargetConfig]) -> str:
    """The module:attribute of a target by any of its names; what names none, such as a variant, as it is."""
    if typed in targets or ":" in typed:
        return find_target(targets, typed)[1].load
    return typed


def instead(found: Resolved, typed: str, findings: Iterable[Finding]) -> str:
    """What findings are run against in place of their own target: "module:attribute", or a harness's file and function.

    Raises UnknownNameError with the nearest name, UsageError where some are a model's and some a harness's.
    """
    sides = {finding.side for finding in findings}
    if not typed or not sides:
        return ""
    if len(sides) > 1:
        raise UsageError(f"--target {typed}: some of the findings are of a model, some of a harness; name fewer")
    if sides == {"code"}:
        return discovery.find(typed, found.root).load
    return find_target(found.config.targets, typed)[1].load


def campaign_name(target: str) -> str:
    """What a campaign is called unless told otherwise: "digits-fragile" of "digits:fragile" or "zoo.digits:fragile"."""
    module, _, attribute = target.partition(":")
    words = "-".join(part for part in (module.rpartition(".")[2], attribute) if part)
    plain = "".join(char if char.isalnum() or char in "_.+-" else "-" for char in words)
    return plain.lstrip("-.+") or "campaign"
