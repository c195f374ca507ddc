"""pytest runs the regressions in corpus/: hooks and options. What an unused plugin imports is in this file alone.

`pytest corpus/` collects each <id>.json below a folder regressions/ that is a record of ours (`ownership`), and leaves
what others keep in such a folder to them; `-p no:mlfuzz` leaves all of it out.

Read items.py first: one regression as pytest runs it. Imported by pytest alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlfuzz.regressions.kept import KeptFinding

FOLDER = "regressions"
ITEMS = "mlfuzz.pytest_plugin.items"
_NAME = re.compile(r"[0-9a-f]{8,64}\.json")

UPDATES = ("fix",)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mlfuzz", "findings kept as regressions")
    group.addoption(
        "--mlfuzz-time", metavar="TIME", help="after the tests fuzz the targets seen for so long (60s, 10m) in all"
    )
    group.addoption(
        "--mlfuzz-max", metavar="N", type=int, help="run at most N regressions of each target, the same ones each time"
    )
    group.addoption(
        "--mlfuzz-update", choices=UPDATES, help="fix: mark open findings that hold now as fixed; not with xdist"
    )
    group.addoption("--mlfuzz-strict", action="store_true", help="open findings fail too")
    group.addoption(
        "--mlfuzz-trust", metavar="NAME", action="append",
        help="import what records name so, a module or module:attribute, in this one run; may be given several times",
    )  # fmt: skip
    group.addoption("--mlfuzz-device", metavar="DEVICE", help="where targets run: cpu, cuda, cuda:1")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "mlfuzz(target, kind): a finding kept as a regression of a target")
    if config.getoption("mlfuzz_update") and _distributed(config):
        raise pytest.UsageError("--mlfuzz-update changes files, which several xdist workers must not: run it with -n 0")
    if (most := config.getoption("mlfuzz_max")) is not None and most < 1:
        raise pytest.UsageError(f"--mlfuzz-max is a count of at least 1, not {most}")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if FOLDER not in file_path.parent.parts or not _named(file_path.name):
        return None
    from mlfuzz.pytest_plugin.ownership import ours

    if not ours(file_path, parent.config):
        return None
    from mlfuzz.pytest_plugin.items import RegressionFile

    return RegressionFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A folder stays what others make of it; what belongs to the regressions in it joins its children.

    A collector of our own in its place took the tests and packages of others out of it.
    """
    report = yield
    if report.passed and isinstance(collector, pytest.Directory) and FOLDER in collector.path.parts:
        lost = _lost(collector)
        if lost or any(type(child).__module__ == ITEMS for child in report.result):
            from mlfuzz.pytest_plugin.items import belonging

            report.result.extend(belonging(collector, report.result, lost))
    return report


def pytest_itemcollected(item: pytest.Item) -> None:
    if (kept := kept_of(item)) is not None:
        item.add_marker(pytest.mark.mlfuzz(target=kept.target, kind=kept.kind))
        item.user_properties.extend(_properties(kept))
        if kept.skipped:
            item.add_marker(pytest.mark.skip(reason=kept.skipped))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any(kept_of(item) is not None for item in items):
        from mlfuzz.pytest_plugin.selection import select

        select(config, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    kept = [one for item in session.items if (one := kept_of(item)) is not None]
    if kept and not session.config.getoption("collectonly"):
        from mlfuzz.pytest_plugin.items import guard_for

        guard_for(session.config).expect(kept)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Targets load before the first test's clock runs."""
    if (kept := kept_of(item)) is not None:
        from mlfuzz.pytest_plugin.items import guard_for

        guard_for(item.config).prepare(kept)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and report.passed and kept_of(item) is not None:
        from mlfuzz.regressions.suite import HOLDS

        if reason := item.stash.get(HOLDS, ""):
            report.wasxfail = reason  # pytest's own sign of a test that passed against expectation
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    stats = terminalreporter.stats
    if not stats.get("xpassed") and not stats.get("passed"):
        return
    properties = [dict(report.user_properties) for report in stats.get("xpassed", ())]
    if count := sum("mlfuzz_id" in each for each in properties):
        what = "known finding holds" if count == 1 else "known findings hold"
        terminalreporter.write_line(f"{count} {what} now: mlfuzz triage --mark-fixed")
    marked = sum(dict(report.user_properties).get("mlfuzz_marked") == "fixed" for report in stats.get("passed", ()))
    if marked:
        terminalreporter.write_line(f"{marked} known finding{'' if marked == 1 else 's'} marked as fixed")


def kept_of(item: pytest.Item) -> KeptFinding | None:
    """The regression that an item runs: one collected from its file, or a case of `mlfuzz.testing.regressions`."""
    kept = getattr(item, "kept", None)
    if kept is None and (callspec := getattr(item, "callspec", None)) is not None:
        kept = callspec.params.get("regression")
    return kept if type(kept).__name__ == "KeptFinding" and type(kept).__module__ == "mlfuzz.regressions.kept" else None


def _lost(folder: pytest.Directory) -> list[Path]:
    """Records of ours that are no files any more (a link to nowhere): pytest passes over these."""
    with os.scandir(folder.path) as entries:
        paths = sorted(Path(one.path) for one in entries if _named(one.name) and not (one.is_file() or one.is_dir()))
    if not paths:
        return []
    from mlfuzz.pytest_plugin.ownership import ours

    ignored = folder.ihook.pytest_ignore_collect
    return [
        path for path in paths if not ignored(collection_path=path, config=folder.config) and ours(path, folder.config)
    ]


def _named(name: str) -> bool:
    """Whether a file is named like a record."""
    return _NAME.fullmatch(name) is not None


def _properties(kept: KeptFinding) -> Sequence[tuple[str, object]]:
    finding = kept.finding
    if finding is None:
        return [("mlfuzz_id", kept.id)]
    facts = {
        "id": finding.id, "target": finding.target, "oracle": finding.kind, "fault": finding.fault,
        "triage": finding.triage, "margin": finding.margin,
    }  # fmt: skip
    return [(f"mlfuzz_{name}", value) for name, value in facts.items() if value not in ("", None)]


def _distributed(config: pytest.Config) -> bool:
    return (
        hasattr(config, "workerinput")
        or config.getoption("numprocesses", None) not in (None, 0)
        or config.getoption("dist", "no") != "no"
    )
