"""Mailboxes in files: what is written is read back, and what others wrote is read rightly or refused."""

# ruff: noqa: E501 - tables of files, a case on a line

import mailbox
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailcore.mail.moving import maildir, mbox
from mailcore.mail.moving.mbox import NotMbox, Stored
from tests.processor import measure_cost

AT = datetime(2026, 11, 24, 10, 0, 5, tzinfo=UTC)
PIECES = st.sampled_from([
    b"\r\n", b"\n", b"\r", b"\r\r\n", b"\0", b"From ", b">From you", b">>From all", b"From a@b Tue Nov 24 10:00:00 2026", b"From - ", b"text", b".", b" ", b"\t",
    b"\xe6", b"Subject: x\r\n", b"Status: RO\r\n", b"X-Status: AF\r\n", b"X-Keywords: a\r\n", b"X-Alumnimail: 0\r\n", b"Content-Length: 3\r\n",
    b"X-IMAP: 1\r\nSubject: FOLDER INTERNAL DATA\r\n", b"X-Gmail-Labels: Spam\r\n", b"\r\n\r\n", b"\n\n",
])  # fmt: skip
OCTETS = st.one_of(st.binary(max_size=120), st.lists(PIECES, max_size=14).map(b"".join))
KEYWORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='(){%*"\\]'), min_size=1, max_size=12
)
FLAGS = st.frozensets(
    st.one_of(st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]), KEYWORDS), max_size=40
)
TIMES = st.builds(
    lambda at, minutes: at.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes))),
    st.datetimes(datetime(1, 1, 4), datetime(9999, 12, 28)),  # noqa: DTZ001 - the zone comes after
    st.integers(-720, 840),
)


def read(octets, limit=10**9):
    return list(mbox.read(octets.splitlines(keepends=True) if b"\r" not in octets else lines_of(octets), limit))


def lines_of(octets):
    """As an open file gives them: cut after line feeds alone."""
    return [line + b"\n" for line in octets.split(b"\n")[:-1]] + [octets.split(b"\n")[-1]] * (
        not octets.endswith(b"\n")
    )


def written(octets, flags=(), sender=b"", size=7, at=AT):
    """The message given to the writer in pieces, cut anywhere."""
    pieces = [octets[start : start + size] for start in range(0, len(octets), size)]
    return b"".join(mbox.write(lambda: pieces, flags, at, sender))


# Ours


@given(OCTETS, st.integers(1, 50))
def test_the_cut_of_a_message_does_not_matter(octets, size):
    assert written(octets, size=size) == written(octets, size=1000)


@given(st.lists(st.tuples(OCTETS, FLAGS, TIMES, st.binary(max_size=30)), max_size=4))
@example([(b"", frozenset(), AT, b""), (b"\r\n", frozenset(), AT, b"a\tb\rc d\ne")])
@example(
    [(b"x\r", frozenset({"a,b", "c"}), AT, b"\xff"), (b"x\n", frozenset(), AT, b""), (b"x\r\n", frozenset(), AT, b"")]
)
def test_any_messages_come_back_as_they_were(parts):
    file = b"".join(written(octets, flags, sender, at=at) for octets, flags, at, sender in parts)
    back = [(found.octets, found.flags, found.at, found.at.utcoffset()) for found in read(file)]
    assert back == [(octets, flags, at, at.utcoffset()) for octets, flags, at, _sender in parts]


@given(st.lists(st.tuples(OCTETS, st.binary(max_size=30)), min_size=1, max_size=4))
def test_pythons_reader_finds_the_same_messages(tmp_path_factory, parts):
    """An oracle of other hands: as many messages, no octet of theirs lost but `>` before From and ends of lines."""
    path = tmp_path_factory.mktemp("mbox") / "file"
    path.write_bytes(b"".join(written(octets, (), sender) for octets, sender in parts))
    box = mailbox.mbox(path, create=False)
    try:
        assert len(box) == len(parts)
        for key, (octets, _sender) in zip(box.keys(), parts, strict=True):
            theirs, ours = (text.translate(None, b"\r>").rstrip(b"\n") for text in (box.get_bytes(key), octets))
            assert theirs.endswith(ours)
    finally:
        box.close()


