"""The first look at a harness: its seeds are sorted, and what it will not see is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.codefuzz.campaign.harness_state import HarnessState, require_usable
from mlfuzz.codefuzz.engine.coverage_blindness import tops
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Session
from mlfuzz.events import SeedsReady
from mlfuzz.findings.environment import environment, version

OnSeed = Callable[[bytes, Outcome, str], None]
"""Called with a seed that fails by itself, or wants what the sandbox refuses: how, and its name."""


@dataclass(frozen=True, slots=True)
class SeedAdmission:
    """refused: names of seeds with the reasons; warnings: what looks wrong with the harness, in whole sentences."""

    refused: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def screen(state: HarnessState, session: Session, seeds: Sequence[Path], on_failing: OnSeed) -> SeedAdmission:
    """Run the seeds that its corpus does not have yet, and put the usable ones there.

    Raises SeedError where the harness fails on all of them.
    """
    fresh = [path for path in seeds if path.read_bytes() not in state.corpus]
    state.seeds = len(seeds)
    if not fresh:
        return SeedAdmission()
    screened = session.screen(fresh)
    require_usable(state.name, screened)
    for name, outcome in (*screened.failing, *screened.barred):
        on_failing(_path(name, fresh).read_bytes(), outcome, Path(name).name)
    state.corpus.adopt(_path(name, fresh) for name in screened.usable)
    state.seeds -= len(screened.refused) + len(screened.failing)
    return SeedAdmission(tuple((Path(name).name, reason) for name, reason in screened.refused), screened.warnings)


def ready(state: HarnessState, session: Session, look: SeedAdmission) -> SeedsReady:
    """What importing the harness and running its seeds has shown, in words."""
    prepared, packages = session.prepared, state.harness.declaration.instrument
    covered = set(tops([*packages, *prepared.instrumented]))
    native = [name for name in prepared.blind if name.partition(".")[0] in covered]
    plain = [name for name in prepared.uninstrumented if _below(name, packages)]
    notes = [f"no coverage of native {', '.join(native[:4])}"] if native else []
    if not state.seeds:
        notes.append("it starts from nothing; a few small files that the code takes, named by `seeds`, save it hours")
    gaps = [f"imported too late to be seen: {', '.join(prepared.lazy[:4])}"] if prepared.lazy else []
    gaps += [f"not instrumented: {', '.join(plain[:4])}"] if plain else []
    unheld = [f"the sandbox does not hold whole here: {one}" for one in prepared.unheld]
    warnings = (*unheld, *state.harness.notes, *gaps, *prepared.warnings, *look.warnings)
    return SeedsReady(state.name, prepared.seconds, prepared.cached, state.seeds, tuple(notes), warnings)


def versions(harness: Harness) -> dict[str, str]:
    """The machine's facts, and the versions of what the harness tests."""
    known = {name: version(name) for name in (_ALIKE.get(top, top) for top in tops(harness.declaration.instrument))}
    return {**environment(harness.project), **{name: one for name, one in known.items() if one}}


_ALIKE = {"PIL": "pillow", "yaml": "pyyaml", "cv2": "opencv-python", "sklearn": "scikit-learn"}
"""Packages whose distribution is called otherwise; most are called alike."""


def _path(name: str, files: Sequence[Path]) -> Path:
    """The file that an engine names, by its path or by its name alone."""
    return next((path for path in files if str(path) == name), None) or next(
        (path for path in files if path.name == Path(name).name), Path(name)
    )


def _below(module: str, packages: Sequence[str]) -> bool:
    """Whether a module is one of the packages, or lies in one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)
