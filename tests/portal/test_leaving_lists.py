"""Leaving a mailing list from its message and from the page that makes room (N36)."""

import re

import pytest

from mailcore.errors import NotAllowed
from mailcore.services.webmail import list_leaving
from tests.portal.mailing import count, put, queued
from tests.services.test_list_leaving import newsletter


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Requests that went to lists; the way to them has tests of its own."""
    hosts: list[str] = []
    monkeypatch.setattr(list_leaving, "_ask", lambda core, account, page: hosts.append(page.host))
    return hosts


def test_n36_a_button_where_the_request_is_signed_and_nothing_on_opening(inside, core, ola, asked):
    uid = put(core, ola, newsletter(core, "https://news.example/u", mail="leave@outside.example"))
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert "Ett trykk sender avmeldingen til news.example." in page
    assert asked == []
    answer = inside.send(f"/mail/INBOX/{uid}", to=f"/mail/INBOX/{uid}/leave")
    assert answer.headers["Location"].endswith(f"/mail/INBOX/{uid}")
    assert asked == ["news.example"]
    assert "Du har meldt deg av denne listen." in inside.get(f"/mail/INBOX/{uid}").text


def test_n36_else_a_message_else_the_page_of_the_list(inside, core, ola):
    by_mail = put(core, ola, newsletter(core, "https://news.example/u", mail="leave@outside.example", signature=""))
    by_page = put(core, ola, newsletter(core, "https://news.example/u", signature=""))
    assert "/mail/compose?to=leave@outside.example" in inside.get(f"/mail/INBOX/{by_mail}").text.replace("%40", "@")
    assert re.search(
        r'href="https://news.example/u"[^>]*>Meld deg av hos news.example', inside.get(f"/mail/INBOX/{by_page}").text
    )


def test_n36_a_list_that_refuses_is_told_of(inside, core, ola, monkeypatch):
    def refuse(core, account, page):
        raise NotAllowed("no")

    monkeypatch.setattr(list_leaving, "_ask", refuse)
    uid = put(core, ola, newsletter(core, "https://news.example/u"))
    inside.send(f"/mail/INBOX/{uid}", to=f"/mail/INBOX/{uid}/leave")
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert "Listen bekreftet ikke avmeldingen." in page
    assert "Ett trykk" in page


def test_n36_making_room_stops_all_of_a_sender_and_tells_what_was_freed(inside, core, ola, asked):
    before = count(core, ola, "INBOX")
    for _ in range(3):
        put(core, ola, newsletter(core, "https://news.example/u"))
    put(
        core,
        ola,
        newsletter(core, "https://x.example/u", signature="", mail="off@x.example").replace(b"<news.", b"<other."),
    )
    stay = newsletter(core, "https://x.example/u", signature="").replace(b"<news.", b"<third.")
    put(core, ola, stay)
    senders = ["news.outside.example", "other.outside.example", "third.outside.example"]
    shown = inside.send("/quota?show=newsletters", to="/quota/choose", sender=senders, show="newsletters").text
    assert asked == []
    assert shown.count('name="leave"') == 2
    assert "Ett trykk sender avmeldingen til news.example." in shown
    assert "Med en melding til off@x.example." in shown
    assert "Meld deg av hos x.example" in shown
    inside.send("/quota?show=newsletters", to="/quota/remove", sender=senders, leave=senders[:2], show="newsletters")
    assert asked == ["news.example"]
    assert [item.recipient for item in queued(core)] == ["off@x.example"]
    assert count(core, ola, "INBOX") == before
    told = inside.get("/quota").text
    assert "Du har meldt deg av 2 lister." in told
    assert re.search(r"5 meldinger slettet: \d", told)


def test_n36_mail_of_a_list_that_was_not_left_stays(inside, core, ola, monkeypatch):
    def refuse(core, account, page):
        raise NotAllowed("no")

    monkeypatch.setattr(list_leaving, "_ask", refuse)
    before = count(core, ola, "INBOX")
    put(core, ola, newsletter(core, "https://news.example/u"))
    key = "news.outside.example"
    inside.send("/quota?show=newsletters", to="/quota/remove", sender=key, leave=key)
    assert count(core, ola, "INBOX") == before + 1
    assert "1 liste bekreftet ikke avmeldingen" in inside.get("/quota").text
