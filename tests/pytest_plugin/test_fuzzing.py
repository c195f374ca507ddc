"""What a campaign after the regressions may fail a test run for."""

from __future__ import annotations

import msgspec
from pytest_plugin.lamp import Lamp

from mlfuzz.findings.record import read_record
from mlfuzz.pytest_plugin.fuzzing import known_of, new_faults


def test_only_confirmed_faults_that_the_corpus_does_not_keep_are_new_whether_selected_or_not(tmp_path):
    kept = read_record(Lamp(tmp_path).keep())
    same, blur, again, aside, candidate = (
        msgspec.structs.replace(kept, id=f"{number:016x}", shrunk=True, **changes)
        for number, changes in enumerate(
            [{}, {"fault": "blur"}, {"fault": "blur"}, {"fault": "noise", "triage": "quarantined"},
             {"fault": "crop", "verdict": "candidate"}]
        )
    )  # fmt: skip
    known = known_of("lamp", (), tmp_path / "corpus" / "regressions")
    assert new_faults([kept, same, blur, again, aside, candidate], known) == [blur]
    assert kept not in known_of("other", (), tmp_path / "corpus" / "regressions")
