"""The events of an account are listed in the owner's language."""

import pytest

from mailcore.services import audit
from mailcore.services.accounts import desk
from mailcore.services.audit import Event
from mailcore.services.credentials import credentials
from mailcore.services.quota import quota
from mailcore.services.signin import recovery, two_factor
from mailcore.store.people.audit import insert_audit_entry
from portal.account import events
from portal.i18n import read_catalogues


@pytest.mark.parametrize("language", ["nb", "nn"])
def test_every_kind_of_event_has_a_text_in_every_language(language):
    catalogue = {message.id: message.string for message in read_catalogues(language) if isinstance(message.id, str)}
    missing = [
        event.name for event in Event if event not in events.WORDS or not catalogue.get(events.WORDS[event]._args[0])
    ]
    assert missing == [], "words in portal/account/events.py, then `make po` and their translation"


def test_no_two_kinds_are_told_by_the_same_words():
    told = [words._args[0] for words in events.WORDS.values()]
    assert len(set(told)) == len(told) == len(Event)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nb", "Kvoten ble endret"),
        ("nn", "Kvoten blei endra"),
        ("en", "The quota was changed"),
    ],
)
def test_the_owner_reads_what_happened_in_his_language(core, inside, ola, language, words):
    quota.change_quota(core, ola.id, 3 * 2**30, actor="agnes")
    page = inside.get(f"/account/logins?lang={language}").text
    assert words in page
    assert "3 GB" in page
    assert "agnes" in page


def test_nothing_in_the_log_of_a_busy_account_is_left_in_english(core, inside, ola):
    recovery.create_codes(core, ola)
    credentials.set_password(core, ola.id, "en annen god setning")
    two_factor.begin_totp(core, ola)
    desk.load_facts(core, ola.id, agent=ola)

    def note(tx):
        for event in Event:
            audit.note(core, tx, ola.id, event, actor="command line", detail="7")

    core.db.write(note)
    inside.log_in(password="en annen god setning")
    page = (
        inside.get("/account/logins?lang=nn").text.partition("<h2>Kva som hende")[2]
        or inside.get("/account/logins").text
    )
    assert [event for event in Event if f">{event}<" in page or f">{event} " in page] == []
    assert 'lang="en">' not in page.partition("<main")[2]


def test_an_event_of_an_older_version_is_shown_as_it_was_written(core, inside, ola):
    core.db.write(lambda tx: insert_audit_entry(tx, ola.id, core.clock.seconds(), "", "quota 4294967296", "before: 0"))
    assert '<span lang="en">quota 4294967296</span>' in inside.get("/account/logins").text


@pytest.mark.parametrize(("event", "detail", "told"), [
    (Event.ROOM_MADE, "4 messages, 1048576 octets", "4 messages, 1 MB"),
    (Event.MAIL_IMPORTED, "mbox: 4 messages, 1048576 octets", "mbox: 4 messages, 1 MB"),
    (Event.QUOTA_LOAN, "1073741824 octets", "1 GB"),
    (Event.QUOTA_CHANGED, "3221225472 octets, before 0", "3 GB, before unlimited"),
    (Event.QUOTA_CHANGED, "3221225472 octets, before 2147483648, until 2027-01-31", "3 GB until 31 January 2027, before 2 GB"),
    (Event.REMINDED_OF_PASSWORD, "30", "30 days before the university password stops"),
    (Event.REMINDED_OF_PASSWORD, "gone", "after you had left the university"),
    (Event.ORDERED, "feide, terms 2026-1", "by feide, terms 2026-1"),
    (Event.ORDER_APPROVED, "17, terms 2026-1", "order 17, terms 2026-1"),
    (Event.TICKET_OPENED, "12", "number 12"),
    (Event.SUNSET_TOLD, "2027-06-01", "1 June 2027"),
    (Event.SUNSET_READ, "mailbox", "in the mailbox"),
    (Event.CONTACT_ADDRESS_REMOVED, "<b>@x.example", "&lt;b&gt;@x.example"),
])  # fmt: skip
def test_details_are_told_as_people_read_them(core, inside, ola, event, detail, told):
    core.db.write(lambda tx: audit.note(core, tx, ola.id, event, detail=detail))
    assert f'<span class="hint">{told}</span>' in inside.get("/account/logins?lang=en").text
