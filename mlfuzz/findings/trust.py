"""What a record may name to be imported. A finding is data: it may come from anybody.

Run is what the project's configuration names, what mlfuzz ships, and what this user began here: noted outside the
project, by the project's place and the name, so that no folder brings its own permission along. What `--trust` names
runs in that one command.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlfuzz
from mlfuzz.config import Config, Resolved
from mlfuzz.config.state import is_moved, state_home
from mlfuzz.errors import StorageError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.labels import opinion_of
from mlfuzz.storage.durable import OWNER, create_exclusive, make_folder
from mlfuzz.tasks.declared import bare

BEGUN, BUILT = "begun", "built"
"""Folders of notes: of what was begun, and of native builds, which say nothing of the project that they lie in."""

FORMS = frozenset({
    "bf16", "compile", "cost-bytes", "cost-operations", "cost-seconds", "export", "fp16", "int8", "int8-torch",
    "padded", "single", "threads",
})  # fmt: skip
"""Forms of a target itself, "threads:4" for instance: any other name with a colon is another target's."""

_SHIPPED = re.compile(r"mlfuzz\.(examples\.[a-z_]+|testing\.puzzles):([a-z]\w*)")


@dataclass(frozen=True, slots=True)
class Trust:
    """Of one project. names: "module:attribute", and modules of plugins, that its configuration names.

    file: the configuration; None where there is none. given: what this command was asked to trust (--trust): a name as
    the record has it, or a module with all that is in it. again: the command that a refusal offers, "{}" for the path
    of the record; "" where there is none. option: of that command, for a target in place of the recorded one; where it
    has none, the one that trusts.
    """

    root: Path
    names: frozenset[str] = frozenset()
    file: Path | None = None
    given: frozenset[str] = frozenset()
    again: str = ""
    option: str = "--target"

    @classmethod
    def of(cls, found: Resolved, *, given: Iterable[str] = (), again: str = "", option: str = "--target") -> Trust:
        """What holds in the project of this configuration."""
        names = frozenset((*_configured(found.config), *found.config.plugins))
        return cls(found.root.resolve(), names, found.file, frozenset(given), again, option)

    @property
    def own(self) -> bool:
        """Whether the folder is this user's project: it has a configuration, or something was begun here."""
        place = _place(self.root)
        return self.file is not None or (place is not None and place.is_dir())

    def apart(self, *, target: str = "") -> bool:
        """Whether only what is shipped runs: then nothing that lies here may come before what it imports.

        target: what was named to run; whoever names one wants the folder on the import path.
        """
        return not target and not self.own and not self.given

    def admits(self, name: str) -> bool:
        """Whether "module:attribute", a plugin's module, or a harness's file and function, may run."""
        name = bare(name)
        return name in self.names or self.trusts(name) or is_shipped(name) or self.begun(name)

    def trusts(self, name: str) -> bool:
        """Whether this command was asked to."""
        return name in self.given or name.partition(":")[0] in self.given

    def begun(self, name: str) -> bool:
        """Whether this user began a campaign on it here."""
        note = _note(self.root, name)
        return note is not None and note.is_file()

    def refusal(self, finding: Finding, path: Path, *, target: str = "") -> str:
        """Why nothing that this record names is imported, and what to write; "" where all of it may be.

        path: of the record, as it is shown. target: what was named to run in place of its own.
        """
        if finding.load and not target and not self.admits(finding.load):
            return self.refuse(finding, finding.load, path)
        beside = [name for name in dict.fromkeys(_beside(finding)) if not self.admits(name)]
        return self._refuse_beside(finding, beside, path) if beside else ""

    def refuse(self, finding: Finding, name: str, path: Path) -> str:
        """Why `name`, its target or its harness, is not imported, and what to type or to write."""
        why = _why(name)
        if self.again and self.option == "--target":
            return f"{why}If you know it: {self._again(path)} --target {shlex.quote(name)}"
        why += f"If you know it, {self._once([name], path)}"
        if finding.side == "code":  # of harnesses those in the project's folder are its own
            wanted = self._line(f"harnesses.{_quoted(finding.target)} = {{}}")
            return f"{why}write, with the harness in harnesses/, {wanted}"
        return f"{why}write {self._line(_use(finding, name))}"

    def _refuse_beside(self, finding: Finding, names: Sequence[str], path: Path) -> str:
        known = f"If you know it, {self._once(names, path)}write {self._line(_use(finding, names[0]))}"
        return _why(names[0]) + known

    def _once(self, names: Sequence[str], path: Path) -> str:
        """What lets them run once; nothing where there is no command to offer."""
        if not self.again:
            return ""
        option = "--trust" if self.option == "--target" else self.option
        asked = " ".join(f"{option} {shlex.quote(name)}" for name in names)
        return f"for one run {self._again(path)} {asked}; for all, "

    def _again(self, path: Path) -> str:
        return self.again.replace("{}", _typed(path), 1)

    def elsewhere(self, finding: Finding) -> list[str]:
        """What to write, so that a model's record runs where nobody began anything: in a fresh checkout."""
        named = [finding.load] if finding.load else []
        wanted = [
            name for name in map(bare, (*named, *_beside(finding))) if name not in self.names and not is_shipped(name)
        ]
        return [self._line(_use(finding, name)) for name in dict.fromkeys(wanted)] if finding.side == "model" else []

    def _line(self, text: str) -> str:
        where = f"{self.file}" if self.file else f"a new file {self.root / 'mlfuzz.toml'}"
        under = ", [tool.mlfuzz]" if self.file and self.file.name == "pyproject.toml" else ""
        return f"in {where}{under}: {text}"


