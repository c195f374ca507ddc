import msgspec
import numpy as np
import pytest
from findings.samples import sample

from mlfuzz.errors import SchemaError
from mlfuzz.findings.finding import dumps, identify, loads


def test_a_record_comes_back_equal_and_names_its_schema():
    finding, _ = sample(evidence={"a": [1, 2.5, "x"]}, severity=0.25)
    assert loads(dumps(finding)) == finding
    assert msgspec.json.decode(dumps(finding))["schema"] == "mlfuzz.finding/1"
    assert dumps(finding).endswith(b"}\n")


def test_evidence_of_numpy_and_of_anything_else_can_be_written():
    finding, _ = sample(evidence={"array": np.arange(3), "number": np.float32(0.5), "path": object})
    evidence = loads(dumps(finding)).evidence
    assert evidence["array"] == [0, 1, 2]
    assert evidence["number"] == 0.5
    assert "object" in evidence["path"]


def test_half_a_surrogate_pair_in_a_message_can_be_written():
    finding, _ = sample(message="bad \ud800 text", evidence={"traceback": "\udfff"})
    back = loads(dumps(finding))
    assert back.message == "bad \\ud800 text"
    assert back.evidence == {"traceback": "\\udfff"}


def test_other_versions_and_damage_are_told_with_their_place():
    finding, _ = sample()
    with pytest.raises(SchemaError, match=r"here: schema 'mlfuzz\.finding/9'"):
        loads(dumps(finding).replace(b"finding/1", b"finding/9"), "here")
    with pytest.raises(SchemaError, match=r"here: .*edited"):
        loads(dumps(finding)[:-20], "here")
    with pytest.raises(SchemaError, match=r"here: .*edited"):
        loads(dumps(finding).replace(b'"kind": "', b'"kind": "\xff'), "here")
    with pytest.raises(SchemaError, match="colour"):
        loads(dumps(finding).replace(b'"kind"', b'"colour"'), "here")


def test_an_id_depends_on_input_target_and_oracle_and_on_nothing_else():
    ids = {identify(*parts) for parts in ((b"a", "b", "c"), (b"a", "bc", ""), (b"ab", "", "c"), (b"a", "b", "d"))}
    assert len(ids) == 4
    assert identify(b"a", "b", "c") == identify(b"a", "b", "c")
