"""CardDAV (N35): what phones send, by its shape, and what they rely on."""

# ruff: noqa: E501 - what programs send stands as they send it

import base64
import re
from xml.etree.ElementTree import Element, fromstring

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import ChangesForgotten
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords
from mailcore.services.webmail import address_book, address_cards
from portal import create_app
from portal.carddav.xml import card, dav, server
from tests.portal.conftest import PASSWORD
from tests.portal.mailing import later

BOOK = "/dav/ola/contacts/"
KARI = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//iPhone OS 26.0//EN\r\nN:Vik;Kari;;;\r\nFN:Kari Vik\r\n"
    "item1.EMAIL;type=INTERNET;type=pref:kari@x.example\r\nitem1.X-ABLabel:_$!<HomePage>!$_\r\n"
    "TEL;type=CELL;type=VOICE:+47 22 00 00 00\r\nBDAY:1980-05-01\r\nUID:6F1A-KARI\r\nEND:VCARD\r\n"
)


class Phone:
    """A program that logs in with each request."""

    def __init__(self, client: FlaskClient, password: str = PASSWORD, name: str = "ola") -> None:
        self.client = client
        self.log_in = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    def ask(self, method: str, path: str, body: str = "", **fields: str) -> TestResponse:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.client.open(
            path, method=method, data=body.encode(), headers={"Authorization": self.log_in, **headers}
        )

    def put(self, name: str, text: str, **fields: str) -> TestResponse:
        return self.ask("PUT", BOOK + name, text, Content_Type="text/vcard; charset=utf-8", **fields)

    def sync(self, token: str = "", limit: int = 0) -> tuple[str, dict[str, str]]:
        """Return the new token, and the status or the ETag of each card that changed."""
        some = f"<limit><nresults>{limit}</nresults></limit>" if limit else ""
        body = (
            f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level>{some}'
            "<prop><getetag/></prop></sync-collection>"
        )
        answer = self.ask("REPORT", BOOK, body)
        assert answer.status_code == 207, answer.text
        root = fromstring(answer.text)
        changed = {
            one.findtext(dav("href"), ""): one.findtext(dav("status"), "") or one.findtext(f".//{dav('getetag')}", "")
            for one in root.findall(dav("response"))
        }
        return root.findtext(dav("sync-token"), ""), changed


@pytest.fixture
def client(core: Core) -> FlaskClient:
    return create_app(core).test_client()


@pytest.fixture
def phone(client: FlaskClient, ola: Account) -> Phone:
    assert ola.name == "ola"
    return Phone(client)


def properties(answer: TestResponse, path: str) -> dict[str, Element]:
    """Return what the answer says with 200 about a resource."""
    assert answer.status_code == 207, answer.text
    [found] = [one for one in fromstring(answer.text).findall(dav("response")) if one.findtext(dav("href")) == path]
    stats = [one for one in found.findall(dav("propstat")) if "200" in one.findtext(dav("status"), "")]
    return {each.tag: each for one in stats for each in one.findall(f"{dav('prop')}/*")}


def test_n35_a_phone_that_knows_the_host_finds_the_address_book(phone: Phone) -> None:
    """iOS and DAVx5 ask in this order (RFC 6764 section 6)."""
    assert phone.client.open("/.well-known/carddav", method="PROPFIND").headers["Location"].endswith("/dav/")
    asked = '<propfind xmlns="DAV:"><prop><current-user-principal/><principal-URL/><resourcetype/></prop></propfind>'
    found = properties(phone.ask("PROPFIND", "/dav/", asked, Depth="0"), "/dav/")
    home = found[dav("current-user-principal")].findtext(dav("href"), "")
    assert home == "/dav/ola/"
    asked = (
        '<A:propfind xmlns:A="DAV:"><A:prop><B:addressbook-home-set xmlns:B="urn:ietf:params:xml:ns:carddav"/>'
        "<A:displayname/><A:supported-report-set/></A:prop></A:propfind>"
    )
    found = properties(phone.ask("PROPFIND", home, asked, Depth="0"), home)
    assert found[card("addressbook-home-set")].findtext(dav("href")) == home
    assert found[dav("displayname")].text == "Ola Nordmann"
    asked = '<propfind xmlns="DAV:" xmlns:S="http://calendarserver.org/ns/"><prop><resourcetype/><S:getctag/><sync-token/></prop></propfind>'
    found = properties(phone.ask("PROPFIND", home, asked, Depth="1"), BOOK)
    assert {one.tag for one in found[dav("resourcetype")]} == {dav("collection"), card("addressbook")}
    assert found[server("getctag")].text == found[dav("sync-token")].text
    assert phone.ask("OPTIONS", BOOK).headers["DAV"] == "1, 3, addressbook"