def test_a_file_of_ours_that_got_other_ends_of_lines_is_read():
    message = b"Subject: x\r\n\r\nFrom here\r\nto there\r\n"
    file = (written(message, ["\\Seen"]) + written(message)).replace(b"\n", b"\r\n")
    assert [found.octets for found in read(file)] == [message, message]


def test_files_of_earlier_releases_are_read():
    file = b"From a\tb\rc Tue Nov 24 10:00:05 2026\nStatus: RO\nX-Status: F\nX-Keywords: $Work a,b\nStatus: own\nA: b\n\n>From x\n\n"
    assert read(file) == [
        Stored(b"Status: own\r\nA: b\r\n\r\nFrom x\r\n", frozenset({"\\Seen", "\\Flagged", "$Work", "a", "b"}), AT)
    ]


@pytest.mark.slow
def test_a_message_that_is_too_large_is_left_out_and_the_next_one_read():
    file = written(b"A: b\r\n\r\n" + b"x" * 500 + b"\r\n") + written(b"A: c\r\n\r\n")
    file += written(b"A: d\r\n\r\n" + b"x" * 500_000 + b"\r\n") + written(b"A: e\r\n\r\n")
    assert [found and found.octets for found in read(file, 200)] == [None, b"A: c\r\n\r\n", None, b"A: e\r\n\r\n"]


# Others'

