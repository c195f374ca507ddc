"""Which of the collected regressions run, on which worker, and what is fuzzed after them."""

from __future__ import annotations

import pytest

from mlfuzz.budget import duration
from mlfuzz.errors import MlfuzzError
from mlfuzz.pytest_plugin import kept_of
from mlfuzz.pytest_plugin.fuzzing import FuzzItem, folder_of
from mlfuzz.pytest_plugin.purse import TimeBudget, left_to_find
from mlfuzz.regressions.kept import KeptFinding, sample
from mlfuzz.report.visible import visible


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sample, mark a worker for each target, and append what fuzzes."""
    kept = {id(item): one for item in items if (one := kept_of(item)) is not None}
    most = config.getoption("mlfuzz_max")
    if most is not None:
        chosen = {one.path for one in sample(kept.values(), most)}
        _keep(config, items, [item for item in items if id(item) not in kept or kept[id(item)].path in chosen])
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if id(item) in kept:  # with --dist loadgroup a target is loaded by one worker only
                item.add_marker(pytest.mark.xdist_group(kept[id(item)].target))
    if time := config.getoption("mlfuzz_time"):
        _fuzz(items, [(item, kept[id(item)]) for item in items if id(item) in kept], _seconds(time))


def _keep(config: pytest.Config, items: list[pytest.Item], selected: list[pytest.Item]) -> None:
    left_out = set(items) - set(selected)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = selected


def _fuzz(items: list[pytest.Item], regressions: list[tuple[pytest.Item, KeptFinding]], seconds: float) -> None:
    """One item for each target that a selected regression is of, at the end.

    Those that have the least left to find come first: what they do not need, the others get.
    """
    targets: dict[str, tuple[pytest.Item, KeptFinding]] = {}
    for item, kept in regressions:
        if kept.finding is not None and kept.finding.side == "model":
            targets.setdefault(kept.target, (item, kept))
    purse = TimeBudget(seconds, len(targets))
    for target, (item, kept) in sorted(targets.items(), key=lambda each: _left(each[1][0].config, each[0])):
        parent = item.getparent(pytest.File) or item.session  # type: ignore[type-abstract]
        known = [one for _, one in regressions if one.target == target]
        more = {"kept": kept, "known": known, "purse": purse}
        items.append(FuzzItem.from_parent(parent, name=f"fuzz[{visible(target)}]", **more))


def _left(config: pytest.Config, target: str) -> float:
    from mlfuzz.pytest_plugin.items import found_for

    return left_to_find(folder_of(found_for(config).state_dir, target))


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except MlfuzzError as error:
        raise pytest.UsageError(f"--mlfuzz-time: {error}") from None
