"""Sessions for findings that are there: to run them again, to confirm, to minimise them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Engine, Lane, Options, Session
from mlfuzz.codefuzz.native import variants
from mlfuzz.errors import ReplayError, TargetLoadError, UnknownNameError
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.storage.workdir import CAMPAIGNS


def replay_session(
    harness: Harness, *, lane: Lane | None = None, sandbox: str = "", allow: Sequence[str] = (), python: str = ""
) -> Session:
    """A harness as its users run it, nothing instrumented and no atheris, in the sandbox that a campaign runs it in.

    lane: where its packages come from. sandbox: another level than the harness declares; allow: more than it declares.
    python: of another environment. Raises TargetLoadError with the harness's own last words, in one line.
    """
    options = Options(
        project=str(harness.project.resolve()), lane=lane or Lane(), sandbox=sandbox, allow=tuple(allow), python=python,
        instrument=False,
    )  # fmt: skip
    try:
        return _engine().prepare(harness.declaration, options)
    except TargetLoadError as error:
        raise TargetLoadError(_in_a_line(str(error))) from error


class Sessions:
    """One of each harness that is asked for. A context manager. project: its folder.

    instrument: as a campaign runs it; else as its users do, see `replay_session`. sandbox, allow: in place of, and
    beside, what the harness declares; a record never loosens that. natives: where `build-native` has left its builds,
    for findings of a sanitizer's lane.
    """

    def __init__(
        self, project: Path, *, instrument: bool = True, engine: Engine | None = None, natives: Path | None = None,
        sandbox: str = "", allow: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._sandbox, self._allow = sandbox, tuple(allow)
        self._project, self._instrument, self._engine = project, instrument, engine
        self._natives = natives or project / CAMPAIGNS / variants.NATIVE
        self._open: dict[tuple[str, str], Session] = {}
        self._broken: dict[tuple[str, str], TargetLoadError] = {}

    def of(self, finding: Finding, *, target: str = "") -> Session:
        """The session of its harness, or of another, by name or file. Raises ReplayError, TargetLoadError."""
        load, lane = target or finding.load, str(finding.evidence.get("lane", "plain"))
        if (load, lane) in self._broken:  # an import that hangs is not waited for again
            raise self._broken[load, lane]
        if (load, lane) not in self._open:
            harness = _harness(load, finding, self._project)
            found = variants.lane(lane, self._natives, harness.declaration.instrument, root=self._project)
            try:
                self._open[load, lane] = self._prepare(harness, found)
            except TargetLoadError as error:
                self._broken[load, lane] = error
                raise
        return self._open[load, lane]

    def _prepare(self, harness: Harness, lane: Lane) -> Session:
        if not self._instrument:
            return replay_session(harness, lane=lane, sandbox=self._sandbox, allow=self._allow)
        self._engine = self._engine or _engine()
        options = Options(project=str(self._project.resolve()), lane=lane, sandbox=self._sandbox, allow=self._allow)
        return self._engine.prepare(harness.declaration, options)

    def close(self) -> None:
        for session in self._open.values():
            session.close()
        self._open.clear()

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _engine() -> Engine:
    from mlfuzz.codefuzz.engine.default_engine import engine  # brings all that fuzzing needs

    return engine()


def _in_a_line(words: str) -> str:
    """What went wrong, and where, of words with a traceback or with what was printed below them."""
    first, *rest = words.strip().splitlines()
    places = [line.strip() for line in rest if line.lstrip().startswith('File "')]
    where = f" ({places[-1]})" if places and rest[-1].strip() not in places else ""
    return f"{first} {rest[-1].strip()}{where}" if rest else first


def _harness(load: str, finding: Finding, project: Path) -> Harness:
    if not load:
        raise ReplayError(f"finding {finding.id[:SHORT_ID]} names no harness; say which: --target NAME")
    try:
        return discovery.find(load, project)
    except UnknownNameError as error:
        raise ReplayError(f"its harness {load.partition(':')[0]} is not here: {error}") from error
