"""The quota at the bottom left, the page that makes room, the loan and the request for more, as a person without JavaScript."""

import asyncio
import html
import re
import ssl

import pytest
from imapclient import IMAPClient

from mailcore.domain import Envelope
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.tickets import tickets
from tests.imap_server import imap_server
from tests.portal.conftest import PASSWORD

MIB = 2**20


@pytest.fixture
def full(core, ola):
    """Ola's box at 105 %."""
    accounts.set_quota(core, "ola", 10 * MIB)
    put(core, ola, "stor", int(10.5 * MIB))
    return ola


def put(core, ola, subject, size, mailbox="INBOX"):
    octets = f"From: Kari <kari@outside.example>\r\nSubject: {subject}\r\n\r\n".encode().ljust(size, b"x")

    def write(tx):
        box = core.mail.mailbox(tx, ola.id, mailbox)
        core.mail.append(
            tx, ola.id, box.id, core.blobs.prepare(octets), frozenset(), core.clock.now(), enforce_quota=False
        )

    core.db.write(write)


def shown(page):
    """The text of #quota."""
    found = re.search(r'<div id="quota" role="meter".*?<span>(.*?)</span>', page.text, re.DOTALL)
    assert found, "no meter"
    return html.unescape(found[1]).replace("\xa0", " ")


def use(core, ola, octets):
    core.db.write(lambda tx: tx.run("UPDATE account SET used=? WHERE id=?", octets, ola.id))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nb", "0,84 GB av 2 GB brukt (42 %)"),
        ("nn", "0,84 GB av 2 GB brukt (42 %)"),
        ("en", "0.84 GB of 2 GB used (42 %)"),
    ],
)
def test_s19_the_usage_stands_on_every_webmail_page(inside, core, ola, language, words):
    put(core, ola, "hei", 1000)
    use(core, ola, 905_000_000)
    for path in ("/mail/", "/mail/Sent/", "/mail/INBOX/1", "/mail/search?q=hei", "/mail/compose"):
        page = inside.get(path + ("&" if "?" in path else "?") + f"lang={language}")
        assert shown(page) == words, path
        assert re.search(r'aria-valuenow="42"[^>]* aria-valuetext="' + re.escape(words), page.text.replace("\xa0", " "))


def test_s19_it_follows_delivery_and_deletion_and_is_what_imap_says(inside, core, ola):
    accounts.set_quota(core, "ola", 10 * MIB)
    with imap_server(core) as (port, ca):
        mail = IMAPClient("localhost", port, ssl_context=ssl.create_default_context(cafile=ca))
        mail.login("ola", PASSWORD)

        def same():
            """Return the quota that the page shows, after a comparison with GETQUOTA."""
            [found] = mail.get_quota()
            words = shown(inside.get("/mail/"))
            percent = found.usage * 100 // found.limit
            assert words.endswith(f"av 10 MB brukt ({percent} %)"), (words, found)
            return words

        assert same() == "1 kB av 10 MB brukt (0 %)"
        address = "ola@alumni.example"
        found = core.db.read(lambda tx: recipients.check_recipient(core, tx, address, None))
        octets = b"Subject: hei\r\n\r\n".ljust(3 * MIB, b"x")
        asyncio.run(delivery.accept(core, Envelope("kari@outside.example", (address,)), [found], octets, b""))
        assert same() == "3 MB av 10 MB brukt (30 %)"
        mail.select_folder("INBOX")
        mail.append("INBOX", b"Subject: to\r\n\r\n".ljust(2 * MIB, b"x"))
        assert same() == "5 MB av 10 MB brukt (50 %)"
        inside.send("/quota", to="/quota/remove", message=_name(inside, "hei"))
        assert same() == "2 MB av 10 MB brukt (20 %)"
        mail.delete_messages(mail.search(["SUBJECT", "to"]))
        mail.expunge()
        assert same() == "1 kB av 10 MB brukt (0 %)"
        mail.logout()


