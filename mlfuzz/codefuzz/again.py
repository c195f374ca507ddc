"""Sessions for findings that are there already: to confirm and to minimise them once more."""

from __future__ import annotations

from pathlib import Path

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import Engine, Options, Session
from mlfuzz.codefuzz.native import variants
from mlfuzz.errors import ReplayError, UnknownNameError
from mlfuzz.findings.finding import Finding
from mlfuzz.storage.workdir import CAMPAIGNS


class Sessions:
    """One of each harness that is asked for. A context manager. project: its folder."""

    def __init__(self, project: Path, *, engine: Engine | None = None) -> None:
        self._project, self._engine = project, engine
        self._open: dict[tuple[str, str], Session] = {}

    def of(self, finding: Finding, *, target: str = "") -> Session:
        """The session of its harness, or of another. Raises ReplayError, TargetLoadError."""
        load, lane = target or finding.load, str(finding.evidence.get("lane", "plain"))
        if (load, lane) not in self._open:
            self._open[load, lane] = self._prepare(load, lane, finding)
        return self._open[load, lane]

    def _prepare(self, load: str, lane: str, finding: Finding) -> Session:
        try:
            harness = discovery.find(load, self._project)
        except UnknownNameError as error:
            raise ReplayError(f"finding {finding.id[:10]}: its harness {load or '?'} is not here: {error}") from error
        if self._engine is None:
            from mlfuzz.codefuzz.engine.default_engine import engine

            self._engine = engine()
        found = variants.lane(lane, self._project / CAMPAIGNS / variants.NATIVE, harness.declaration.instrument)
        sandbox = "none" if finding.evidence.get("sandbox") == ["none"] else "auto"
        options = Options(project=str(self._project.resolve()), lane=found, sandbox=sandbox)
        return self._engine.prepare(harness.declaration, options)

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._open.values():
            session.close()
        self._open.clear()
