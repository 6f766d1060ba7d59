"""Blanks that some programs write too many of."""

import pytest

from mailcore.wire.blanks import tidy_blanks


@pytest.mark.parametrize(("sent", "tidied"), [
    ((b"a NOOP",), (b"a NOOP",)), ((b"a NOOP  ",), (b"a NOOP",)), ((b"a  FETCH 1   FLAGS",), (b"a FETCH 1 FLAGS",)),
    ((b"a FETCH 1 ( FLAGS BODY.PEEK[HEADER.FIELDS ( TO  CC ) ] )",), (b"a FETCH 1 (FLAGS BODY.PEEK[HEADER.FIELDS (TO CC) ])",)),
    ((b'a SEARCH  TEXT "a  b ( c )" ',), (b'a SEARCH TEXT "a  b ( c )"',)),
    ((b'a SEARCH TEXT "a\\"  b"  ALL',), (b'a SEARCH TEXT "a\\"  b" ALL',)), ((b'a  X "b  ',), (b'a X "b',)),
    ((b"a APPEND  x ", b"( two  blanks )", b"  "), (b"a APPEND x ", b"( two  blanks )", b"")),
    ((b"a STORE 1 FLAGS (   )",), (b"a STORE 1 FLAGS ()",)),
])  # fmt: skip
def test_what_means_nothing_goes_and_what_is_quoted_stays(sent, tidied):
    assert tidy_blanks(sent) == tidied