def test_n35_a_card_comes_back_octet_for_octet(phone: Phone) -> None:
    created = phone.put("6F1A.vcf", KARI, If_None_Match="*")
    assert (created.status_code, phone.put("6F1A.vcf", KARI, If_None_Match="*").status_code) == (201, 412)
    read = phone.ask("GET", BOOK + "6F1A.vcf")
    assert (read.text, read.headers["Content-Type"]) == (KARI, "text/vcard; charset=utf-8")
    assert read.headers["ETag"] == created.headers["ETag"]
    assert phone.ask("GET", BOOK + "6F1A.vcf", If_None_Match=created.headers["ETag"]).status_code == 304
    changed = KARI.replace("1980", "1981")
    assert phone.put("6F1A.vcf", changed, If_Match='"another"').status_code == 412
    assert phone.put("6F1A.vcf", changed, If_Match=created.headers["ETag"]).status_code == 204
    assert phone.ask("DELETE", BOOK + "6F1A.vcf", If_Match=created.headers["ETag"]).status_code == 412
    assert phone.ask("DELETE", BOOK + "6F1A.vcf").status_code == 204
    assert phone.ask("GET", BOOK + "6F1A.vcf").status_code == 404


def test_n35_a_condition_names_as_many_etags_as_it_likes(phone: Phone) -> None:
    """RFC 9110 section 13.1.1: one of them must be the card's."""
    now = phone.put("a.vcf", KARI).headers["ETag"]
    assert phone.put("a.vcf", KARI, If_None_Match=f'"0", {now}, "zz"').status_code == 412
    assert phone.put("a.vcf", KARI, If_Match='"0", "zz"').status_code == 412
    assert phone.put("a.vcf", KARI.replace("1980", "1981"), If_Match=f'"0", {now}, "zz"').status_code == 204
    assert phone.ask("DELETE", BOOK + "a.vcf", If_Match=f'"0", {now}').status_code == 412


def test_n35_a_book_that_is_only_looked_at_reads_no_body(phone: Phone) -> None:
    assert phone.ask("GET", BOOK, "<no xml").status_code == 200


def test_n35_an_etag_is_told_only_where_nothing_was_changed(phone: Phone) -> None:
    """RFC 6352 section 6.3.2.3."""
    assert "ETag" in phone.put("a.vcf", KARI).headers
    assert "ETag" not in phone.put("b.vcf", KARI.replace("\r\n", "\n").replace("6F1A-KARI", "2")).headers
    assert "ETag" not in phone.put("c.vcf", KARI.replace("UID:6F1A-KARI\r\n", "")).headers
    assert re.search(r"UID:[0-9a-f-]{36}", phone.ask("GET", BOOK + "c.vcf").text)


def test_n35_changes_are_told_since_a_token(phone: Phone, core: Core, ola: Account) -> None:
    first, there = phone.sync()
    assert there == {}
    tag = phone.put("a.vcf", KARI).headers["ETag"]
    phone.put("b.vcf", KARI.replace("6F1A", "B"))
    second, changed = phone.sync(first)
    assert (changed[BOOK + "a.vcf"], set(changed)) == (tag, {BOOK + "a.vcf", BOOK + "b.vcf"})
    assert phone.sync(second) == (second, {})
    phone.ask("DELETE", BOOK + "a.vcf")
    third, changed = phone.sync(second)
    assert changed == {BOOK + "a.vcf": "HTTP/1.1 404 Not Found"}
    assert set(phone.sync()[1]) == {BOOK + "b.vcf"}
    address_book.save(core, ola.id, "per@x.example", "Per", "")  # in the webmail
    fourth, changed = phone.sync(third)
    assert len(changed) == 1
    assert fourth != third


def test_n35_many_changes_come_in_portions(phone: Phone) -> None:
    """RFC 6578 section 3.6."""
    for number in range(5):
        phone.put(f"{number}.vcf", KARI.replace("6F1A", str(number)))
    token, seen = "", set[str]()
    for _ in range(4):
        token, changed = phone.sync(token, 2)
        seen |= {path for path in changed if path != BOOK}
    assert seen == {f"{BOOK}{number}.vcf" for number in range(5)}