DATED = b"From a@b.example Thu Jun 11 19:21:48 2020\n"
ONE, TWO = b"From: a@b.example\nSubject: one\n\nx\n", b"From: c@d.example\nSubject: two\n\ny\n"
BOTH = [ONE.replace(b"\n", b"\r\n"), TWO.replace(b"\n", b"\r\n")]
CUT = {  # file: the messages in it
    "python": (DATED + ONE + b"\n" + DATED + TWO + b"\n", BOTH),
    "no blank lines": (DATED + ONE + DATED + TWO, BOTH),
    "no end": (DATED + ONE + b"\n" + DATED + TWO[:-1], BOTH),
    "thunderbird, lone": (b"From - \n" + ONE + b"\nFrom - \n" + TWO + b"\n", BOTH),
    "thunderbird, nothing": (b"From \n" + ONE + b"\nFrom \n" + TWO + b"\n", BOTH),
    "thunderbird, date": (b"From - Thu Jun 11 19:21:48 2020\n" + ONE + b"\nFrom - Thu Jun 11 19:21:48 2020\n" + TWO + b"\n", BOTH),
    "lone, no blank lines": (b"From - \n" + ONE + b"From 123@example\n" + TWO + b"\n", BOTH),
    "crlf": ((DATED + ONE + b"\n" + DATED + TWO + b"\n").replace(b"\n", b"\r\n"), BOTH),
    "crlf, lone": ((b"From - \n" + ONE + b"\nFrom - \n" + TWO).replace(b"\n", b"\r\n"), BOTH),
    "cr": ((DATED + ONE + b"\n" + DATED + TWO + b"\n").replace(b"\n", b"\r"), BOTH),
    "crlf messages, lf between": (DATED + ONE.replace(b"\n", b"\r\n") + b"\n" + DATED + TWO.replace(b"\n", b"\r\n") + b"\n", BOTH),
    "utf-8 mark": (b"\xef\xbb\xbf" + DATED + ONE + b"\n" + DATED + TWO, BOTH),
    "blank lines first": (b"\n\r\n" + DATED + ONE + b"\n" + DATED + TWO, BOTH),
    "gmail": (b"From 1669@xxx Thu Jun 11 19:21:48 +0000 2020\nX-GM-THRID: 1669\nX-Gmail-Labels: Inbox\n" + ONE
              + b"\nFrom 1670@xxx Thu Jun 11 19:21:48 +0000 2020\nX-GM-THRID: 1670\n" + TWO, BOTH),
    "mailman": (b"From ann at b.example  Thu Jun 11 19:21:48 2020\n" + ONE + b"\nFrom ann at b.example  Thu Jun 11 19:21:48 2020\n" + TWO, BOTH),
    "zone by name": (b"From a@b Thu Jun 11 19:21:48 CEST 2020\n" + ONE + b"\nFrom a@b Thu Jun 11 19:21 MET 2020\n" + TWO, BOTH),
    "rfc 2822 date": (b"From a@b Thu, 11 Jun 2020 19:21:48 +0200\n" + ONE + b"\nFrom a@b Thu, 11 Jun 2020 19:21:48 +0200\n" + TWO, BOTH),
    "odd date": (DATED + ONE + b"\nFrom a@b 2020-06-11 19:21:48\n" + TWO, BOTH),
    "uucp": (b"From a!b Thu Jun 11 19:21:48 2020 remote from uni\n" + ONE + b"\n" + DATED + TWO, BOTH),
    "sender with blanks": (b'From "a b"@c Thu Jun 11 19:21:48 2020\n' + ONE + b"\n" + DATED + TWO, BOTH),
    "no sender": (b"From Thu Jun 11 19:21:48 2020\n" + ONE + b"\n" + DATED + TWO, BOTH),
    "status of all": (DATED + b"X-UID: 7\nStatus: RO\nX-Mozilla-Keys:   \nX-IMAPbase: 1 2 Work\n" + ONE + b"\n" + DATED + TWO, BOTH),
    "words in a text": (DATED + ONE + b"\nFrom 08:00 to 16:00 the office is open.\n", [BOTH[0] + b"\r\nFrom 08:00 to 16:00 the office is open.\r\n"]),
    "words after a text": (DATED + ONE + b"From Monday\nFrom - \nFrom a@b\n", [BOTH[0] + b"From Monday\r\nFrom - \r\nFrom a@b\r\n"]),
    "words and a colon": (DATED + ONE + b"\nFrom Monday\nOpening: 8\n", [BOTH[0] + b"\r\nFrom Monday\r\nOpening: 8\r\n"]),
    "a quotation": (DATED + ONE + b"\nFrom Ann's mail:\nFrom: Ann\nSubject: x\n\n", [BOTH[0] + b"\r\nFrom Ann's mail:\r\nFrom: Ann\r\nSubject: x\r\n"]),
    "a From line in a text": (DATED + ONE + DATED + b"is such a line.\n", [BOTH[0] + DATED.replace(b"\n", b"\r\n") + b"is such a line.\r\n"]),
    "mboxrd": (DATED + ONE + b"\n>From x\n>>From y\n > From z\n\n" + DATED + TWO, [BOTH[0] + b"\r\nFrom x\r\n>From y\r\n > From z\r\n", BOTH[1]]),
    "mboxcl2": (DATED + b"Content-Length: 46\n" + ONE + b"\n" + DATED + b">\n" + DATED + TWO, [BOTH[0] + b"\r\n" + DATED[:-1] + b"\r\n>\r\n", BOTH[1]]),
    "mboxcl2 keeps >": (DATED + b"Content-Length: 17\n" + ONE + b"From x\n>From y\n\n" + DATED + TWO, [BOTH[0] + b"From x\r\n>From y\r\n", BOTH[1]]),
    "mboxcl": (DATED + b"Content-Length: 10\n" + ONE + b">From y\n\n" + DATED + TWO, [BOTH[0] + b"From y\r\n", BOTH[1]]),
    "content-length without line end": (DATED + b"Content-Length: 1\n" + ONE + b"\n" + DATED + TWO, BOTH),
    "wrong content-length": (DATED + b"Content-Length: 900\n" + ONE + b"\n" + DATED + TWO, [b"Content-Length: 900\r\n" + BOTH[0], BOTH[1]]),
    "content-length 0": (DATED + b"Content-Length: 0\n" + ONE + b"\n" + DATED + TWO, [b"Content-Length: 0\r\n" + BOTH[0], BOTH[1]]),
    "c-client's own message": (b"From MAILER-DAEMON Thu Jun 11 19:21:48 2020\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nx\n\n"
                               + DATED + ONE + b"\n" + DATED + TWO, BOTH),
    "no header": (DATED + b"\nx\n\n" + DATED + TWO, [b"\r\nx\r\n", BOTH[1]]),
    "header alone": (DATED + b"Subject: x\n\n" + DATED + TWO, [b"Subject: x\r\n\r\n", BOTH[1]]),
    "nothing between": (DATED + b"\n" + DATED + b"\n" + DATED, [b"", b"", b""]),
    "a line twice": (DATED + DATED + ONE + b"\n" + DATED + DATED + TWO, BOTH),
    "a line twice, quoted": (DATED + b">From - Sat Apr 12 2025 15:59:28\n" + ONE + b"\n" + DATED + b">>" + DATED + TWO, BOTH),
    "a dated line of a text": (DATED + ONE + b"\n" + DATED + b"he wrote\n\n" + DATED + TWO, [BOTH[0] + b"\r\n" + DATED.replace(b"\n", b"\r\n") + b"he wrote\r\n", BOTH[1]]),
    "the field From quoted": (DATED + b">" + ONE + b">Fromage\n\n" + DATED + b">" + TWO, [BOTH[0] + b"Fromage\r\n", BOTH[1]]),
    "nothing": (b"", []),
}  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_messages_of_other_programs_are_cut_rightly(name):
    file, messages = CUT[name]
    assert [found.octets for found in read(file)] == messages


