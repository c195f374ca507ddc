"""Words for libFuzzer."""

from __future__ import annotations

from mlfuzz.codefuzz.corpus.dictionary import (
    MOST,
    MOST_LEARNED,
    chosen,
    combined,
    constants,
    learned,
    parse,
    recommended,
    written,
)


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


PRINTED = rb"""#2834357	DONE   cov: 6 ft: 6 corp: 4/38b lim: 4096 exec/s: 708589 rss: 42Mb
###### Recommended dictionary. ######
"\001\002zq" # Uses: 17
"MAGIC1" # Uses: 108
"a\"\\\377" # Uses: 3
"x" # Uses: 200
###### End of recommended dictionary. ######
Done 2834357 runs in 4 second(s)
"""


def test_recommended_words_are_read_the_most_used_first():
    assert recommended(PRINTED) == [b"MAGIC1", b"\x01\x02zq", b'a"\\\xff']


def test_output_without_the_end_of_a_recommendation_has_none():
    assert recommended(PRINTED[:90]) == []
    assert recommended(b"") == []
    assert (
        recommended(b'###### Recommended dictionary. ######\nno word\n"ab" # Uses: x\n###### End of recommended') == []
    )


def test_learned_words_are_bounded_and_the_latest_stay():
    old = [b"%03d" % number for number in range(MOST_LEARNED)]
    kept = learned([b"new", b"005"], old)
    assert kept[:3] == [b"new", b"005", b"000"]
    assert len(kept) == MOST_LEARNED


def test_the_user_s_words_are_never_crowded_out():
    own, constants = [b"a_long_name_of_the_user"], [b"%04d" % number for number in range(5000)]
    words = combined(own, [b"learnt"], constants)
    assert words[:2] == [b"a_long_name_of_the_user", b"learnt"]
    assert len(words) == MOST