@pytest.mark.parametrize(
    "token", ["x", "urn:x-alumnimail:changes:99", "urn:x-alumnimail:changes:" + "9" * 30, "urn:x-alumnimail:changes:-1"]
)
def test_n35_an_unknown_token_is_refused(phone: Phone, token: str) -> None:
    body = f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><prop><getetag/></prop></sync-collection>'
    answer = phone.ask("REPORT", BOOK, body)
    assert answer.status_code == 403
    assert fromstring(answer.text).find(dav("valid-sync-token")) is not None


def test_n35_forgotten_deletions_ask_for_the_whole_book(phone: Phone, core: Core, ola: Account) -> None:
    phone.put("a.vcf", KARI)
    before = address_cards.count_changes(core, ola.id)
    phone.ask("DELETE", BOOK + "a.vcf")
    phone.put("b.vcf", KARI)
    after = address_cards.count_changes(core, ola.id)
    address_cards.delete_card(later(core, days=200), ola.id, "b.vcf")
    with pytest.raises(ChangesForgotten):
        address_cards.list_changes(core, ola.id, before)
    assert [ref.name for ref in address_cards.list_changes(core, ola.id, after).cards] == ["b.vcf"]


def test_n35_cards_are_read_in_one_question(phone: Phone) -> None:
    phone.put("a.vcf", KARI)
    body = (
        '<C:addressbook-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><prop><getetag/><C:address-data/></prop>'
        f"<href>{BOOK}a.vcf</href><href>{BOOK}gone.vcf</href><href>/dav/kari/contacts/a.vcf</href><href>//[</href>"
        "</C:addressbook-multiget>"
    )
    answer = phone.ask("REPORT", BOOK, body)
    assert properties(answer, BOOK + "a.vcf")[card("address-data")].text == KARI.replace("\r\n", "\n")
    assert answer.text.count("404 Not Found") == 3
    some = body.replace("<C:address-data/>", '<C:address-data><C:prop name="TEL"/></C:address-data>')
    text = properties(phone.ask("REPORT", BOOK, some), BOOK + "a.vcf")[card("address-data")].text
    assert text == "BEGIN:VCARD\nVERSION:3.0\nTEL;type=CELL;type=VOICE:+47 22 00 00 00\nEND:VCARD\n"


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ('<prop-filter name="FN"><text-match collation="i;unicode-casemap" match-type="contains">vik</text-match></prop-filter>', 1),
        ('<prop-filter name="FN"><text-match match-type="starts-with">Vik</text-match></prop-filter>', 0),
        ('<prop-filter name="EMAIL"><text-match match-type="equals">kari@x.example</text-match></prop-filter>', 1),
        ('<prop-filter name="EMAIL"><text-match negate-condition="yes">kari</text-match></prop-filter>', 1),
        ('<prop-filter name="TEL"><is-not-defined/></prop-filter>', 1),
        ('<prop-filter name="TEL"><param-filter name="TYPE"><text-match>cell</text-match></param-filter></prop-filter>', 1),
        ('<prop-filter name="TEL"/><prop-filter name="X-NO"/>', 1),
        ("", 2),
    ],
)  # fmt: skip
def test_n35_a_program_searches(phone: Phone, wanted: str, count: int) -> None:
    phone.put("a.vcf", KARI)
    phone.put(
        "b.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Per\r\nN:Per;;;;\r\nEMAIL:per@x.example\r\nUID:p\r\nEND:VCARD\r\n"
    )
    body = (
        '<addressbook-query xmlns="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop>'
        f"<filter>{wanted}</filter></addressbook-query>"
    )
    assert phone.ask("REPORT", BOOK, body).text.count("<D:getetag>") == count
    odd = body.replace(
        "</filter>", '<prop-filter name="FN"><text-match match-type="sounds-like">x</text-match></prop-filter></filter>'
    )
    assert phone.ask("REPORT", BOOK, odd).status_code == 403


