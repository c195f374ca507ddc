"""The jobs of a worker, by what they tell the supervisor."""

from __future__ import annotations

import pytest
from codefuzz.forkserver.served import VARIABLES, specified

from mlfuzz.codefuzz.forkserver.client import ALONE, ForkServerClient

HARNESS = """
import builtins, os, sys
HARNESS = {"seconds": 20.0, "mebibytes": 64, "allowed": ["ValueError"], "length": 64}
KEPT = []

def fuzz(data):
    if data[:1] == b"k":
        {}["missing"]
    if data == b"refused":
        int("x")
    if data == b"exits":
        os._exit(4)
    if data == b"builtin":
        builtins.len = None
    if data == b"low":
        os.closerange(3, 256)
    if data == b"all":
        os.closerange(3, 1 << 16)
    if data == b"limit":
        sys.setrecursionlimit(80)
    if data == b"opens":
        os.open(os.devnull, os.O_RDONLY)
    if data == b"holds":
        KEPT.append(bytearray(b"x" * 50_000))
    if data == b"reserves":
        KEPT.append(bytearray(30_000_000))
"""


@pytest.fixture(scope="module")
def link(tmp_path_factory):
    made = ForkServerClient(specified(tmp_path_factory.mktemp("served"), HARNESS), VARIABLES)
    made.ready(60.0, "served.py", lambda: False)
    yield made
    made.close()


def begun(link, payload, job, **more):
    link.slots[ALONE].flight.load(payload)
    return link.fork(ALONE, {"name": job, **more})


def told(link, slot):
    """Its next message and payload; None where it has ended without one."""
    assert link.wait(lambda: bool(slot.inbox) or slot.death is not None, 60)
    return slot.inbox.popleft() if slot.inbox else None


@pytest.mark.parametrize(
    ("payload", "kind", "type_name"),
    [(b"fine", "ok", None), (b"refused", "refused", "ValueError"), (b"k", "exception", "KeyError"),
     (b"builtin", "damage", "builtins.len"), (b"low", "damage", "descriptors.closed"), (b"limit", "ok", None)],
)  # fmt: skip
def test_alone_tells_what_became_of_the_input_with_what_it_took(link, payload, kind, type_name):
    message, _ = told(link, begun(link, payload, "alone"))
    assert (message["kind"], message.get("type")) == (kind, type_name)
    assert 0 <= message["seconds"] < 20
    assert message["mebibytes"] >= 0


def test_one_that_nobody_hears_any_more_leaves_its_message_in_the_page(link):
    slot = begun(link, b"all", "alone")
    assert told(link, slot) is None
    assert (slot.death.code, slot.last_words()["type"]) == (115, "descriptors.closed")
    slot = begun(link, b"fine", "alone")
    assert told(link, slot)[0]["kind"] == "ok"
    assert slot.last_words() == {}


def test_many_run_one_after_another_and_none_runs_in_what_another_has_changed(link):
    slot = begun(link, b"", "many", held=True)
    seen = []
    for payload in (b"limit", b"builtin", b"k", b"low", b"opens", b"fine"):
        slot.answer({"run": 1}, payload)
        message, _ = told(link, slot)
        seen.append((message["kind"], max(0, message["left"]["descriptors"])))
    assert seen == [("ok", 0), ("damage", 0), ("exception", 0), ("damage", 0), ("ok", 1), ("ok", 0)]
    slot.answer({"end": 1})
    message, _ = told(link, slot)
    assert "builtins" in message["modules"]


def test_what_is_counted_and_left_behind_is_told_by_its_kind(link):
    message, _ = told(link, begun(link, b"opens", "leak", seconds=2.0))
    assert (message["growth"]["kind"], message["growth"]["amount"], message["where"]) == ("descriptors", 1, [])


@pytest.mark.slow
def test_memory_that_is_left_behind_is_told_and_the_larger_it_is_the_fewer_runs_are_made(link):
    runs = []
    for payload, least, most in ((b"holds", 40, 60), (b"reserves", 25_000, 33_000)):
        message, _ = told(link, begun(link, payload, "leak", seconds=2.0))
        assert message["growth"]["kind"] == ""
        assert least <= message["growth"]["amount"] <= most
        assert any(file.endswith("served.py") for file, _ in message["where"])
        runs.append(message["growth"]["runs"])
    assert runs[0] > 3 * runs[1]


def test_what_does_not_leak_is_told_as_that(link):
    message, _ = told(link, begun(link, b"fine", "leak", seconds=0.3))
    assert message["growth"] == {}


def test_minimise_tells_each_improvement_and_then_the_best(link):
    message, _ = told(link, begun(link, b"kkkkkkkk", "alone"))
    slot = begun(link, b"kkkkkkkk", "minimise", bucket=message["bucket"], seconds=20.0, poison=[])
    sizes = []
    while True:
        message, payload = told(link, slot)
        sizes.append(len(payload))
        if message.get("end"):
            break
    assert sizes == sorted(sizes, reverse=True)
    assert payload == b"k"


def test_consumed_is_empty_where_no_provider_was_used(link):
    message, _ = told(link, begun(link, b"fine", "consumed"))
    assert message["consumed"] == []
