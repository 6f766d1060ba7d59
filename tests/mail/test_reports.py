"""Messages that other mail programs failed on, by their public reports: each file of reports/ and its expected result.

The zoo has more of each kind; these are the first of them.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account, Envelope, Outcome, Verdict
from mailcore.mail.asking.envelope import serialize_envelope
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import list_fields
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.tickets import tickets
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser
from tests.portal.mailing import put

FOLDER = Path(__file__).parent / "reports"
PAGES = ("", "/print", "/header", "/source")
FORMS = ("reply=INBOX/{}", "reply=INBOX/{}&all=1", "forward=INBOX/{}")


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in the webmail."""

    browser: Browser
    uid: int

    def page(self, more: str = "") -> str:
        return self.browser.get(f"/mail/INBOX/{self.uid}{more}").text

    @property
    def words(self) -> str:
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.page())).split())

    @property
    def frame(self) -> str:
        return self.page("/html")

    @property
    def answer(self) -> str:
        return unescape(self.browser.get(f"/mail/compose?reply=INBOX/{self.uid}").text)

    def files(self) -> list[str]:
        """Names as a browser saves them (RFC 6266)."""
        numbers = sorted({int(one) for one in re.findall(rf"/mail/INBOX/{self.uid}/file/(\d+)", self.page())})
        answers = [self.browser.get(f"/mail/INBOX/{self.uid}/file/{number}") for number in numbers]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.headers["Content-Disposition"] for answer in answers]


def says(*texts: str) -> Callable[[Shown], bool]:
    return lambda shown: all(text in shown.words for text in texts)


def has_file(*names: str) -> Callable[[Shown], bool]:
    def check(shown: Shown) -> bool:
        found = " ".join(shown.files()).replace('"', "")
        return all(f"filename*=UTF-8''{quote(name)}" in found or f"filename={name}" in found for name in names)

    return check


def links(target: str) -> Callable[[Shown], bool]:
    return lambda shown: f'href="{target}"' in unescape(shown.page())


def in_place(shown: Shown) -> bool:
    return 'src="data:image/png;base64,' in shown.frame


def is_warned_of(shown: Shown) -> bool:
    return bool(re.search(r"The sender’s (address ends in|name says)", shown.words))


def keeps_or_loses_both(background: str) -> Callable[[Shown], bool]:
    return lambda shown: background in shown.frame or "#ffffff" not in shown.frame


RIGHT: dict[str, Callable[[Shown], bool]] = {
    "base64-text-after-padding": says("Hei"),
    "calendar-part-name": lambda shown: ".ics" in " ".join(shown.files()),
    "charset-gb2312-means-gbk": says("會議記錄"),
    "charset-iso-8859-8-i": says("שלום"),
    "charset-latin1-means-1252": says("It’s € 5 – “ok”"),
    "charset-shift-jis-means-cp932": says("①髙橋㈱"),
    "charset-x-mac-roman": says("på"),
    "charset-x-sjis": says("テスト"),
    "cid-disposition-attachment": in_place,
    "cid-image-jpg": in_place,
    "cid-octet-stream": in_place,
    "content-type-without-slash": has_file("plan.pdf"),
    "cte-quoted": says("hello"),
    "cte-trailing-semicolon": says("hello"),
    "cte-with-comment": says("Hei"),
    "download-name-cyrillic": has_file("дом.pdf"),
    "download-name-dash-utf8": has_file("Report – 2025.pdf"),
    "download-name-latin1": has_file("møte.pdf"),
    "filename-star-without-charset": has_file("café.pdf"),
    "flowed-signature": says("Vennlig hilsen -- Ola"),
    "html-words-run-together": lambda shown: all(
        word in shown.answer.split()
        for word in ("First", "Second", "Apples", "Pears", "100", "A", "B", "x", "y", "a", "b")
    ),
    "link-ends-with-parenthesis": links("https://no.wikipedia.org/wiki/Bergen_(by)"),
    "link-with-apostrophe": links("https://c.example/People's_choice"),
    "multipart-boundary-never-met": says("hello visible"),
    "nameless-file-endings": lambda shown: all(
        re.search(rf"\.{ending}\b", " ".join(shown.files())) for ending in ("docx", "doc", "txt")
    ),
    "rfc2231-continued-filename": has_file("Årsberetning for foreningen.pdf"),
    "search-html-entity": lambda shown: "case" in shown.browser.get("/mail/search?q=årsmøte").text,
    "two-html-parts": lambda shown: all("Last words." in one for one in (shown.words, shown.frame, shown.answer)),
    "undeclared-latin1": says("Hei på deg, Åse"),
    "unquoted-filename-with-spaces": has_file("Min rapport 2025.pdf"),
    "warning-bypass-lookalike-encoded-comma": is_warned_of,
    "warning-bypass-name-encoded-address": is_warned_of,
    "white-on-white-background-shorthand": keeps_or_loses_both("#003366"),
    "white-on-white-body-background": keeps_or_loses_both("#111111"),
}
ENVELOPES = {  # who stands in it, by RFC 9051 section 7.5.2
    "envelope-address-without-domain": b'"root" ""',
    "envelope-source-route": b'(NIL "@a.example,@b.example" "ann" "example.net")',
    "envelope-stray-bracket": b'((NIL NIL "ann" "example.net"))',
    "envelope-two-to": b'((NIL NIL "a" "example.net")(NIL NIL "b" "example.net"))',
    "from-name-holds-address": b'"list" "example.net"',
    "from-two-authors-one-domain": b'((NIL NIL "ann" "example.net")(NIL NIL "bob" "example.net"))',
}
UNSUBSCRIBE = {
    "unsubscribe-space-in-brackets": "leave@list.example",
    "unsubscribe-token-in-subject": "unsub@list.example",
}
DESK = {
    "crash-desk-utf7-subject": "",
    "desk-html-with-attached-message": "My own question",
    "desk-raw-8bit-address": "",
    "desk-reply-to-ignored": "hei",
}
ELSEWHERE = {  # by their own doors: tests/services/test_takeout_same.py, tests/sieve/rfc/rfc5228.case
    "takeout-tab-return-path", "sieve-address-from-encoded-name", "reply-to-long-message-id",
    "crash-inbox-utf7-subject", "crash-message-filename-codec", "crash-message-utf7-body", "crash-reply-raw-8bit-address",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Core, Account, Browser]]:
    core = cores.build(Config(data=str(tmp_path_factory.mktemp("reports"))))
    ola = accounts.add_account(core, "ola", display_name="Ola", password=PASSWORD, language="en")
    browser = Browser(create_app(core).test_client())
    browser.log_in()
    yield core, ola, browser
    cores.close(core)