@pytest.mark.parametrize(
    "file",
    [b"\n", b"\n\n \n", b"Subject: x\n\nFrom here\n", b"From here to there\nit is far\n", b"*mbx*\r\n12345678\r\n", b"PK\x03\x04", b"\xff\xfeF\0r\0o\0m\0",
     b"From Monday\nit is open\n", b"x\n" + DATED + ONE],
)  # fmt: skip
def test_a_file_that_does_not_begin_with_a_message_is_none(file):
    with pytest.raises(NotMbox):
        read(file)


MARKS = {
    b"Status: RO\nX-Status: AF\nX-Keywords: $Label1, Work\nSubject: x\n": {
        "\\Seen",
        "\\Answered",
        "\\Flagged",
        "$Label1",
        "Work",
    },
    b"Subject: x\nStatus: O\nX-Status: DT\n": {"\\Deleted", "\\Draft"},
    b"X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\n": {"\\Seen"},
    b"X-Mozilla-Status: 0003\n": {"\\Seen", "\\Answered"},
    b"X-Mozilla-Status: 1015\nX-Mozilla-Status2: 10000000\n": {"\\Seen", "\\Flagged", "$Forwarded"},
    b"X-Mozilla-Status: 0009\n": {"\\Seen", "\\Deleted"},
    b"X-Mozilla-Status: 0000\nX-Mozilla-Status2: 00200000\n": {"\\Deleted"},
    b"X-Mozilla-Status: 0000\nX-Mozilla-Status2: 04000000\n": {"$label2"},
    b"X-Mozilla-Keys: $label1 NonJunk s(x                      \n": {"$label1", "NonJunk"},
    b"X-Mozilla-Status: yes\nX-Mozilla-Status2: fffffffff\n": set(),
    b"X-Evolution: 00000001-0019\n": {"\\Seen", "\\Answered", "\\Flagged"},
    b"X-Keywords: \xc3\xa6 a{b ok\n": {"ok"},
}


@pytest.mark.parametrize("block", MARKS)
def test_flags_that_other_programs_noted_come_in_and_their_fields_do_not(block):
    (found,) = read(DATED + block + b"Kept: yes\n\nx\n")
    assert found.flags == MARKS[block]
    assert found.octets.replace(b"Subject: x\r\n", b"") == b"Kept: yes\r\n\r\nx\r\n"


@pytest.mark.parametrize(("begin", "at"), [
    (b"From a@b Wed Nov 25 10:00:00 2026 +0100", datetime(2026, 11, 25, 9, tzinfo=UTC)),
    (b"From a@b Wed Nov 25 10:00:00 +0100 2026", datetime(2026, 11, 25, 9, tzinfo=UTC)),
    (b"From a@b Wed Nov  5 10:00:00 2026", datetime(2026, 11, 5, 10, tzinfo=UTC)),
    (b"From a@b Wed Nov 25 10:00 2026", datetime(2026, 11, 25, 10, tzinfo=UTC)),
    (b"From a@b Wed, 25 Nov 2026 10:00:00 +0100", datetime(2026, 11, 25, 9, tzinfo=UTC)),
    (b"From - ", datetime(2026, 11, 23, 8, tzinfo=UTC)),
    (b"From - Thu Jan  1 00:00:00 1970", datetime(2026, 11, 23, 8, tzinfo=UTC)),
    (b"From a@b Wed Nov 99 99:99:99 2026", datetime(2026, 11, 23, 8, tzinfo=UTC)),
])  # fmt: skip
def test_dates_are_the_from_lines_else_the_date_fields(begin, at):
    (found,) = read(begin + b"\nDate: Mon, 23 Nov 2026 09:00:00 +0100\n\nx\n")
    assert found.at == at


