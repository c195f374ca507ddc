"""A test stands in the room of what it tests, under its name."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlfuzz

HERE, ROOT = Path(__file__).parent, Path(mlfuzz.__file__).parent
ROOMS = sorted(path.parent.relative_to(ROOT) for path in ROOT.glob("*/*/__init__.py"))
"""The inner ones. What several of them do together is tested one level above, or in a folder of its own."""

OF_THE_WHOLE_ROOM = {"test_laws.py", "test_lawbreakers.py", "test_exactness.py"}


def modules(room: Path) -> set[str]:
    return {path.stem for path in (ROOT / room).glob("*.py")} | {room.name}


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_each_file_of_tests_in_a_room_bears_the_name_of_a_module_of_it(room: Path) -> None:
    names = modules(room)
    for path in (HERE / room).glob("test_*.py"):
        words = path.stem.removeprefix("test_").split("_")
        begins = {"_".join(words[:count]) for count in range(1, len(words) + 1)}
        assert begins & names or path.name in OF_THE_WHOLE_ROOM, f"{path.name}: no module of {room}"


def test_no_folder_of_tests_is_left_behind_where_its_room_has_moved() -> None:
    outer = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    inner = {path.parent.relative_to(HERE) for path in HERE.glob("*/*/test_*.py") if path.parts[-3] in outer}
    assert inner <= set(ROOMS)
