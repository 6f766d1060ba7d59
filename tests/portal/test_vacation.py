"""Out of office: the form, the script that comes of it, and the reply that goes out."""

import asyncio
from datetime import timedelta

import pytest

from mailcore.domain import Away, Envelope
from mailcore.services import away, delivery, filters
from sieve import check_script

MESSAGE = b"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"


def replies(core, ola) -> list:
    recipient = core.db.read(lambda tx: delivery.check_recipient(core, tx, "ola@alumni.example", None, authenticated=False))
    asyncio.run(delivery.accept(core, Envelope("kari@outside.example", ("ola@alumni.example",)), [recipient], MESSAGE, b""))
    return [item for item in core.db.read(lambda tx: core.queue.listing(tx)) if item.origin == "vacation"]


def test_the_form_sets_the_reply_and_takes_it_back(inside, core, ola):
    answer = inside.send("/vacation", active="y", subject="Borte", text='Jeg er borte.\r\n"Hilsen" Ola')
    assert answer.status_code == 303
    assert "Borte" in inside.get("/vacation").text
    [item] = replies(core, ola)
    octets = core.db.read(lambda tx: core.queue.octets(tx, item))
    assert b"Subject: Borte\r\n" in octets
    assert b'Jeg er borte.\r\n"Hilsen" Ola' in octets
    inside.send("/vacation", subject="Borte", text="x")
    assert "vacation" not in filters.generated(core, ola.id)


@pytest.mark.parametrize(
    ("first", "last", "count"), [(-1, 1, 1), (1, 2, 0), (-2, -1, 0), (None, 0, 1), (0, None, 1), (None, None, 1)]
)
def test_only_on_the_days(core, ola, first, last, count):
    today = core.clock.now().date()
    days = [today + timedelta(days=offset) if offset is not None else None for offset in (first, last)]
    away.save(core, ola.id, Away(True, *days, "Borte", "tekst"))
    assert len(replies(core, ola)) == count


@pytest.mark.parametrize("text", ['"; discard; #', "${1}", "a\n.\nb", "\\", "æøå 😀", ":tag"])
def test_whatever_is_typed_stays_text(core, ola, text):
    away.save(core, ola.id, Away(True, None, None, text.replace("\n", " "), text))
    assert check_script(filters.generated(core, ola.id)) == []
    [item] = replies(core, ola)
    assert text.replace("\n", "\r\n").encode() in core.db.read(lambda tx: core.queue.octets(tx, item))


@pytest.mark.parametrize("fields", [
    {"active": "y", "text": ""}, {"active": "y", "text": "x", "first_day": "2026-12-02", "last_day": "2026-12-01"},
    {"first_day": "yesterday"},
])  # fmt: skip
def test_what_cannot_be_meant_is_told(inside, fields):
    answer = inside.send("/vacation", **fields)
    assert answer.status_code == 400
    assert 'class="error"' in answer.text
