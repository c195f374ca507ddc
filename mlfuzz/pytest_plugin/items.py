"""Regressions as pytest's collectors and items. No torch until an item is set up."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from mlfuzz.config import Resolved
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.testing.gate import Gate
from mlfuzz.testing.guard import Guard
from mlfuzz.testing.kept import Kept
from mlfuzz.testing.suite import GUARD, gate_of, project, run, run_gate, settings_of

FOUND: pytest.StashKey[Resolved] = pytest.StashKey()


class RegressionFolder(pytest.Directory):
    """corpus/regressions/<target>: its records, and the gate over them where one is set."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        kept = []
        for entry in sorted(os.scandir(self.path), key=lambda each: each.name):
            path = Path(entry.path)
            if entry.is_dir():
                below = None if self._ignored(path) else self.ihook.pytest_collect_directory(path=path, parent=self)
                if below is not None:
                    yield below
            elif entry.name.endswith(".json") and not self._ignored(path):
                for file in self.ihook.pytest_collect_file(file_path=path, parent=self):
                    if isinstance(file, RegressionFile):
                        kept.append(file.kept)
                    yield file
        config = found_for(self.config).config
        if kept and config.regression.mode != "each":
            gate = gate_of(kept[0].target, kept, config)
            yield GateItem.from_parent(self, name=f"gate[{gate.target}]", gate=gate)

    def _ignored(self, path: Path) -> bool:
        if self.session.isinitpath(path, with_parents=True):
            return False
        return bool(self.ihook.pytest_ignore_collect(collection_path=path, config=self.config))


class RegressionFile(pytest.File):
    """One <id>.json."""

    _kept: Kept | None = None

    @property
    def kept(self) -> Kept:
        if self._kept is None:
            self._kept = Kept.read(self.path)
        return self._kept

    def collect(self) -> Iterable[pytest.Item]:
        yield RegressionItem.from_parent(self, name=self.kept.kind, kept=self.kept)


class RegressionItem(pytest.Item):
    """One finding: fails, passes, or is expected to fail, by its triage."""

    def __init__(self, *, kept: Kept, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.kept = kept

    def runtest(self) -> None:
        run(guard_for(self.config), self.kept, self)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.kept.target} {self.kept.id[:SHORT_ID]}  {self.kept.kind}"


class GateItem(pytest.Item):
    """The share of a target's regressions that may fail."""

    def __init__(self, *, gate: Gate, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.gate = gate

    def runtest(self) -> None:
        run_gate(guard_for(self.config), self.gate)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"gate[{self.gate.target}]"


def found_for(config: pytest.Config) -> Resolved:
    """The configuration of the project that pytest runs in. Raises CollectError, which pytest tells in one line."""
    if FOUND not in config.stash:
        try:
            config.stash[FOUND] = project(config.rootpath)
        except pytest.UsageError as error:
            raise pytest.Collector.CollectError(str(error)) from None
    return config.stash[FOUND]


def guard_for(config: pytest.Config) -> Guard:
    """The guard of this run, as its options say."""
    if GUARD not in config.stash:
        settings = settings_of(
            found_for(config), strict=config.getoption("mlfuzz_strict"), device=config.getoption("mlfuzz_device") or "",
            sampled=config.getoption("mlfuzz_max") is not None, settle=config.getoption("mlfuzz_update") == "fix",
        )  # fmt: skip
        guard = config.stash[GUARD] = Guard(settings)
        config.add_cleanup(guard.close)
    return config.stash[GUARD]
