import random

from mlfuzz.storage.frame import HEAD_BYTES, Kind, head, matches, next_head, read_head, salt

SALT = salt("w00-0001-00000000", 1)


def test_a_head_says_what_its_body_is():
    body = b"some words"
    data = head(Kind.HEADER, body, SALT) + body
    seen = read_head(data, 0, SALT)
    assert seen is not None
    assert (seen.kind, seen.length) == (Kind.HEADER, len(body))
    assert matches(data[HEAD_BYTES:], seen, SALT)


def test_a_flipped_bit_in_a_head_or_a_body_never_goes_unseen():
    body = random.Random(1).randbytes(40)
    whole = head(Kind.VECTOR, body, SALT) + body
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        seen = read_head(bytes(data), 0, SALT)
        assert seen is None or not matches(bytes(data[HEAD_BYTES:]), seen, SALT)


def test_a_frame_of_another_segment_inside_a_payload_is_no_frame_of_this_one():
    other = salt("w00-0001-00000000", 2)
    inner = head(Kind.HEADER, b"forged", other) + b"forged"
    assert next_head(b"torn" + inner, 1, SALT) == -1
    assert next_head(b"torn" + inner, 1, other) == 4


def test_the_next_head_is_found_after_any_rubbish():
    rng = random.Random(2)
    frame = head(Kind.HEADER, b"x", SALT) + b"x"
    for length in range(1, 60):
        rubbish = rng.randbytes(length)
        assert next_head(rubbish + frame, 1, SALT) == length
