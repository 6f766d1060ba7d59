"""MIME and HTML of strangers: what was taken is read by IMAP and shown on its page, soon, and has nothing to act on."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest

from tests.attacks.server import mail_cases
from tests.attacks.server.conftest import Service
from tests.attacks.server.mail_cases import Bomb, Html
from tests.attacks.server.test_portal import Answer, Browser, log_in
from tests.processor import find_excess, measure_group
from tests.services.test_html_mail import Reader

MOST_SECONDS = 10.0  # of the processor, in all processes of the server, for all that is asked of one message
PATIENCE = 60.0  # seconds for the same by the clock, on a machine that is busy with others: a message lets nobody wait


@contextmanager
def answers_soon(service: Service) -> Iterator[None]:
    began, before = time.monotonic(), measure_group(service.process.pid)
    yield
    spent, waited = measure_group(service.process.pid) - before, time.monotonic() - began
    assert find_excess(spent, MOST_SECONDS) == ""
    assert waited < PATIENCE


@pytest.fixture(scope="module")
def per(service: Service) -> Browser:
    return log_in(service, "per")


def newest(service: Service, wanted: bytes) -> tuple[int, bytes]:
    """The UID of the newest message, and what FETCH says of it."""
    with service.imap("per", b"EXAMINE INBOX") as wire:
        wire.send(b"t UID FETCH * (UID " + wanted + b")\r\n")
        answer, before = wire.tagged()
        assert answer.startswith(b"t OK"), answer
        found = re.search(rb"UID (\d+)", before)
        assert found
        return int(found[1]), before


class Acts(HTMLParser):
    """Notes what runs: events, and scripts that are not files of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.acts += [name for name, _ in attrs if name.startswith("on")]
        if tag == "script" and not (dict(attrs).get("src") or "").startswith("/"):
            self.acts.append(tag)


def is_harmless(answer: Answer) -> bool:
    reader = Acts()
    if b"text/html" in answer.head:
        reader.feed(answer.body.decode(errors="replace"))
    return reader.acts == [] and b"X-Evil" not in answer.head


@pytest.mark.parametrize("bomb", mail_cases.BOMBS, ids=str)
def test_a_message(service: Service, per: Browser, bomb: Bomb) -> None:
    with answers_soon(service):
        octets = bomb.octets if b"\r\nSubject:" in b"\r\n" + bomb.octets else b"Subject: bomb\r\n" + bomb.octets
        reply = service.deliver(octets, "per")
        assert reply.decode()[:3] in bomb.right.split("|"), reply
        if reply.startswith(b"250"):
            wanted = b"ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1] BODY.PEEK[2.MIME] PREVIEW RFC822.SIZE"
            with service.imap("per", b"SELECT INBOX") as wire:
                wire.send(
                    b"t SEARCH TEXT nothing\r\nt SORT (SUBJECT FROM) UTF-8 ALL\r\nt THREAD REFERENCES UTF-8 ALL\r\n"
                )
                assert all(wire.tagged()[0].startswith(b"t OK") for _ in range(3))
            uid, _ = newest(service, wanted)
            for path in ("", "/html", "/file/0", "/file/1", "/files.zip", "/print", "/header", "/source"):
                answer = per.request(service, "GET", f"/mail/INBOX/{uid}{path}")
                assert answer.status in ("200", "404"), (path, answer.status)
                assert path.startswith("/file/") or is_harmless(answer), path
                if path.startswith("/file/") and answer.status == "200":
                    assert b"nosniff" in answer.head
                    assert b"attachment" in answer.head or b"sandbox" in answer.head or b"inline" in answer.head


@pytest.mark.parametrize("case", mail_cases.HTML, ids=str)
def test_html(service: Service, per: Browser, case: Html) -> None:
    with answers_soon(service):
        head = b"Subject: html\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        lines = re.sub(r"(.{500})", "\\1\r\n", case.html) if len(case.html) > 20_000 else case.html
        reply = service.deliver(head + lines.encode(), "per")
        assert reply.startswith(b"250"), reply
        uid, _ = newest(service, b"BODYSTRUCTURE")
        page = per.request(service, "GET", f"/mail/INBOX/{uid}")
        assert page.status == "200"
        assert is_harmless(page)
        shown = per.request(service, "GET", f"/mail/INBOX/{uid}/html")
        assert shown.status in ("200", "404")
        if shown.status == "200":
            policy = re.search(rb"Content-Security-Policy: ([^\r]*)", shown.head)
            assert policy
            assert b"default-src 'none'" in policy[1]
            assert b"sandbox" in policy[1]
            assert b"script" not in policy[1]
            reader = Reader()
            reader.feed(shown.body.decode().partition("<body>")[2].removesuffix("</body></html>"))
            assert reader.found == []
            assert b"evil.example" not in re.sub(rb'href="[^"]*"|>[^<]*<', b"", shown.body.partition(b"</style>")[0])
