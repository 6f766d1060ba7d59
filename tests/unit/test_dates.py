"""Dates of strangers leave as times that every zone can tell, or as none (mail/reading/dates.py)."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.reading import dates
from sieve.extensions.date import read_date

FAR = [timezone(timedelta(hours=hours)) for hours in (-23, 0, 23)]


@pytest.mark.parametrize(("written", "told"), [
    ("Mon, 2 Nov 2026 10:00:00 +0100", "2026-11-02T10:00:00+01:00"),
    ("2 Nov 26 10:00 GMT", "2026-11-02T10:00:00+00:00"),
    ("Mon, 2 Nov 2026 10:00:00 -0000", "2026-11-02T10:00:00+00:00"),
    ("Mon, 2 Nov 2026 10:00:00", "2026-11-02T10:00:00+00:00"),
    ("Mon, 2 Nov 2026 10:00:00 +0100 (CET)", "2026-11-02T10:00:00+01:00"),
    ("Fri, 31 Dec 9999 23:59:59 -1200", None), ("31 Dec 10000 00:00", None),
    ("Mon, 2 Nov 2026 25:00:00 +0100", None), ("Mon, 2 Nov 2026 10:00:00 +9999", None), ("yesterday", None), ("", None),
    ("0" * 100_000, None), ("9" * 5000 + " Nov 2026", None),
    # zones as programs write them
    ("Thu, 6 Oct 2022 12:27:13 +0200 (GMT+02:00)", "2022-10-06T12:27:13+02:00"),
    ("Wed, 26 Jul 23 17:21:17 UT", "2023-07-26T17:21:17+00:00"),
    ("Thu, 10 Jul 1997 14:53:31 EST5EDT", "1997-07-10T14:53:31-05:00"),
    ("Wed, 26 Jul 2023 17:21:17 CEST", "2023-07-26T17:21:17+02:00"),
    ("Wed, 26 Jul 2023 17:21:17 JST", "2023-07-26T17:21:17+09:00"),
    ("Wed, 26 Jul 2023 17:21:17 GMT+0200", "2023-07-26T17:21:17+02:00"),
    ("Wed, 26 Jul 2023 17:21:17 +02:00", "2023-07-26T17:21:17+02:00"),
    ("Fri, 24 Jul 2015 20:36:59 -0-100 -0700", "2015-07-24T20:36:59-07:00"),
    ("Wed, 26 Jul 2023 17:21:17 A", "2023-07-26T17:21:17+00:00"),
    ("Wed, 26 Jul 2023 17:21:17 NOWHERE", "2023-07-26T17:21:17+00:00"),
    ("Thu, 1 Oct 2015 14:40:57 +0200 (Mitteleuropäische Sommerzeit)", "2015-10-01T14:40:57+02:00"),
    # other orders and years
    ("Wed Jul 26 17:21:17 CEST 2023", "2023-07-26T17:21:17+02:00"),
    ("2023-07-26T17:21:17.123Z", "2023-07-26T17:21:17+00:00"), ("2023-07-26 17:21:17 +0200", "2023-07-26T17:21:17+02:00"),
    ("Jan 26, 2023 5:21 PM", "2023-01-26T17:21:00+00:00"), ("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37+00:00"),
    ("Sat, 1 Jan 100 00:00:00 +0000", "2000-01-01T00:00:00+00:00"),
    ("Sat, 31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59+00:00"),
    ("(x) Wed, 26 (day (of)) Jan 2023 17.21 +0100", "2023-01-26T17:21:00+01:00"),
    ('"Wed, 26 Jan 2023 17:21:17 +0100"', "2023-01-26T17:21:17+01:00"),
    # months in the language of somebody's computer
    ("lør., 3 des. 2022 10:00:00 +0100", "2022-12-03T10:00:00+01:00"),
    ("l\xf6r, 29 maj 1999 00:24:04 +0200", "1999-05-29T00:24:04+02:00"),
    ("Di, 17 Mai 2005 12:31:00", "2005-05-17T12:31:00+00:00"), ("Sun, 1 März 2026 10:00:00 +0100", "2026-03-01T10:00:00+01:00"),
    ("vr, 2 okt. 2020 10:00:00 +0200", "2020-10-02T10:00:00+02:00"), ("mar., 24 nov. 2026 10:00", "2026-11-24T10:00:00+00:00"),
    ("24. august 2026 kl. 17:00", "2026-08-24T17:00:00+00:00"), ("24 Augustine 2026 17:00", None),
    # numbers that nobody could mix up
    ("20230726T172117Z", "2023-07-26T17:21:17+00:00"), ("20230726T1721+0200", "2023-07-26T17:21:00+02:00"),
    ("2023/07/26 17:21:17 +0200", "2023-07-26T17:21:17+02:00"), ("2023-7-6 7:21", "2023-07-06T07:21:00+00:00"),
    ("2023-07-26", "2023-07-26T00:00:00+00:00"), ("26.07.2023 17:21 +0200", "2023-07-26T17:21:00+02:00"),
    ("26.07.2023, 17:21:17", "2023-07-26T17:21:17+00:00"), ("07.26.2023 17:21", None), ("2023-07/26", None),
    ("2023-07-261", None), ("20230726172117", None), ("26.07.23 17:21", None),
    ("1/2/2023 10:00:00", None), ("maybe 26 2010 10:00", None), ("Mon, 31 Feb 2023 10:00:00 +0000", None),
])  # fmt: skip
def test_a_date_is_told_or_is_none(written, told):
    found = dates.parse(written)
    assert (found.isoformat() if found else None) == told


words = "Mon, 1 31 Nov Feb 0000 0001 2026 9998 9999 10:00:00 23:59:60 +0100 -1200 +2359 -9999 GMT EST ( ;"
parts = st.sampled_from(words.split())


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - the zone comes after
    st.integers(-719, 719),
)
def test_a_date_as_the_grammar_says_is_that_date(at, minutes):
    at = at.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    forms = [
        at.strftime(form) for form in ("%d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y %z", "%a %b %d %H:%M:%S %z %Y")
    ]
    for written in (format_datetime(at), at.isoformat(), *forms):
        found = dates.parse(written)
        assert found == at
        assert found.utcoffset() == at.utcoffset()


@given(st.one_of(st.text(max_size=60), st.lists(parts, max_size=9).map(" ".join)))
def test_any_date_can_be_told_in_any_zone(written):
    for found in (dates.parse(written), read_date(written)):
        if found is not None:
            assert found.tzinfo
            for zone in FAR:
                found.astimezone(zone).isoformat()
            found.astimezone(UTC).timestamp()
