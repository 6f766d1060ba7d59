"""Dates of strangers leave as times that every zone can tell, or as none (mail/dates.py)."""

from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail import dates
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
])  # fmt: skip
def test_a_date_is_told_or_is_none(written, told):
    found = dates.parse(written)
    assert (found.isoformat() if found else None) == told


words = "Mon, 1 31 Nov Feb 0000 0001 2026 9998 9999 10:00:00 23:59:60 +0100 -1200 +2359 -9999 GMT EST ( ;"
parts = st.sampled_from(words.split())


@given(st.one_of(st.text(max_size=60), st.lists(parts, max_size=9).map(" ".join)))
def test_any_date_can_be_told_in_any_zone(written):
    for found in (dates.parse(written), read_date(written)):
        if found is not None:
            assert found.tzinfo
            for zone in FAR:
                found.astimezone(zone).isoformat()
            found.astimezone(UTC).timestamp()
