"""Words for libFuzzer."""

from __future__ import annotations

from mlfuzz.codefuzz.dictionary import chosen, constants, parse, written


def test_constants_of_nested_code_are_found_and_documentation_is_not():
    text = '''
"""A module that documents itself."""
MAGIC = b"RIFF"
def f(data):
    """Say nothing."""
    def g():
        return data in (b"fmt ", b"data") or data == "chunk" or len(data) > 0xCAFE
    return g
'''
    found = constants(compile(text, "x", "exec"))
    assert {b"RIFF", b"fmt ", b"data", b"chunk", b"\xca\xfe", b"\xfe\xca"} <= set(found)
    assert not any(b"nothing" in word or b"documents" in word for word in found)


def test_a_dictionary_is_read_and_written_back_the_same():
    words, refused = parse(b'# comment\nname="RIFF"\n"\\x00\\xff"\nkey@2="a\\"b\\\\"\n\nnonsense\n')
    assert words == [b"RIFF", b"\x00\xff", b'a"b\\']
    assert len(refused) == 1
    assert "line 6" in refused[0]
    assert parse(written(words))[0] == words


def test_the_choice_is_bounded_and_prefers_bytes_of_a_format_to_names():
    words = [b"some_function_name%d" % number for number in range(2000)] + [b"\x89PNG"]
    picked = chosen(words, 10)
    assert len(picked) == 10
    assert picked[0] == b"\x89PNG"
