"""Mailboxes in files: what is written is read back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail import mbox

AT = datetime(2026, 11, 24, 10, 0, 5, tzinfo=UTC)
LINES = st.lists(
    st.sampled_from(
        [
            b"",
            b"From me",
            b">From you",
            b">>From all",
            b"From a@b Tue Nov 24 10:00:00 2026",
            b"text",
            b".",
            b"x:y",
            b" ",
            b"\xe6",
        ]
    ),
    max_size=12,
)
HEADS = st.sampled_from([b"Subject: x\r\n", b"From: a@b\r\nSubject: x\r\n folded\r\n", b"", b"Status: own\r\n"])
FLAGS = st.frozensets(
    st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Work", "$Forwarded"])
)


def read(octets, limit=10**9):
    return list(mbox.read(octets.splitlines(keepends=True), limit))


def written(octets, flags=(), sender="", size=7):
    """The message given to the writer in pieces, cut anywhere."""
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    return b"".join(mbox.write(pieces, flags, AT, sender))


@given(st.binary(max_size=300), st.integers(1, 50))
def test_the_cut_of_a_message_does_not_matter(octets, size):
    assert written(octets, size=size) == written(octets, size=1000)


@given(st.lists(st.tuples(HEADS, LINES, FLAGS), max_size=4))
def test_messages_flags_and_dates_come_back(parts):
    messages = [(head + b"\r\n" + b"".join(line + b"\r\n" for line in lines), flags) for head, lines, flags in parts]
    file = b"".join(written(octets, flags, "kari@outside.example") for octets, flags in messages)
    assert [(found.octets, found.flags, found.at) for found in read(file)] == [
        (octets, flags, AT) for octets, flags in messages
    ]


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_file_is_read_without_an_error(octets):
    for found in read(octets):
        assert found.octets.endswith(b"\r\n")


@given(st.binary(max_size=200))
def test_whatever_is_written_is_one_message(octets):
    assert len(read(written(octets))) == 1


def test_files_of_other_programs_are_read():
    file = (
        b"From kari@outside.example Tue Nov 24 10:00:05 2026\nStatus: RO\nX-Status: AF\nX-Keywords: $Label1, Work\n"
        b"From: Kari\nDate: Mon, 23 Nov 2026 09:00:00 +0100\n\n>From here\n\nFrom x@y.example Wed Nov 25 10:00:00 2026 +0100\r\n"
        b"Subject: two\r\n\r\nbody"
    )
    first, second = read(file)
    assert first.octets == b"From: Kari\r\nDate: Mon, 23 Nov 2026 09:00:00 +0100\r\n\r\nFrom here\r\n"
    assert first.flags == {"\\Seen", "\\Answered", "\\Flagged", "$Label1", "Work"}
    assert (second.octets, second.at) == (b"Subject: two\r\n\r\nbody\r\n", datetime(2026, 11, 25, 9, tzinfo=UTC))


def test_a_message_that_is_too_large_is_left_out_and_the_next_one_read():
    file = written(b"A: b\r\n\r\n" + b"x" * 500 + b"\r\n") + written(b"A: c\r\n\r\n")
    assert [found and found.octets for found in read(file, 200)] == [None, b"A: c\r\n\r\n"]


@pytest.mark.parametrize("name", ["1700000000.1.host:2,FS", "x!2,SF", "x;2,FSq", "x_2,FS"])
def test_flags_of_maildir_names(name):
    assert mbox.maildir_flags(name) == {"\\Flagged", "\\Seen"}
    assert mbox.maildir_flags("1700000000.1.host") == frozenset()


@given(FLAGS)
def test_maildir_names_keep_the_system_flags(flags):
    kept = {flag for flag in flags if flag.startswith("\\")}
    assert mbox.maildir_flags(mbox.maildir_name("1.2.x", flags)) == kept
