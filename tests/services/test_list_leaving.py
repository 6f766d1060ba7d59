"""One press leaves a mailing list (N36): only where the list's own request is signed, and never by opening the message."""

from collections.abc import Iterator

import pytest

from mailcore import core as cores
from mailcore.config import Config, Dns
from mailcore.errors import NotAllowed, TooMany
from mailcore.mail.reading.fields import Header
from mailcore.services.accounts import accounts
from mailcore.services.quota import cleanup
from mailcore.services.webmail import list_leaving, mail_actions, mail_view, remote_pictures
from tests.machine import dripping
from tests.outside import dns_server
from tests.portal.mailing import flags, put, queued, sent_octets
from tests.receiver import Receiver, running_outside

ZONE = {("news.example", "A"): ["127.0.0.1"]}
PASS = "dkim=pass header.d=outside.example header.s=k1"
SIGNATURE = "v=1; a=rsa-sha256; d=outside.example; s=k1; h=from:list-unsubscribe: list-unsubscribe-post; b=x"


@pytest.fixture
def core(tmp_path, clock):
    with dns_server(ZONE) as dns:
        made = cores.build(Config(data=str(tmp_path), dns=Dns((dns,))), clock)
        yield made
        cores.close(made)


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola", display_name="Ola Nordmann", password="correct horse battery")


@pytest.fixture
def lists(tmp_path, monkeypatch) -> Iterator[Receiver]:
    """A server of lists at news.example."""
    with running_outside(tmp_path, monkeypatch, "news.example", "/u?id=7") as server:
        yield server


def newsletter(
    core, address, *, result=PASS, signature=SIGNATURE, more="", mail="", sender="n@outside.example"
) -> bytes:
    mail_too = f", <mailto:{mail}>" if mail else ""
    return (
        f"Authentication-Results: {core.config.host}; {result}\r\n"
        + (f"DKIM-Signature: {signature}\r\n" if signature else "")
        + f"From: News <{sender}>\r\nTo: ola@alumni.example\r\nSubject: News\r\nList-Id: <news.outside.example>\r\n"
        f"List-Unsubscribe: <{address}>{mail_too}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n{more}\r\nNews!\r\n"
    ).encode()


def test_n36_one_press_asks_once_with_nothing_of_the_reader(core, ola, lists):
    uid = put(core, ola, newsletter(core, lists.url))
    reading = mail_view.read_message(core, ola.id, "INBOX", uid)
    assert reading.leaving.press
    assert not reading.has_left
    assert lists.told == []  # opening asks nobody
    assert list_leaving.press(core, ola.id, "INBOX", uid) == "news.example"
    [told] = lists.told
    assert (told.path, told.body) == ("/u?id=7", b"List-Unsubscribe=One-Click")
    assert told.fields["content-type"] == "application/x-www-form-urlencoded"
    assert set(told.fields) <= {"host", "content-type", "content-length", "user-agent", "connection", "accept-encoding"}
    assert "$Unsubscribed" in flags(core, ola, uid)
    assert mail_view.read_message(core, ola.id, "INBOX", uid).has_left


@pytest.mark.parametrize(
    "changed",
    [
        {"result": "dkim=fail header.d=outside.example header.s=k1"},
        {"result": "spf=pass smtp.mailfrom=outside.example; dmarc=pass header.from=outside.example"},
        {"result": "dkim=pass header.d=other.example header.s=k1"},
        {"result": "dkim=pass header.d=outside.example header.s=k2"},
        {"result": f"{PASS}; dkim=fail header.d=outside.example header.s=k1"},  # which of the two covers it?
        {"signature": ""},
        {"signature": SIGNATURE.replace(": list-unsubscribe-post", "")},
        {"signature": SIGNATURE.replace("list-unsubscribe:", "subject:")},
        {"signature": SIGNATURE.replace("d=outside", "d=other"), "result": PASS.replace("outside", "other")},
        {"sender": "n@other.example"},
        {"more": "List-Unsubscribe: <https://evil.example/>\r\n"},
        {"more": "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"},
        {"more": f"DKIM-Signature: {SIGNATURE.replace('list-unsubscribe', 'to')}\r\n"},
        {"more": f"DKIM-Signature: {SIGNATURE}\r\n" * 5},
        {"more": "From: x@evil.example\r\n"},
    ],
)
def test_n36_what_is_not_signed_by_the_author_is_no_request(core, ola, lists, changed):
    uid = put(core, ola, newsletter(core, lists.url, **changed))
    assert mail_view.read_message(core, ola.id, "INBOX", uid).leaving.press is None
    with pytest.raises(NotAllowed):
        list_leaving.press(core, ola.id, "INBOX", uid)
    assert lists.told == []


