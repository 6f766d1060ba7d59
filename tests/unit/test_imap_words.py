"""Words of IMAP: mailbox names in modified UTF-7, dates, sets of numbers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.errors import InvalidName
from mailcore.imap import names
from mailcore.imap.dates import date_time, read_date_time
from mailcore.imap.named_messages import cut_places, portions
from mailcore.imap.sequence import NumberSet, write_set
from mailcore.store.mail import uidset
from mailcore.store.mail.uidset import merged, ranges_of
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
    ("name", "levels", "found"),
    [
        ("a", 0, True),
        ("a/b", 0, False),
        ("a/b", 1, True),
        ("a/b/c", 1, False),
        ("a/b/c", None, True),
        ("ab", None, False),
        ("b/a", None, False),
        ("x/y/z", 1, True),
        ("x", None, False),
    ],
)
def test_mailboxes_within_others(name, levels, found):
    assert names.is_within(name, frozenset({"a", "x/y"}), levels=levels) is found


class Unlisted(frozenset):
    """A set that is asked, and never gone through."""

    def __iter__(self):
        raise AssertionError("each of them is looked at")


@pytest.mark.parametrize("levels", [0, 1, None])
def test_a_mailbox_is_not_compared_with_each_of_hundreds_of_others(levels):
    """NOTIFY of twenty groups of 500 subtrees compared 50 million names at each look at 5,000 mailboxes (CWE-400)."""
    assert not names.is_within("a/b/c", Unlisted(f"x{n}" for n in range(500)), levels=levels)


@pytest.mark.parametrize(
    ("sent", "among"),
    [(b"1", [1]), (b"2,4:*", [2, 4, 5]), (b"5:2", [2, 3, 4, 5]), (b"9:*", [5]), (b"1:4294967295", [1, 2, 3, 4, 5])],
)
def test_number_sets(sent, among):
    places = NumberSet.parse(Reader((sent,))).places_in([1, 2, 3, 4, 5])
    assert [place + 1 for run in places for place in run] == among


@pytest.mark.parametrize("sent", [b"0", b"", b"1:", b"4294967296", b"a"])
def test_what_is_no_number_set(sent):
    with pytest.raises(SyntaxProblem):
        NumberSet.parse(Reader((sent,)))


def test_ranges():
    assert ranges_of([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert write_set([1, 2, 3, 7]) == b"1:3,7"


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


UID_SETS = st.sets(st.integers(1, 25)).map(sorted)


@given(st.lists(st.tuples(st.integers(1, 25), st.integers(1, 25)), max_size=4), UID_SETS)
def test_places_are_those_of_the_uids_in_the_ranges(pairs, uids):
    ranges = merged((min(pair), max(pair)) for pair in pairs)
    runs = uidset.places_in(uids, ranges)
    is_within = uidset.within(ranges)
    assert [uids[place] for run in runs for place in run] == [uid for uid in uids if is_within(uid)]
    assert all(one.stop < other.start for one, other in itertools.pairwise(runs))


@given(UID_SETS, st.integers(1, 20))
def test_portions_are_the_whole_in_order(uids, size):
    places = uidset.places_in(uids, [(1, 8), (12, 60)])
    known = [uids[place] for run in places for place in run]
    parts = [[uid for uid in known if uidset.within(ranges)(uid)] for ranges in portions(uids, places, size)]
    assert [uid for part in parts for uid in part] == known
    assert all(len(part) == size for part in parts[:-1])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=6), st.integers(-9, 70), st.integers(-9, 70))
def test_places_are_cut_as_a_list_of_them_would_be(pairs, start, end):
    places = [range(first, first + size) for first, size in pairs]
    every = [place for run in places for place in run]
    cut = [place for run in cut_places(places, start, end) for place in run]
    assert cut == every[max(start, 0) : max(end, 0)]


@given(UID_SETS, UID_SETS)
def test_without_takes_out_these_and_no_others(uids, removed):
    rest = uidset.without(ranges_of(uids), removed)
    assert rest == ranges_of(sorted({*uids} - {*removed}))


@pytest.mark.parametrize("day", [b"03-Feb", b" 3-Feb", b"3-Feb", b"3-FEB", b"3-feb"])
def test_days_of_one_digit_are_read_however_they_are_written(day):
    at = read_date_time(Reader((b'"' + day + b'-2025 18:28:47 +0000"',)))
    assert date_time(int(at.timestamp())) == b'" 3-Feb-2025 18:28:47 +0000"'


@pytest.mark.parametrize("day", [b"-Feb", b"  3-Feb", b"0-Feb", b"30-Feb", b"003-Feb", b"3 -Feb", b"3-Fee"])
def test_days_that_do_not_exist_are_refused(day):
    with pytest.raises(SyntaxProblem):
        read_date_time(Reader((b'"' + day + b'-2025 18:28:47 +0000"',)))
