"""Octets from strangers, at random: accepted, or the documented error; nothing else.  `make fuzz` goes on for longer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

WORDS = st.sampled_from(
    b'( ) [ ] < > {3} {3+} " \\ $ * : , . ~ NIL ALL NOT OR UID FLAGS BODY BODY.PEEK BINARY BINARY.SIZE HEADER '
    b"HEADER.FIELDS MIME TEXT 1 0 2.1 1:* 4294967295 99999999999 RETURN SAVE MIN PARTIAL 1:2 -1:-2 CHANGEDSINCE "
    b"VANISHED QRESYNC CONDSTORE SUBJECT BEFORE 1-Jan-2026 CHARSET UTF-8 CATENATE URL /a;UID=1 UTF8 STATUS "
    b"(STATUS MESSAGES SET NONE personal (MessageNew /private/a %41 &- &AOY- \xc3\xa6 \xfe \xff \r \n \r\n \0 = "
    b"a=b n,, Content-Type: multipart/mixed; boundary=b --b --b-- message/rfc822 base64 quoted-printable "
    b"=?utf-8?q?a?= <p>".split(b" ")
)
INPUT = st.one_of(
    st.binary(max_size=300),
    st.lists(WORDS, max_size=25).map(b" ".join),
    st.lists(st.one_of(WORDS, st.binary(max_size=3)), max_size=40).map(b"".join),
)


@pytest.mark.parametrize("target", ["framer", "grammar", "message", "deflate"])
def test_any_octets_are_accepted_or_refused_as_documented(target):
    @settings(max_examples=300, deadline=None)
    @given(INPUT)
    def check(octets: bytes) -> None:
        TARGETS[target](octets)

    check()
