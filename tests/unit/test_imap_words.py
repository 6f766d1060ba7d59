import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.errors import InvalidName
from mailcore.imap import names
from mailcore.imap.dates import date_time, read_date_time
from mailcore.imap.sequence import NumberSet, merged, written
from mailcore.store.mail import uidset
from mailcore.store.mail.uidset import ranges_of
from mailcore.wire import sasl
from mailcore.wire.reader import Reader, SyntaxProblem


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_name_survives_modified_utf7(name):
    encoded = names.encode(name)
    assert encoded.isascii()
    assert names.decode(encoded) == name


@pytest.mark.parametrize(("name", "encoded"), [("Søppel", b"S&APg-ppel"), ("A&B", b"A&-B"), ("台北", b"&U,BTFw-")])
def test_modified_utf7(name, encoded):
    assert names.encode(name) == encoded
    assert names.decode(encoded) == name


def test_plain_utf8_is_read_too():
    assert names.decode("Søppel".encode()) == "Søppel"


def test_a_broken_name():
    with pytest.raises(InvalidName):
        names.decode(b"&2AA-")


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("*", "a/b", True), ("%", "a/b", False), ("%", "a", True), ("a/%", "a/b", True), ("a/%", "a/b/c", False),
        ("inbox", "INBOX", True), ("inbox/*", "INBOX/x", True), ("INB*", "INBOX", True), ("a*c", "abbc", True),
        ("a*c", "abbd", False), ("", "a", False), ("*" * 2000 + "x", "a" * 500, False),
    ],
)  # fmt: skip
def test_list_patterns(pattern, name, found):
    assert names.matches(pattern, name) is found


@pytest.mark.parametrize(
    ("sent", "among"),
    [(b"1", [1]), (b"2,4:*", [2, 4, 5]), (b"5:2", [2, 3, 4, 5]), (b"9:*", [5]), (b"1:4294967295", [1, 2, 3, 4, 5])],
)
def test_number_sets(sent, among):
    assert NumberSet.parse(Reader((sent,))).among([1, 2, 3, 4, 5]) == among


@pytest.mark.parametrize("sent", [b"0", b"", b"1:", b"4294967296", b"a"])
def test_what_is_no_number_set(sent):
    with pytest.raises(SyntaxProblem):
        NumberSet.parse(Reader((sent,)))


def test_ranges():
    assert ranges_of([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert written([1, 2, 3, 7]) == b"1:3,7"


def test_sasl_plain():
    assert sasl.plain(b"\0ola\0hemmelig") == sasl.Login("ola", "hemmelig")
    assert "hemmelig" not in repr(sasl.plain(b"\0ola\0hemmelig"))
    for wrong in (b"", b"\0ola", b"kari\0ola\0x", b"\0\xff\0x"):
        with pytest.raises(SyntaxProblem):
            sasl.plain(wrong)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=8), st.integers(0, 70))
def test_being_in_ranges_is_being_between_their_ends(pairs, uid):
    known = merged((min(pair), max(pair)) for pair in pairs)
    assert uidset.within(known)(uid) is any(first <= uid <= last for first, last in known)


@pytest.mark.parametrize("day", [b"03-Feb", b" 3-Feb", b"3-Feb", b"3-FEB", b"3-feb"])
def test_days_of_one_digit_are_read_however_they_are_written(day):
    at = read_date_time(Reader((b'"' + day + b'-2025 18:28:47 +0000"',)))
    assert date_time(int(at.timestamp())) == b'" 3-Feb-2025 18:28:47 +0000"'


@pytest.mark.parametrize("day", [b"-Feb", b"  3-Feb", b"0-Feb", b"30-Feb", b"003-Feb", b"3 -Feb", b"3-Fee"])
def test_days_that_do_not_exist_are_refused(day):
    with pytest.raises(SyntaxProblem):
        read_date_time(Reader((b'"' + day + b'-2025 18:28:47 +0000"',)))
