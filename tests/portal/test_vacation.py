"""Out of office: the form, the script that comes of it, and the reply that goes out."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.domain import Away, Envelope
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.sieve_scripts import filters, out_of_office
from mailcore.store.queue.items import list_items, read_octets
from sieve import check_script
from tests.readers import by_python

MESSAGE = b"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"


def replies(core, ola) -> list:
    recipient = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
    asyncio.run(
        delivery.accept(core, Envelope("kari@outside.example", ("ola@alumni.example",)), [recipient], MESSAGE, b"")
    )
    return [item for item in core.db.read(lambda tx: list_items(tx)) if item.origin == "vacation"]


def test_the_form_sets_the_reply_and_takes_it_back(inside, core, ola):
    answer = inside.send("/vacation", active="y", subject="Borte", text='Jeg er borte.\r\n"Hilsen" Ola')
    assert answer.status_code == 303
    assert "Borte" in inside.get("/vacation").text
    [item] = replies(core, ola)
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, item))
    assert b"Subject: Borte\r\n" in octets
    assert b'Jeg er borte.\r\n"Hilsen" Ola' in octets
    inside.send("/vacation", subject="Borte", text="x")
    assert "vacation" not in filters.read_generated(core, ola.id)


@pytest.mark.parametrize(
    ("first", "last", "count"), [(-1, 1, 1), (1, 2, 0), (-2, -1, 0), (None, 0, 1), (0, None, 1), (None, None, 1)]
)
def test_only_on_the_days(core, ola, first, last, count):
    today = core.clock.now().astimezone(core.config.zone).date()
    begin, end = (None if offset is None else today + timedelta(days=offset) for offset in (first, last))
    out_of_office.save_away(core, ola.id, Away(True, begin, end, "Borte", "tekst"))
    assert len(replies(core, ola)) == count


@pytest.mark.parametrize(("at", "first", "last", "count"), [
    # Norway is one hour before UTC in winter and two in summer
    ("2026-12-23 22:59", "2026-12-24", "2026-12-26", 0),  # 23.59 the day before
    ("2026-12-23 23:00", "2026-12-24", "2026-12-26", 1),  # the first minute of the first day
    ("2026-12-26 22:59", "2026-12-24", "2026-12-26", 1),  # the last minute of the last day
    ("2026-12-26 23:00", "2026-12-24", "2026-12-26", 0),
    ("2026-07-01 21:59", "2026-07-02", "2026-07-02", 0),
    ("2026-07-01 22:00", "2026-07-02", "2026-07-02", 1),
    ("2026-07-02 21:59", "2026-07-02", "2026-07-02", 1),
    ("2026-07-02 22:00", "2026-07-02", "2026-07-02", 0),
    ("2026-03-28 23:00", "2026-03-29", "2026-03-29", 1),  # the day of 23 hours
    ("2026-03-29 21:59", "2026-03-29", "2026-03-29", 1),
    ("2026-03-29 22:00", "2026-03-29", "2026-03-29", 0),
    ("2026-10-24 22:00", "2026-10-25", "2026-10-25", 1),  # the day of 25 hours
    ("2026-10-25 22:59", "2026-10-25", "2026-10-25", 1),
    ("2026-10-25 23:00", "2026-10-25", "2026-10-25", 0),
])  # fmt: skip
def test_days_begin_and_end_by_the_clock_of_the_site(core, ola, at, first, last, count):
    """The first and the last day are whole days, on the days when the clock changes too."""

    class Then(Clock):
        def now(self):
            return datetime.fromisoformat(at).replace(tzinfo=UTC)

    then = replace(core, clock=Then())
    out_of_office.save_away(
        then, ola.id, Away(True, date.fromisoformat(first), date.fromisoformat(last), "Borte", "tekst")
    )
    assert len(replies(then, ola)) == count


def test_another_site_has_another_clock(tmp_path):
    core = cores.build(Config(data=str(tmp_path), timezone="America/New_York"))
    ola = accounts.add_account(core, "ola")

    class Then(Clock):
        def now(self):
            return datetime(2026, 12, 24, 4, 30, tzinfo=UTC)  # 23.30 in New York

    then = replace(core, clock=Then())
    out_of_office.save_away(then, ola.id, Away(True, None, date(2026, 12, 23), "Borte", "tekst"))
    assert len(replies(then, ola)) == 1
    cores.close(core)


@pytest.mark.parametrize("text", ['"; discard; #', "${1}", "a\n.\nb", "\\", "æøå 😀", ":tag"])
def test_whatever_is_typed_stays_text(core, ola, text):
    out_of_office.save_away(core, ola.id, Away(True, None, None, text.replace("\n", " "), text))
    assert check_script(filters.read_generated(core, ola.id)) == []
    [item] = replies(core, ola)
    assert by_python(core.db.read(lambda tx: read_octets(tx, core.blobs, item))).text == text


@pytest.mark.parametrize(
    "fields",
    [
        {"active": "y", "text": ""},
        {"active": "y", "text": "x", "first_day": "2026-12-02", "last_day": "2026-12-01"},
        {"first_day": "yesterday"},
    ],
)
def test_what_cannot_be_meant_is_told(inside, fields):
    answer = inside.send("/vacation", **fields)
    assert answer.status_code == 400
    assert 'class="error"' in answer.text


@pytest.mark.parametrize(
    ("first", "last", "active", "words"),
    [
        (-1, 1, True, "På: Den som skriver til deg, får svaret ditt, til og med"),
        (1, 2, True, "Venter: Svarene begynner"),
        (-2, -1, True, "Over: Siste dag var"),
        (None, None, True, "til du slår det av"),
        (None, None, False, "Av: Ingen får svar."),
    ],
)
def test_the_page_says_what_happens_today(inside, core, ola, first, last, active, words):
    today = core.clock.now().astimezone(core.config.zone).date()
    begin, end = (None if offset is None else today + timedelta(days=offset) for offset in (first, last))
    out_of_office.save_away(core, ola.id, Away(active, begin, end, "Borte", "tekst"))
    assert words in inside.get("/vacation").text
