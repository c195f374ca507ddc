"""What mlfuzz notes of its user stays in a folder of the test run; the longest tests take turns among commits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faults.drawn import skip_others


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_others(items)


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