@given(
    st.one_of(
        st.binary(max_size=300), st.lists(st.one_of(PIECES, st.sampled_from([DATED, ONE])), max_size=20).map(b"".join)
    )
)
def test_whatever_stands_in_a_file_is_read_or_refused(octets):
    try:
        found = read(octets, 200)
    except NotMbox:
        return
    assert found or not octets or b"FOLDER INTERNAL DATA" in octets
    assert all(
        one is None or not one.octets or one.octets.endswith(b"\r\n") or b"X-Alumnimail" in octets for one in found
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        b"From x\n",
        b"From - \nFrom: a\n",
        DATED,
        b"\n" + DATED + b"he wrote\n",
        b"From x@y\nSubject: a\nContent-Length: 20000000\n\n",
        b">From x\n",
        b"\n",
        b"From x\r",
    ],
)
def test_a_file_of_one_line_again_and_again_is_read_in_linear_time(line):
    def seconds(count):
        file = DATED + b"A: b\n\n" + line * count
        return measure_cost(lambda: list(mbox.read(lines_of(file), 10**8)))

    assert seconds(40_000) < 8 * max(seconds(10_000), 0.05)


def test_a_message_of_one_long_line_is_written_in_linear_time():
    def seconds(count):
        pieces = [b"x" * 1000] * count
        return measure_cost(lambda: list(mbox.write(lambda: pieces, (), AT)))

    assert seconds(8_000) < 8 * max(seconds(2_000), 0.05)


# Maildir


@pytest.mark.parametrize("name", ["1700000000.1.host:2,FS", "x!2,SF", "x;2,FSq", "x_2,FS"])
def test_flags_of_maildir_names(name):
    assert maildir.read_name(name).flags == {"\\Flagged", "\\Seen"}
    assert maildir.read_name("1700000000.1.host").flags == frozenset()


@given(st.integers(1, 2**32 - 1), FLAGS, TIMES)
def test_maildir_names_keep_flags_and_time(uid, flags, at):
    letters = maildir.Letters()
    marks, others = letters.make_letters(flags)
    found = maildir.read_name(maildir.write_name(uid, at, flags, marks))
    known = maildir.read_keywords(letters.lines())
    more = maildir.read_others([f"{uid} {' '.join(others)}", "x y", "", "-1 a", "7 {"])
    assert found.flags | maildir.keywords_of(found.letters, known) | more[uid] == flags
    assert (found.at, found.at.utcoffset(), found.uid) == (at, at.utcoffset(), uid)


def test_dovecots_keywords_are_read():
    known = maildir.read_keywords(["0 $Forwarded\n", "1 Work\n", "25 z\n", "26 no\n", "x\n", "2 a b\n", "\n"])
    assert known == {"a": "$Forwarded", "b": "Work", "z": "z"}


_PATCH = b"From 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\nFrom: A <a@x>\nSubject: [PATCH]\n\n---\n\n"
_LETTER = b"From a@x.example Fri Apr 11 15:36:11 2025\nSubject: see\n\nThis one:\n\n"


@pytest.mark.parametrize(
    ("file", "subjects"),
    [
        (_LETTER + _PATCH, [b"see"]),
        (_LETTER + _PATCH + _LETTER, [b"see", b"see"]),
        (_PATCH + _PATCH, [b"[PATCH]", b"[PATCH]"]),
    ],
)
def test_a_patch_within_a_message_begins_none_and_a_file_of_patches_is_one(file, subjects):
    assert [one.octets.partition(b"Subject: ")[2].partition(b"\r\n")[0] for one in read(file)] == subjects