def test_n35_phone_and_webmail_see_the_same_people(phone: Phone, core: Core, ola: Account) -> None:
    phone.put("a.vcf", KARI)
    [kari] = address_book.list_contacts(core, ola.id)
    assert (kari.address, kari.name, kari.collected) == ("kari@x.example", "Kari Vik", False)
    address_book.save(core, ola.id, "kari@x.example", "Kari Ås Vik", "fra skolen")
    text = phone.ask("GET", BOOK + "a.vcf").text
    assert "FN:Kari Ås Vik\r\nN:Vik;Kari Ås;;;\r\nNOTE:fra skolen\r\n" in text
    for kept in (
        "BDAY:1980-05-01",
        "TEL;type=CELL;type=VOICE:+47 22 00 00 00",
        "item1.X-ABLabel:_$!<HomePage>!$_",
        "UID:6F1A-KARI",
    ):
        assert f"{kept}\r\n" in text
    phone.put("a.vcf", text.replace("kari@x.example", "vik@x.example"))
    assert [one.address for one in address_book.list_contacts(core, ola.id)] == ["vik@x.example"]
    assert address_book.delete(core, ola.id, ["vik@x.example"]) == 1
    assert phone.sync()[1] == {}


def test_n35_two_cards_may_share_an_address(phone: Phone, core: Core, ola: Account) -> None:
    phone.put("a.vcf", KARI)
    phone.put("b.vcf", KARI.replace("6F1A", "B").replace("Kari Vik", "Per Vik"))
    assert [one.name for one in address_book.list_contacts(core, ola.id)] == ["Kari Vik"]
    phone.ask("DELETE", BOOK + "b.vcf")
    assert [one.name for one in address_book.list_contacts(core, ola.id)] == ["Kari Vik"]


def test_n35_people_entered_before_are_on_the_phone(phone: Phone, core: Core, ola: Account) -> None:
    core.db.write(
        lambda tx: tx.run(
            "INSERT INTO contact (account_id,address,name,note,key,collected,times,used_at,added_at,card)"
            " VALUES (?,'tante@x.example','Tante','','',0,0,0,1,'')",
            ola.id,
        )
    )
    [(path, _tag)] = phone.sync()[1].items()
    assert "FN:Tante\r\n" in phone.ask("GET", path).text
    core.db.write(lambda tx: address_book.collect(core, tx, ola.id, [("Per", "per@x.example")]))
    assert len(phone.sync()[1]) == 1  # whom one has only written to stays off the phone


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 403), ("hello", 403), (KARI + KARI, 403), (KARI.replace("END:VCARD", ""), 403),
        ("BEGIN:VCARD\r\nEND:VCARD\r\n", 201), (KARI.replace("Vik", "V\x00i\x01k\ufffe"), 201),
        ("BEGIN:VCARD\r\nVERSION:3.0\r\n" + "BEGIN:VCARD\r\n" * 1000, 403),
        (KARI.replace("BDAY", "NOTE:" + "x" * 1_000_000 + "\r\nBDAY"), 403),
    ],
)  # fmt: skip
def test_n35_what_is_no_card_is_refused_and_the_rest_can_be_read(phone: Phone, text: str, code: int) -> None:
    answer = phone.put("a.vcf", text + ("" if code == 201 or len(text) < 500_000 else "x" * 60_000))
    assert answer.status_code in ((code,) if code == 201 else (code, 413))
    if code == 201:
        asked = f'<C:addressbook-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><prop><C:address-data/></prop><href>{BOOK}a.vcf</href></C:addressbook-multiget>'
        assert properties(phone.ask("REPORT", BOOK, asked), BOOK + "a.vcf")[card("address-data")].text


def test_n35_one_person_is_not_there_twice(phone: Phone) -> None:
    phone.put("a.vcf", KARI)
    answer = phone.put("b.vcf", KARI)
    assert answer.status_code == 409
    assert fromstring(answer.text).findtext(f"{card('no-uid-conflict')}/{dav('href')}") == BOOK + "a.vcf"


def test_n35_who_may(phone: Phone, client: FlaskClient, core: Core, ola: Account) -> None:
    assert client.open(BOOK, method="PROPFIND").headers["WWW-Authenticate"].startswith("Basic realm=")
    assert Phone(client, "wrong").ask("PROPFIND", BOOK, Depth="0").status_code == 401
    accounts.add_account(core, "kari", password=PASSWORD)
    for path in ("/dav/kari/", "/dav/kari/contacts/", "/dav/kari/contacts/a.vcf", "/dav/nobody/"):
        assert phone.ask("PROPFIND", path, Depth="0").status_code == 404
    mail = app_passwords.create_app_password(core, ola.id, "mail", [Scope.IMAP])
    book = app_passwords.create_app_password(core, ola.id, "phone", [Scope.CONTACTS])
    assert Phone(client, mail).ask("PROPFIND", BOOK, Depth="0").status_code == 401
    assert Phone(client, book).ask("PROPFIND", BOOK, Depth="0").status_code == 207
    assert Phone(client, book, "ola@alumni.example").ask("PROPFIND", BOOK, Depth="0").status_code == 207