def test_s19_an_unlimited_quota_shows_what_is_used_only(inside, core, ola):
    accounts.set_quota(core, "ola", 0)
    use(core, ola, 905_000_000)
    page = inside.get("/mail/")
    assert shown(page) == "0,84 GB brukt"
    assert "quota-banner" not in page.text
    assert "/quota/more" not in inside.get("/quota").text


def _name(browser, subject, show="largest"):
    page = browser.get(f"/quota?show={show}").text
    row = re.search(rf'value="([\d.]+)"[^>]*></td><th scope="row"><a[^>]*>[^<]*{subject}', page)
    assert row, f"{subject} is not offered"
    return row[1]


def test_n6_at_105_percent_one_confirmation_frees_what_was_promised(inside, core, full):
    page = inside.send("/quota", to="/quota/choose", message=_name(inside, "stor"))
    assert "1 melding blir slettet for godt" in page.text
    assert "10,5 MB" in page.text
    assert accounts.load_account(core, full.id).percent >= 105  # nothing happened yet
    name = re.search(r'name="message" value="([^"]+)"', page.text)[1]
    assert inside.send("/quota", to="/quota/remove", message=name).status_code == 303
    assert "10,5 MB frigjort" in inside.get("/quota").text
    assert accounts.load_account(core, full.id).percent < 1


def test_n6_the_trash_is_emptied_over_quota(inside, core, full):
    put(core, full, "søppel", 2 * MIB, "Trash")
    page = inside.send("/quota", to="/quota/choose", heap="\\Trash")
    assert "2 MB" in page.text
    inside.send("/quota", to="/quota/remove", heap="\\Trash")
    assert "2 MB frigjort" in inside.get("/quota").text


@pytest.mark.parametrize("show", ["largest", "oldest", "forwarded", "newsletters", "nonsense"])
@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_n6_each_list_is_shown_in_each_language(inside, core, full, show, language):
    assert inside.get(f"/quota?show={show}&days=30&lang={language}").status_code == 200


def test_nothing_chosen_is_told(inside, full):
    assert inside.send("/quota", to="/quota/choose").status_code == 303
    assert "Velg noen meldinger først" in inside.get("/quota").text


def test_s23_the_banner_stands_on_every_page_from_80_percent(inside, core, ola):
    use(core, ola, int(1.59 * 2**30))
    assert "quota-banner" not in inside.get("/account").text
    use(core, ola, int(1.601 * 2**30))
    for path in ("/account", "/mail/", "/forwarding", "/help"):
        assert "Postboksen din er 80 % full." in inside.get(path).text, path
    use(core, ola, 2**31)
    assert "full: Ny e-post blir avvist" in inside.get("/mail/").text


def test_n21_room_is_borrowed_by_a_button_once(inside, core, full):
    assert "Lån 2 MB" in inside.get("/quota").text
    assert inside.send("/quota", to="/quota/borrow").status_code == 303
    assert accounts.load_account(core, full.id).quota == 12 * MIB
    page = inside.get("/quota").text
    assert "Du har lånt 2 MB til" in page
    assert inside.send("/quota", to="/quota/borrow").status_code == 403


def test_s22_a_request_for_more_is_a_ticket_that_knows_usage_and_the_biggest_mailboxes(inside, core, full):
    put(core, full, "arkiv", 3 * MIB, "Archive")
    assert "Innboks: 10,5 MB" in inside.get("/quota/more").text
    assert inside.send("/quota/more", size="5 GB", reason="").status_code == 400
    assert inside.send("/quota/more", size="5 GB", reason="Bilder fra disputasen").status_code == 303
    [ticket] = tickets.list_tickets(core)
    assert (ticket.kind, ticket.account) == ("quota", full.id)
    [message] = tickets.list_messages(core, ticket, notes=False)
    for words in ("Bilder fra disputasen", "5 GB", "13,5 MB av 10 MB brukt", "Innboks: 10,5 MB", "Arkiv: 3 MB"):
        assert words in message.text.replace("\xa0", " "), words
