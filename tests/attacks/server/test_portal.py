"""The portal: one answer to one request, nobody's page but one's own, nothing that was sent back in a field or as markup."""

import re
from dataclasses import dataclass

import pytest

from tests.attacks.server import portal_cases
from tests.attacks.server.case import Case
from tests.attacks.server.conftest import Service
from tests.attacks.server.portal_cases import Visit
from tests.journeys.conftest import PASSWORD


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    head: bytes
    body: bytes


def ask(service: Service, octets: bytes) -> list[Answer]:
    """All answers until the server closes."""
    own = b"Host: 127.0.0.1:%d\r\n" % service.ports["http"]
    with service.wire("http") as wire:
        wire.send(octets.replace(b"Host: 127.0.0.1\r\n", own))
        answers = []
        while line := wire.line():
            head = line
            while (line := wire.line()).strip():
                head += line
            length = re.search(rb"(?i)\r\nContent-Length: (\d+)", head)
            body = b""
            if length:
                body = wire.take(int(length[1]))
            elif b"chunked" in head:
                while size := int(wire.line() or b"0", 16):
                    body += wire.take(size)
                    wire.line()
                wire.line()
            answers.append(Answer(head.split(b" ")[1].decode(), head, body))
            if b"close" in head.lower().partition(b"\r\nconnection:")[2].partition(b"\r\n")[0]:
                break
        return answers


def assert_right(service: Service, answers: list[Answer], right: str) -> None:
    """The status is right, and nothing of the attack stands in the answer."""
    assert (answers[0].status if answers else "-") in right.split("|"), answers[:1]
    for answer in answers:
        where = re.search(rb"(?i)\r\nLocation: (\S+)", answer.head)
        own = (b"/", b"http://127.0.0.1:%d/" % service.ports["http"])
        assert where is None or (where[1].startswith(own) and not where[1].startswith((b"//", b"/\\"))), where
        assert b"X-Evil" not in answer.head
        assert b"evil" not in answer.head
        assert b"root:" not in answer.body
        assert b"Traceback" not in answer.body
        assert b"<script>alert(1)" not in answer.body
        assert b"1337" not in answer.body  # 7*191


@pytest.mark.parametrize("case", portal_cases.DESYNCS, ids=str)
def test_a_request_with_two_ends(service: Service, case: Case) -> None:
    """It is refused and the connection ends: what stands behind it is no request."""
    answers = ask(service, case.sent)
    assert_right(service, answers, case.right)
    assert len(answers) == 1


@pytest.mark.parametrize("case", portal_cases.REQUESTS, ids=str)
def test_a_stranger(service: Service, case: Case) -> None:
    answers = ask(service, case.sent)
    assert_right(service, answers, case.right)
    assert len(answers) <= 1


@dataclass(frozen=True, slots=True)
class Browser:
    """Cookies and token of somebody who has logged in."""

    cookies: str
    token: str

    def request(self, service: Service, method: str, path: str, form: str = "", head: str = "") -> Answer:
        lines = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookies}\r\n{head}Connection: close\r\n"
        if form:
            lines += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
        [answer] = ask(service, f"{lines}\r\n{form}".encode())
        return answer


def log_in(service: Service, user: str) -> Browser:
    """As a browser does it: the form's page first."""
    jar: dict[str, str] = {}

    def browser() -> Browser:
        return Browser("; ".join(f"{name}={value}" for name, value in jar.items()), "")

    def remember(answer: Answer) -> Answer:
        jar.update(re.findall(r"(?i)\r\nSet-Cookie: ([^=]+)=([^;]*)", answer.head.decode()))
        return answer

    page = remember(browser().request(service, "GET", "/login"))
    form = f"csrf_token={token_in(page)}&username={user}&password={PASSWORD.replace(' ', '+')}"
    answer = remember(browser().request(service, "POST", "/login", form))
    assert answer.status in ("302", "303"), answer
    page = remember(browser().request(service, "GET", "/forwarding"))
    return Browser(browser().cookies, token_in(page))


def token_in(page: Answer) -> str:
    found = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page.body)
    assert found, page.body[:500]
    return found[1].decode()


@pytest.fixture(scope="module")
def ola(service: Service) -> Browser:
    return log_in(service, "ola")


@pytest.fixture(scope="module")
def kari(service: Service) -> Browser:
    return log_in(service, "kari")


@pytest.mark.parametrize("visit", portal_cases.VISITS, ids=str)
def test_an_account_of_ours(service: Service, ola: Browser, kari: Browser, visit: Visit) -> None:
    form = visit.form.replace("{token}", ola.token).replace("{other}", kari.token)
    answer = ola.request(service, visit.method, visit.path, form, visit.head)
    assert_right(service, [answer], visit.right)
    if visit.right.startswith("200"):
        assert b"Content-Security-Policy" in answer.head or answer.status != "200"


def test_after_all_of_them_the_session_is_still_theirs(service: Service, ola: Browser) -> None:
    answer = ola.request(service, "GET", "/forwarding")
    assert answer.status == "200"
    assert b"elsewhere.example" not in answer.body
