"""What a harness says of itself: a literal that is read before anything of it is imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from mlfuzz.codefuzz.harness.plain_file import PLAIN_ENTRY, parsed, plain_entry
from mlfuzz.codefuzz.runtime.permissions import STRICT, problem
from mlfuzz.errors import ConfigError, TargetLoadError, suggestion

LITERAL = "HARNESS"
ENTRY = "fuzz"

IMPORT_SECONDS = 60.0
"""Of an import without another module: what loads weights takes that long on a busy machine."""


class AllowedException(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A documented exception; subclasses count.

    type: its name ("ValueError", or that of a class in the harness), or the place where its documentation has it:
    "pickle.UnpicklingError" is looked up there, since the class itself says that it is _pickle's.
    match: a regular expression that its message must contain; "" takes any.
    """

    type: str
    match: str = ""


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The HARNESS literal of a file under harnesses/, and where the file is.

    instrument: packages whose Python code gives coverage; a dotted name ("scipy.io.wavfile") stands for that module and
    what is below it. preload: submodules imported beforehand, inside the instrumented import, since those imported
    later stay blind. seeds, dictionary: paths from the project's directory. allowed: exceptions the code under test
    documents. seconds, mebibytes: per input. length: bytes. mutator: name of a format-aware mutator, "" for libFuzzer's
    own. grammar: path of a grammar of Lark's, which goes before it. blind: native code that gives no coverage, said
    beforehand. import_seconds: that its import may go on without importing another module. sandbox: "strict",
    "workspace" or "off"; allow: single permissions on top, "network", "write:~/.cache/acme" (docs/sandbox.md). entry:
    "fuzz"; of a plain atheris file, which has no literal, the name of the function that it hands to atheris.Setup,
    "TestOneInput" where that has none of its own.
    """

    name: str
    about: str = ""
    instrument: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    seeds: str = ""
    dictionary: str = ""
    allowed: tuple[AllowedException | str, ...] = ()
    seconds: float = 1.0
    mebibytes: int = 512
    length: int = 4096
    mutator: str = ""
    grammar: str = ""
    blind: bool = False
    import_seconds: Annotated[float, msgspec.Meta(gt=0)] = IMPORT_SECONDS
    sandbox: str = STRICT
    allow: tuple[str, ...] = ()
    path: str = ""
    entry: str = ENTRY

    @property
    def plain(self) -> bool:
        """Whether it is an atheris file without a literal."""
        return self.entry != ENTRY

    @property
    def documented(self) -> tuple[AllowedException, ...]:
        return tuple(AllowedException(one) if isinstance(one, str) else one for one in self.allowed)


def read(path: Path) -> Declaration:
    """The declaration of a harness file; nothing of it runs.

    A plain atheris file (no literal) is taken as it is, under its file name.
    Raises TargetLoadError where the file is no harness, ConfigError for a key or value that is not understood.
    """
    tree = parsed(path)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    literal = _literal(tree, path)
    if literal is None:
        entry = plain_entry(tree, path)
        if not entry:
            raise TargetLoadError(
                f"{path}: neither {LITERAL} = {{...}} nor a function {PLAIN_ENTRY}(data) nor a call of atheris.Setup "
                "is in it"
            )
        return Declaration(name=_name(path), path=str(path), entry=entry)
    if ENTRY not in functions:
        raise TargetLoadError(f"{path}: a function {ENTRY}(data: bytes) is missing")
    unknown = sorted(set(literal) - set(Declaration.__struct_fields__) | set(literal) & {"path", "entry"})
    if unknown:
        near = suggestion(str(unknown[0]), Declaration.__struct_fields__)
        raise ConfigError(f"{path}: unknown key {unknown[0]!r} in {LITERAL}{near}")
    return declared({"name": _name(path), **literal, "path": str(path)}, f"{path}: {LITERAL}")


def declared(fields: Mapping[str, Any], where: str) -> Declaration:
    """A declaration of these fields. where: they stand, in words. Raises ConfigError."""
    try:
        found = msgspec.convert(fields, Declaration)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
    if wrong := problem(found.sandbox, found.allow):
        raise ConfigError(f"{where}: {wrong}")
    return found


def _name(path: Path) -> str:
    """The file's; the package's for one that is run as `python -m package`."""
    return path.parent.name if path.stem == "__main__" else path.stem


def _literal(tree: ast.Module, path: Path) -> dict[str, Any] | None:
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == LITERAL for target in targets):
            try:
                value = ast.literal_eval(node.value)
            except (ValueError, TypeError) as error:
                raise ConfigError(f"{path}: {LITERAL} is read before import: plain values only ({error})") from error
            if not isinstance(value, dict):
                raise ConfigError(f"{path}: {LITERAL} is a dictionary, not {type(value).__name__}")
            return value
    return None
