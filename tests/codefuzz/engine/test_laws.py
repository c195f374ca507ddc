"""The engine of this installation keeps the laws, and so do its sessions."""

from __future__ import annotations

import pytest

from mlfuzz.codefuzz.engine.default_engine import engine
from mlfuzz.testing import engines as laws

pytestmark = pytest.mark.skipif(bool(engine().available()), reason=engine().available() or "available")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with laws.prepared(engine(), tmp_path_factory.mktemp("laws")) as opened:
        yield opened


@pytest.mark.parametrize("law", laws.SESSION_LAWS, ids=lambda law: law.__name__)
def test_its_sessions_keep_the_law(session, law, tmp_path):
    law(session, tmp_path)


@pytest.mark.parametrize("law", laws.ENGINE_LAWS, ids=lambda law: law.__name__)
def test_it_keeps_the_law(law, tmp_path):
    law(engine(), tmp_path)
