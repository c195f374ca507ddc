"""Regressions as pytest's collectors and items. No torch until an item is set up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from mlfuzz.config import Resolved
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.pytest_plugin import FOLDER
from mlfuzz.regressions.gate import TargetGate
from mlfuzz.regressions.kept import KeptFinding
from mlfuzz.regressions.runner import RegressionRunner
from mlfuzz.regressions.suite import GUARD, NAMED, gate_of, project, run, run_gate, settings_of
from mlfuzz.report.visible import visible

FOUND: pytest.StashKey[Resolved] = pytest.StashKey()
USABLE: pytest.StashKey[bool] = pytest.StashKey()


def belonging(
    folder: pytest.Directory, children: Sequence[pytest.Item | pytest.Collector], lost: Sequence[Path]
) -> list[pytest.Collector]:
    """What a folder has besides the `children` that pytest found: its lost records, and the gate over all of them."""
    more = [RegressionFile.from_parent(folder, path=path) for path in lost]
    files = [*(child for child in children if isinstance(child, RegressionFile)), *more]
    if folder.path.parent.name != FOLDER:
        return [*more]
    return [*more, RegressionGate.from_parent(folder, name="gate", nodeid=folder.nodeid, files=files)]


class RegressionGate(pytest.Collector):
    """corpus/regressions/<target>: the gate over its records, where one is set."""

    def __init__(self, *, files: Sequence[RegressionFile], **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.files = files

    def collect(self) -> Iterable[pytest.Item]:
        if not usable(self.config):
            return
        config = found_for(self.config).config
        if config.regression.mode != "each":
            kept = [file.kept for file in self.files]
            gate = gate_of(kept[0].target, kept, config)
            name = f"gate[{visible(gate.target, limit=NAMED)}]"
            yield GateItem.from_parent(self, name=name, gate=gate)


class RegressionFile(pytest.File):
    """One <id>.json."""

    _kept: KeptFinding | None = None

    @property
    def kept(self) -> KeptFinding:
        if self._kept is None:
            self._kept = KeptFinding.read(self.path)
        return self._kept

    def collect(self) -> Iterable[pytest.Item]:
        if usable(self.config):
            yield RegressionItem.from_parent(self, name=visible(self.kept.kind, limit=NAMED), kept=self.kept)


class RegressionItem(pytest.Item):
    """One finding: fails, passes, or is expected to fail, by its triage."""

    def __init__(self, *, kept: KeptFinding, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.kept = kept

    def runtest(self) -> None:
        run(guard_for(self.config), self.kept, self)

    def reportinfo(self) -> tuple[Path, int, str]:
        what = f"{self.kept.target} {self.kept.id[:SHORT_ID]}  {self.kept.kind}"
        return self.path, 0, visible(what, limit=NAMED)


class GateItem(pytest.Item):
    """The share of a target's regressions that may fail."""

    def __init__(self, *, gate: TargetGate, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.gate = gate

    def runtest(self) -> None:
        run_gate(guard_for(self.config), self.gate)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


def found_for(config: pytest.Config) -> Resolved:
    """The configuration of the project that pytest runs in. Raises CollectError, which pytest tells in one line."""
    if FOUND not in config.stash:
        try:
            config.stash[FOUND] = project(config.rootpath)
        except pytest.UsageError as error:
            raise pytest.Collector.CollectError(str(error)) from None
    return config.stash[FOUND]


def usable(config: pytest.Config) -> bool:
    """Whether the configuration can be read. Raises CollectError where not, once: of many records one tells it."""
    if USABLE not in config.stash:
        config.stash[USABLE] = False
        found_for(config)
        config.stash[USABLE] = True
    return config.stash[USABLE]


def guard_for(config: pytest.Config) -> RegressionRunner:
    """The guard of this run, as its options say."""
    if GUARD not in config.stash:
        settings = settings_of(
            found_for(config), strict=config.getoption("mlfuzz_strict"), device=config.getoption("mlfuzz_device") or "",
            trust=config.getoption("mlfuzz_trust") or (),
            sampled=config.getoption("mlfuzz_max") is not None, mark_fixed=config.getoption("mlfuzz_update") == "fix",
        )  # fmt: skip
        guard = config.stash[GUARD] = RegressionRunner(settings)
        config.add_cleanup(guard.close)
    return config.stash[GUARD]
