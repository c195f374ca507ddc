"""What a dead worker was doing can be read from its page."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mlfuzz.campaign.isolation.flight_recorder import (
    HEADER,
    MAGIC,
    PAGE_BYTES,
    FlightRecord,
    Recorder,
    StepRecord,
    read_flight,
    read_pulse,
)


def record(batch: int, *, columns: int = 4) -> FlightRecord:
    values = np.arange(columns, dtype=np.float32)
    step = StepRecord("image.rotate", 1, 0, 4, {"degrees": (values.dtype.str, values.tobytes())})
    return FlightRecord(batch, "execute", ["w00-0001-abcd"], np.zeros((4, 2), np.int64).tobytes(), [step])


def test_the_last_batch_and_the_phase_survive_a_kill(tmp_path: Path) -> None:
    page = tmp_path / "page"
    child = os.fork()
    if child == 0:
        recorder = Recorder(page)
        recorder.record(record(7), (4, 3, 8, 8))
        recorder.count(inputs=512, candidates=3)
        recorder.phase("judge")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    pulse, flight = read_pulse(page), read_flight(page)
    assert pulse is not None
    assert flight is not None
    assert (pulse.phase, pulse.batch, pulse.inputs, pulse.candidates) == ("judge", 7, 512, 3)
    assert flight.batch == 7
    name, data = flight.steps[0].columns["degrees"]
    assert np.frombuffer(data, np.dtype(name)).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_record_larger_than_the_page_is_left_out_and_the_worker_goes_on(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "page")
    recorder.record(record(1), (4, 3, 8, 8))
    recorder.record(record(2, columns=PAGE_BYTES), (4, 3, 8, 8))
    assert read_flight(tmp_path / "page") is None
    pulse = read_pulse(tmp_path / "page")
    assert pulse is not None
    assert pulse.batch == 2


def test_there_is_no_pulse_before_the_worker_has_begun(tmp_path: Path) -> None:
    assert read_pulse(tmp_path / "page") is None
    (tmp_path / "page").write_bytes(b"MLFZ")
    assert read_pulse(tmp_path / "page") is None
    assert read_flight(tmp_path / "page") is None


@pytest.mark.parametrize("size", [1 << 40, (1 << 64) - 1, PAGE_BYTES])
def test_a_page_whose_size_is_damaged_holds_no_batch(tmp_path: Path, size: int) -> None:
    Recorder(tmp_path / "page").record(record(1), (4, 3, 8, 8))
    page = bytearray((tmp_path / "page").read_bytes())
    page[HEADER.size - 8 : HEADER.size] = size.to_bytes(8, "little")
    (tmp_path / "page").write_bytes(page)
    assert read_flight(tmp_path / "page") is None


@pytest.mark.parametrize("body", [b"\x91" * 4000, b"\xff", b"\xa1\xff", msgspec.msgpack.encode({"batch": 1})])
def test_a_page_whose_body_is_damaged_holds_no_batch(tmp_path: Path, body: bytes) -> None:
    head = HEADER.pack(MAGIC, 2, 3, 1.0, 5.0, 1, 7, 0, len(body))
    (tmp_path / "page").write_bytes(head + body)
    assert read_flight(tmp_path / "page") is None


def test_half_an_identity_is_none(tmp_path: Path) -> None:
    body = msgspec.msgpack.encode(FlightRecord(3, "execute", ["w00-0001-abcd"], bytes(15), []))
    (tmp_path / "page").write_bytes(HEADER.pack(MAGIC, 2, 3, 1.0, 5.0, 1, 7, 0, len(body)) + body)
    assert read_flight(tmp_path / "page") is None