def note_begun(root: Path, names: Iterable[str]) -> None:
    """Remember that this user began campaigns on these here. Raises StorageError where it cannot be written."""
    for name in map(bare, names):
        require_notes(root)
        note = _note(root.resolve(), name)
        if note is not None and not is_shipped(name):
            _write(note, {"project": str(root.resolve()), "runs": name})


def require_notes(root: Path) -> None:
    """Raises StorageError where nothing can be noted of this user, and says why."""
    if _home(root.resolve()) is not None:
        return
    if state_home() is not None:
        raise StorageError(
            f"XDG_STATE_HOME lies in {root.resolve()} itself, as it would in a copy of it; set it to a folder outside"
        )
    raise StorageError("there is no home to note it in; set XDG_STATE_HOME")


def note_built(root: Path, build: Path, digest: str) -> None:
    """Remember that this user made a native build here. root: the project; build: its folder; digest: of its record.

    Raises StorageError where it cannot be written.
    """
    for folder in (root, _campaigns(build)):
        require_notes(folder)
    note = _build_note(root, build, digest)
    if note is not None:
        _write(note, {"build": str(build.resolve()), "sha256": digest})


def is_built(root: Path, build: Path, digest: str) -> bool:
    """Whether this user made that build in that folder."""
    note = _build_note(root, build, digest)
    return note is not None and note.is_file()


def is_shipped(name: str) -> bool:
    """Whether it is a public function without arguments of an example, or a puzzle, that mlfuzz ships."""
    match = _SHIPPED.fullmatch(name)
    if match is None:
        return False
    path = Path(mlfuzz.__file__).parent.joinpath(*match[1].split(".")).with_suffix(".py")
    with suppress(OSError):
        for part in ast.parse(path.read_bytes()).body:
            if isinstance(part, ast.FunctionDef) and part.name == match[2]:
                return not ast.unparse(part.args)
    return False


def imported(target: str, oracles: Iterable[Mapping[str, Any]], validity: Iterable[str]) -> Iterator[str]:
    """Every "module:attribute" that a campaign imports."""
    yield target
    yield from validity
    for oracle in oracles:
        yield from _compared(oracle)


def _why(name: str) -> str:
    return (
        f"it names {ascii(name)[1:-1]} to be imported, which neither the configuration names nor mlfuzz ships, and on "
        "which nothing was begun here: it may have come with the finding, and is not run. "
    )


def _use(finding: Finding, name: str) -> str:
    return f"targets.{_quoted(finding.target if name == bare(finding.load) else name)}.use = {_quoted(name)}"


def _configured(config: Config) -> Iterator[str]:
    for target in config.targets.values():
        yield from map(bare, imported(target.use, target.oracles, target.validity))


def _beside(finding: Finding) -> Iterator[str]:
    """What is imported for a record besides its target: what an oracle compares with, reference models that voted."""
    yield from _compared(finding.oracle)
    opinion = opinion_of(finding)
    yield from opinion.said if opinion else ()


def _compared(oracle: Mapping[str, Any]) -> Iterator[str]:
    of = oracle.get("of") or ()
    for one in of.split("+") if isinstance(of, str) else map(str, of):
        name = one.removeprefix("checkpoint:")
        if ":" in name and name.partition(":")[0] not in FORMS:
            yield name


def _place(root: Path) -> Path | None:
    home = _home(root)
    return None if home is None else home / BEGUN / _short(str(root))


def _note(root: Path, name: str) -> Path | None:
    place = _place(root)
    return None if place is None else place / f"{_short(name)}.json"


def _build_note(root: Path, build: Path, digest: str) -> Path | None:
    home = _home(root.resolve())
    if home is None or _home(_campaigns(build)) is None:
        return None
    return home / BUILT / _short(str(build.resolve())) / f"{_short(digest)}.json"


def _campaigns(build: Path) -> Path:
    """The folder that a build would be copied with: it may lie elsewhere than the project."""
    return build.resolve().parent.parent


def _home(root: Path) -> Path | None:
    """None where notes would count that came with the project: a variable may point into it."""
    home = state_home()
    if home is None or (is_moved(home) and home.resolve().is_relative_to(root)):
        return None
    return home


def _write(note: Path, record: Mapping[str, str]) -> None:
    if note.is_file():
        return
    for folder in (note.parents[2], note.parents[1], note.parent):  # a mode is that of the last folder alone
        make_folder(folder, mode=0o700)
    create_exclusive(note, json.dumps(record).encode() + b"\n", sync=False, mode=OWNER)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _typed(path: Path) -> str:
    with suppress(ValueError):
        path = path.resolve().relative_to(Path.cwd())
    return shlex.quote(str(path))


def _quoted(text: str) -> str:
    """As a string, and a key, of TOML."""
    return json.dumps(text)
