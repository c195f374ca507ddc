from mlfuzz.storage.reserve import Reserve


def test_a_reserve_takes_up_real_blocks_and_gives_them_back_once(tmp_path):
    reserve = Reserve(tmp_path / "reserve", size_bytes=1 << 20)
    assert not reserve.held
    assert reserve.hold()
    assert reserve.path.stat().st_blocks * 512 >= 1 << 20
    assert reserve.hold()
    assert reserve.release()
    assert not reserve.held
    assert not reserve.release()


def test_a_reserve_that_cannot_be_made_is_no_error(tmp_path):
    assert not Reserve(tmp_path / "missing" / "reserve").hold()
