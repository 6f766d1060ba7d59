"""Encoded words (RFC 2047) as programs write them, and as they should not."""

import pytest

from mailcore.mail.reading.charsets import decode as in_charset
from mailcore.mail.reading.header import decode


@pytest.mark.parametrize(("written", "read"), [
    ("=?utf-8?q?Bl=C3=A5b=C3=A6r?=", "Blåbær"),
    ("=?ISO-8859-1?Q?Keld_J=F8rn?= <keld@x.example>", "Keld Jørn <keld@x.example>"),
    ("=?utf-8?b?w6U=?= and =?utf-8?B?w6Y?=", "å and æ"),  # the second lacks its padding
    ("=?us-ascii?q?a?= =?iso-8859-1?q?=E5?=\r\n\t=?utf-8?q?b?=", "aåb"),
    ("(=?utf-8?q?a?=) =?utf-8?q?b?=", "(a) b"),
    ("=?utf-8?q?=C3?= =?utf-8?q?=A5?=", "å"),  # cut within a character
    ("=?utf-8*nb?q?b=C3=A6r?=", "bær"),
    ("Blå =?utf-8?q?b=C3=A6r?=", "Blå bær"),  # letters beside the word stand as UTF-8
    ("=?utf-8?q?Why_not??=", "Why not?"),
    ("re: =?utf-8?q?open", "re: =?utf-8?q?open"),
    ("=?utf-8?b?w?= x", "=?utf-8?b?w?= x"),
    ("=?klingon?q?=E5?= =?punycode?q?a-b?=", "åa-b"),
    ("=?utf-8?x?a?= =?", "=?utf-8?x?a?= =?"),
    ("=?UTF-8?B?Kévin?= x", "=?UTF-8?B?Kévin?= x"),  # labelled as base64, and never encoded
])  # fmt: skip
def test_encoded_words_are_read(written, read):
    assert decode(written.encode()) == read


@pytest.mark.parametrize("charset", ["", "klingon", "punycode", "idna", "base64", "zlib", "a\0b", "æ", "undefined"])
def test_what_is_no_charset_is_read_as_latin_1(charset):
    assert in_charset("blåbær".encode("latin-1"), charset) == "blåbær"


@pytest.mark.parametrize(
    "charset", ["UTF-8", "utf8", "Windows-1252", "ISO8859-15", "koi8-u", "GB18030", "big5", "utf-16"]
)
def test_charsets_have_many_spellings(charset):
    assert in_charset("abc".encode(charset), charset) == "abc"