def test_n36_a_signature_of_the_organisation_counts(core):
    octets = newsletter(core, "https://news.example/u", sender="n@mail.outside.example")
    assert list_leaving.find_ways(core, Header(octets)).press


def test_n36_somebody_elses_check_counts_for_nothing(core):
    octets = newsletter(core, "https://news.example/u").replace(core.config.host.encode(), b"mx.evil.example")
    assert list_leaving.find_ways(core, Header(octets)).press is None


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500])
def test_n36_a_list_that_does_not_say_yes_is_not_left(core, ola, lists, status):
    lists.answers = [status]
    uid = put(core, ola, newsletter(core, lists.url))
    with pytest.raises(NotAllowed):
        list_leaving.press(core, ola.id, "INBOX", uid)
    assert len(lists.told) == 1  # no redirection is followed
    assert not list_leaving.has_left(flags(core, ola, uid))


@pytest.mark.parametrize("host", ["127.0.0.1", "news.example", "nobody.example"])
def test_n36_nobody_inside_is_asked(core, ola, host):
    """news.example is this machine, which is no public address."""
    uid = put(core, ola, newsletter(core, f"https://{host}/u"))
    with pytest.raises(NotAllowed):
        list_leaving.press(core, ola.id, "INBOX", uid)


def test_n36_a_list_that_drips_keeps_nobody_waiting(core, ola, monkeypatch):
    monkeypatch.setattr(list_leaving, "SECONDS", 0.3)
    monkeypatch.setattr(remote_pictures, "is_public", lambda address: True)
    monkeypatch.setattr(remote_pictures, "may_use", lambda port: True)
    with dripping("HTTP/1.1 200 OK\r\nX-Long: ") as port:
        uid = put(core, ola, newsletter(core, f"https://news.example:{port}/u"))
        with pytest.raises(NotAllowed):
            list_leaving.press(core, ola.id, "INBOX", uid)


def test_n36_a_hijacked_session_cannot_ask_for_ever(core, ola, lists, monkeypatch):
    monkeypatch.setattr(list_leaving, "PRESSES", 2)
    uid = put(core, ola, newsletter(core, lists.url))
    for _ in range(2):
        list_leaving.press(core, ola.id, "INBOX", uid)
    with pytest.raises(TooMany):
        list_leaving.press(core, ola.id, "INBOX", uid)
    assert len(lists.told) == 2


def test_n36_where_one_press_does_not_do_a_message_goes(core, ola, lists, monkeypatch):
    opened: list[object] = []
    open_message = mail_actions.open_message
    monkeypatch.setattr(mail_actions, "open_message", lambda *about: (opened.append(about), open_message(*about))[1])
    lists.answers = [500]
    uid = put(core, ola, newsletter(core, lists.url, mail="leave@outside.example?subject=stop"))
    assert list_leaving.leave(core, ola, "INBOX", uid)
    assert [item.recipient for item in queued(core)] == ["leave@outside.example"]
    assert b"Subject: stop\r\n" in sent_octets(core)
    assert len(opened) == 1
    assert list_leaving.has_left(flags(core, ola, uid))


def test_n36_the_newest_message_of_a_sender_names_the_way(core, ola):
    put(core, ola, newsletter(core, "https://news.example/old"))
    uid = put(core, ola, newsletter(core, "https://news.example/new"))
    assert cleanup.find_newest(core, ola.id, ["news.outside.example", "other"]) == {
        "news.outside.example": ("INBOX", uid)
    }