def octets_of(name: str) -> bytes:
    return (FOLDER / f"{name}.eml").read_bytes()


def test_each_report_has_what_is_right() -> None:
    named = {*RIGHT, *ENVELOPES, *UNSUBSCRIBE, *DESK, *ELSEWHERE}
    assert named == {path.stem for path in FOLDER.glob("*.eml")}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.eml")))
def test_every_page_of_it_is_shown(house, name: str) -> None:
    core, ola, browser = house
    uid = put(core, ola, octets_of(name))
    for page in PAGES:
        assert browser.get(f"/mail/INBOX/{uid}{page}").status_code == 200
    assert browser.get(f"/mail/INBOX/{uid}/html").status_code in (200, 404)
    for form in FORMS:
        assert browser.get("/mail/compose?" + form.format(uid)).status_code == 200
    for page in ("/mail/", "/trace", "/quota"):
        assert browser.get(page).status_code == 200
    assert name not in RIGHT or RIGHT[name](Shown(browser, uid))


@pytest.mark.parametrize("name", ENVELOPES)
def test_its_envelope_names_who_is_meant(name: str) -> None:
    assert ENVELOPES[name] in serialize_envelope(Message(octets_of(name)).header)


@pytest.mark.parametrize("name", UNSUBSCRIBE)
def test_its_list_is_left_where_it_says(name: str) -> None:
    assert UNSUBSCRIBE[name] in str(list_fields.leaving(Message(octets_of(name)).header))


@pytest.mark.parametrize("name", DESK)
def test_the_desk_has_it_as_its_writer_meant(house, name: str) -> None:
    core, _ola, _browser = house
    recipient = core.db.read(lambda tx: recipients.check_recipient(core, tx, "help@alumni.example", None))
    envelope = Envelope(f"{name}@outside.example", ("help@alumni.example",), "192.0.2.1", "x")
    passes = Verdict(outside=True, dmarc="pass", dkim_aligned=True)
    known = {ticket.id for ticket in tickets.list_tickets(core)}
    [done] = asyncio.run(delivery.accept(core, envelope, [recipient], octets_of(name), b"", passes))
    assert done.outcome is Outcome.FILED
    [ticket] = [ticket for ticket in tickets.list_tickets(core) if ticket.id not in known]
    assert DESK[name] in tickets.list_messages(core, ticket, notes=False)[0].text
    if name == "desk-reply-to-ignored":
        assert ticket.reply_to == "person@elsewhere.example"