def test_n35_a_cookie_opens_nothing(inside, ola: Account) -> None:
    """A page elsewhere that makes the browser ask gets nothing, as there is no token against forged requests here."""
    assert inside.client.open(BOOK, method="PROPFIND", headers={"Depth": "0"}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        "<", "<a>", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "<a/>", "x" * 1000, "<a>" * 50_000, '<propfind xmlns="DAV:"/>',
        '<propfind xmlns="DAV:"><prop>' + "<x/>" * 100_000 + "</prop></propfind>", "\ufeff<a/>", "<a xmlns='&amp;\"'/>",
        '<propfind xmlns="DAV:"><prop><x xmlns="a&quot;b&lt;c"/></prop></propfind>',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"), [("PROPFIND", BOOK), ("REPORT", BOOK), ("PROPPATCH", "/dav/ola/"), ("PROPFIND", "/dav/")]
)
def test_n35_no_body_breaks_it(phone: Phone, body: str, method: str, path: str) -> None:
    answer = phone.ask(method, path, body, Depth="1")
    assert answer.status_code in (207, 400, 403, 405)
    if answer.status_code == 207:
        fromstring(answer.text)


@pytest.mark.parametrize(("method", "path", "code"), [
    ("MKCOL", "/dav/ola/more/", 404), ("MOVE", BOOK + "a.vcf", 405), ("DELETE", BOOK, 403), ("PUT", BOOK, 405),
    ("POST", BOOK, 405), ("PROPFIND", BOOK + "a%2Fb", 404), ("PUT", BOOK + "x" * 300, 403), ("GET", BOOK, 200), ("LOCK", BOOK, 405),
])  # fmt: skip
def test_n35_other_methods_are_refused(phone: Phone, method: str, path: str, code: int) -> None:
    assert phone.ask(method, path).status_code == code


def test_n35_depth_is_bounded(phone: Phone) -> None:
    assert phone.ask("PROPFIND", BOOK).status_code == 403
    assert phone.ask("PROPFIND", BOOK, Depth="infinity").status_code == 403


def test_n35_a_file_of_cards_is_imported_whole(core: Core, ola: Account) -> None:
    old = (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:=C5s;Per\r\nTEL;HOME;VOICE:123\r\n"
        b"TITLE;CHARSET=ISO-8859-1;ENCODING=BASE64:xXM7IGVuIGJ5\r\n"
        b"EMAIL;INTERNET:per@x.example\r\nPHOTO;JPEG;ENCODING=BASE64:\r\n  AAAA\r\n  BBBB\r\n\r\nEND:VCARD\r\n"
    )
    assert address_cards.import_cards(core, ola.id, KARI.encode() + old) == 2
    assert address_cards.import_cards(core, ola.id, KARI.encode() + old) == 2  # again changes nothing
    text = "".join(address_cards.write_file(core, ola.id))
    assert text.count("BEGIN:VCARD") == 2
    assert KARI in text
    for line in (
        "VERSION:3.0",
        "FN:Per Ås",
        "N:Ås;Per",
        "TEL;TYPE=HOME;TYPE=VOICE:123",
        "TITLE:Ås\\; en by",
        "PHOTO;TYPE=JPEG;ENCODING=b:AAAABBBB",
    ):
        assert f"{line}\r\n" in text


def test_n35_two_people_with_one_address_stay_two_in_a_file(core: Core, ola: Account) -> None:
    """A card with a UID replaces the card of that UID, and never another one that has its address."""
    other = KARI.replace("6F1A-KARI", "PER").replace("Kari", "Per").replace("+47 22 00 00 00", "+47 33 00 00 00")
    address_cards.import_cards(core, ola.id, (KARI + other).encode())
    text = "".join(address_cards.write_file(core, ola.id))
    assert text.count("BEGIN:VCARD") == 2
    assert "+47 22 00 00 00" in text
    assert "+47 33 00 00 00" in text


def test_n35_a_full_book_is_told_as_such(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_cards, "MAX_CARDS", 1)
    assert phone.put("a.vcf", KARI).status_code == 201
    assert phone.put("b.vcf", KARI.replace("6F1A", "B")).status_code == 507
    assert phone.put("a.vcf", KARI.replace("1980", "1981")).status_code == 204
