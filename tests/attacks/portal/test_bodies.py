"""CWE-770, CWE-400: nothing large is read before it is known who sends it, and what is read has its room on disk."""

import http.client
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcore import core as cores
from mailcore.config import Config, Limits, Web
from mailcore.core import Core
from mailcore.errors import Busy
from mailcore.services.accounts import accounts
from mailcore.services.transfer import transfers, uploads
from portal import bodies, create_app
from portal.places import Places
from tests.attacks.portal.conftest import Site, token_of
from tests.journeys.conftest import House, build_once  # noqa: F401 - a fixture
from tests.portal.conftest import PASSWORD, Browser

MIB = 2**20


class Unread:
    """A body that nobody may read."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, *_size: int) -> bytes:
        self.asked += 1
        return b""

    readline = read

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        pass


def _send(client: Any, path: str, octets: int, **headers: str) -> tuple[int, int]:
    """The status, and how often the body was read."""
    body = Unread()
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": str(octets)}
    answer = client.post(
        path, environ_overrides=environ, content_type="multipart/form-data; boundary=x", headers=headers
    )
    return answer.status_code, body.asked


@pytest.mark.parametrize("path", ["/takeout/bring", "/mail/compose", "/mail/compose/keep", "/mail/contacts", "/login",
"/order", "/nothing",
                                  "/desk/cases/1", "/tickets/1", "/tickets/link/unknown", "/mail/INBOX/",
                                  "/autodiscover/autodiscover.xml",
                                  "/filters/scripts/", "/password"])  # fmt: skip
@pytest.mark.parametrize("octets", [MIB + 1, 50 * MIB, 8 * 2**30, 10**18])
def test_a_strangers_large_body_is_refused_unread(site: Site, path: str, octets: int) -> None:
    assert _send(site.app.test_client(), path, octets) == (413, 0)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/login", MIB), ("/filters/scripts/", MIB), ("/mail/INBOX/", MIB), ("/mail/compose", 50 * MIB), ("/mail/contacts",
    50 * MIB),
     ("/takeout/bring", 8 * 2**30), ("/help", 22 * MIB), ("/static/icons.svg", MIB), ("/health", MIB)],
)  # fmt: skip
def test_an_owners_body_has_the_bound_of_its_page(site: Site, path: str, most: int) -> None:
    client = site.browser("ola").client
    assert _send(client, path, most + 1) in ((413, 0), (405, 0))


def test_who_was_logged_out_is_told_so(site: Site) -> None:
    answer = site.app.test_client().post("/takeout/bring?lang=en", environ_overrides={"CONTENT_LENGTH": str(2**30)})
    assert "Log in" in answer.text


def test_a_session_that_is_none_sends_nothing_large(site: Site) -> None:
    client = site.app.test_client()
    client.set_cookie("alumnimail_session", "x" * 43)
    assert _send(client, "/takeout/bring", 2 * MIB) == (413, 0)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Core]:
    """Files of all may have six mebibytes."""
    config = Config(data=str(tmp_path), web=Web(uploads_size="6M"), limits=Limits(message_size="2M"))
    core = cores.build(config)
    for name in ("ola", "kari"):
        accounts.add_account(core, name, password=PASSWORD, contact=f"{name}@outside.example")
    yield core
    for thread in threading.enumerate():  # what was brought in is read to its end first
        if thread.name.startswith("import "):
            thread.join(60)
    cores.close(core)


def test_files_of_all_together_are_bounded(small: Core) -> None:
    ola, kari = (accounts.find_account(small, name).id for name in ("ola", "kari"))
    first = uploads.reserve_space(small, ola, 3 * MIB)
    second = uploads.reserve_space(small, kari, 2 * MIB)
    with pytest.raises(Busy):
        uploads.reserve_space(small, kari, 2 * MIB)
    first.give_back()
    third = uploads.reserve_space(small, kari, MIB)
    third.give_back()
    second.give_back()
    assert list(uploads.make_folder(small).iterdir()) == []


def test_one_owner_has_half_of_it(small: Core) -> None:
    ola = accounts.find_account(small, "ola").id
    uploads.reserve_space(small, ola, 2 * MIB)
    with pytest.raises(Busy):
        uploads.reserve_space(small, ola, 2 * MIB)
    uploads.reserve_space(small, accounts.find_account(small, "kari").id, 2 * MIB)


def test_files_that_wait_to_be_read_count(small: Core) -> None:
    with (uploads.make_folder(small) / "in-7").open("wb") as file:
        file.truncate(5 * MIB)
    with pytest.raises(Busy):
        uploads.reserve_space(small, accounts.find_account(small, "ola").id, 2 * MIB)


def test_what_a_dead_process_promised_counts_no_more(small: Core) -> None:
    with (uploads.make_folder(small) / f"promised-{2**22 + 1}-1-abc").open("wb") as file:
        file.truncate(5 * MIB)
    uploads.reserve_space(small, accounts.find_account(small, "ola").id, 3 * MIB).give_back()
    assert list(uploads.make_folder(small).iterdir()) == []


def test_a_promise_that_the_disk_cannot_keep_is_not_made(small: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "FREE", 2**62)  # more than any disk has
    with pytest.raises(Busy):
        uploads.reserve_space(small, accounts.find_account(small, "ola").id, MIB)
    assert list(uploads.make_folder(small).iterdir()) == []


def _bring(browser: Browser, octets: int) -> int:
    part = '--x\r\nContent-Disposition: form-data; name="'
    token = f'{part}csrf_token"\r\n\r\n{token_of(browser.client)}\r\n'
    form = f'{token}{part}file"; filename="x.mbox"\r\n\r\n{"x" * octets}\r\n--x--\r\n'
    return browser.client.post("/takeout/bring", data=form, content_type="multipart/form-data; boundary=x").status_code


def test_a_file_that_there_is_no_room_for_is_refused_with_503(small: Core) -> None:
    browser = Browser(create_app(small).test_client())
    browser.log_in("ola")
    held = uploads.reserve_space(small, accounts.find_account(small, "kari").id, 3 * MIB)
    other = uploads.reserve_space(small, None, 2 * MIB)
    assert _bring(browser, 2 * MIB) == 503
    other.give_back()
    held.give_back()
    assert _bring(browser, 2 * MIB) in (303, 400)
    assert browser.get("/takeout").status_code == 200


def test_room_is_given_back_whatever_becomes_of_the_request(small: Core) -> None:
    app = create_app(small)
    browser = Browser(app.test_client())
    browser.log_in("ola")
    for body in (b"x" * (2 * MIB), b"--x\r\n" * MIB, b""):
        browser.client.post("/takeout/bring", data=body, content_type="multipart/form-data; boundary=x")
        browser.client.post("/mail/compose", data=body[: MIB + 5], content_type="application/x-www-form-urlencoded")
    assert [path.name for path in uploads.make_folder(small).iterdir()] == []
    assert app.extensions["bodies"]._taken.total() == 0


def test_files_come_in_on_the_disk_of_the_data(small: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    bring = transfers.start_import

    def look(core: Core, *more: Any) -> threading.Thread:
        seen.append(sorted(path.name.partition("-")[0] for path in uploads.make_folder(core).iterdir()))
        return bring(core, *more)

    monkeypatch.setattr(transfers, "start_import", look)
    browser = Browser(create_app(small).test_client())
    browser.log_in("ola")
    _bring(browser, 2 * MIB)
    assert seen == [["in", "promised", "up"]]


def test_few_large_bodies_are_read_at_once() -> None:
    places = Places()

    def enter(whose: str) -> bool:
        return places.enter(whose, lambda taken: bodies.is_full(taken, whose))

    assert [enter("from 192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [enter("from 192.0.2.2") for _ in range(3)] == [True, True, False]
    assert not enter("from 192.0.2.3")
    owners = [f"account {number // 3}" for number in range(60)]
    assert sum(map(enter, owners)) == bodies.AT_ONCE - bodies.OF_STRANGERS
    places.leave("from 192.0.2.1")
    assert enter("account 99")


# On the wire


@pytest.fixture(scope="module")
def house(build_once: Callable[..., House]) -> House:  # noqa: F811
    made = build_once()
    made.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    return made


def _talk(house: House, head: str, body: bytes = b"") -> tuple[bytes, socket.socket]:
    raw = socket.create_connection(("127.0.0.1", house.ports["http"]), 20)
    raw.sendall(head.encode() + body)
    return raw.recv(65_536), raw


@pytest.mark.slow
@pytest.mark.interop
def test_a_stranger_who_asks_first_is_not_told_to_go_on(house: House) -> None:
    """RFC 9110 section 10.1.1: the answer comes instead of 100 Continue."""
    head = (
        "POST /takeout/bring HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8589934592\r\nExpect: 100-continue\r\n\r\n"
    )
    said, raw = _talk(house, head)
    assert said.startswith(b"HTTP/1.1 413 ")
    raw.close()


@pytest.mark.slow
@pytest.mark.interop
@pytest.mark.parametrize("path", ["/login", "/nothing", "/takeout/bring"])
def test_who_asks_first_with_a_small_form_is_told_to_go_on(house: House, path: str) -> None:
    said, raw = _talk(
        house, f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    )
    assert said == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.sendall(b"a=b")
    assert raw.recv(100).startswith(b"HTTP/1.1 4")
    raw.close()


@pytest.mark.slow
@pytest.mark.interop
def test_nothing_of_a_strangers_file_reaches_the_disk(house: House) -> None:
    """A gigabyte is offered as fast as it goes; the answer can be read although nobody took it."""
    before = os.statvfs("/tmp").f_bfree * os.statvfs("/tmp").f_frsize
    talk = http.client.HTTPConnection("127.0.0.1", house.ports["http"], timeout=60)
    talk.putrequest("POST", "/takeout/bring")
    talk.putheader("Content-Length", str(2**30))
    talk.putheader("Content-Type", "multipart/form-data; boundary=x")
    talk.endheaders(b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.zip"\r\n\r\n')
    for _ in range(16):
        talk.send(b"PK" * 2**19)
    assert talk.getresponse().status == 413
    talk.close()
    incoming = Path(house.folder / "var/incoming")
    assert not incoming.exists() or list(incoming.iterdir()) == []
    assert before - os.statvfs("/tmp").f_bfree * os.statvfs("/tmp").f_frsize < 512 * MIB


@pytest.mark.slow
@pytest.mark.interop
@pytest.mark.parametrize(
    "head",
    [
        "GET /desk HTTP/1.1\r\nHost: localhost\r\nSCRIPT_NAME: /evil\r\nX-Forwarded-Proto: https\r\n\r\n",
        "GET /desk HTTP/1.1\r\nHost: localhost\r\nScript-Name: /evil\r\nX-Forwarded-Ssl: on\r\nX-Forwarded-Protocol: ssl\r\n\r\n",
        "GET /desk HTTP/1.1\r\nHost: localhost\r\nPATH_INFO: /evil\r\nREMOTE_USER: ola\r\nX-Forwarded-Host: evil\r\n\r\n",
    ],
)
def test_no_field_of_a_request_moves_the_site(house: House, head: str) -> None:
    """CWE-348: this machine's own programs are believed no more than others."""
    said, raw = _talk(house, head)
    raw.close()
    assert b"evil" not in said
    assert b"Location: http://localhost/desk/\r\n" in said


@pytest.mark.slow
@pytest.mark.interop
def test_requests_that_come_together_are_answered_in_turn(house: House) -> None:
    form = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na=b"
    raw = socket.create_connection(("127.0.0.1", house.ports["http"]), 20)
    raw.sendall((form + "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").encode())
    said = b""
    while octets := raw.recv(65_536):
        said += octets
    raw.close()
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"400", b"200"]
    assert said.endswith(b"ok\n")


class Pieces:
    """A body that comes as fast as it is read, and tells how much was taken of it."""

    def __init__(self, unit: bytes, octets: int) -> None:
        self._unit, self.left, self.taken = unit, octets, 0

    def read(self, size: int = -1) -> bytes:
        size = min(self.left, 2**16 if size < 0 else size)
        self.left -= size
        self.taken += size
        return (self._unit * (size // len(self._unit) + 1))[:size]

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)

    def close(self) -> None:
        pass


def _send_form(
    client: Any, path: str, body: Pieces, *, token: str, kind: str = "application/x-www-form-urlencoded"
) -> int:
    environ = {"wsgi.input": body, "CONTENT_LENGTH": str(body.left)}
    answer = client.post(path, environ_overrides=environ, content_type=kind, headers={"X-CSRFToken": token})
    return int(answer.status_code)


@pytest.mark.parametrize("unit", [b"a&", b"%", b"a", b"a=%C2%A0&", b"="])
@pytest.mark.parametrize(
    ("who", "path", "octets"),
    [
        ("", "/help", 20 * MIB),
        ("ola", "/help", 20 * MIB),
        ("ola", "/mail/compose", 40 * MIB),
        ("ola", "/takeout/bring", 2**30),
        ("ola", "/mail/contacts", 40 * MIB),
        ("ola", "/tickets/1", 20 * MIB),
    ],
)
def test_a_form_without_files_has_the_bound_of_a_form_on_every_page(
    site: Site, who: str, path: str, octets: int, unit: bytes
) -> None:
    client = site.browser(who).client
    body = Pieces(unit, octets)
    assert _send_form(client, path, body, token=token_of(client)) == 413
    assert body.taken <= MIB + 2**16


@pytest.mark.parametrize("path", ["/login", "/help", "/order", "/password/forgotten"])
def test_the_fields_of_a_form_are_counted_before_they_are_read(site: Site, path: str) -> None:
    client = site.browser().client
    token = token_of(client)
    assert _send_form(client, path, Pieces(b"a=1&", 4 * 1000), token=token) == 413
    assert _send_form(client, path, Pieces(b"a=1&", 4 * 900), token=token) in (200, 400)


def test_the_longest_form_is_read(site: Site) -> None:
    client = site.browser("ola").client
    assert _send_form(client, "/mail/compose", Pieces(b"a", MIB), token=token_of(client)) != 413


def test_a_stranger_who_drips_holds_no_place_of_the_help_form_for_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site.browser().client
    token, kind = token_of(client), "multipart/form-data; boundary=x"
    assert _send_form(client, "/help", Pieces(b"\r\n-", 3 * MIB), token=token, kind=kind) != 408
    monkeypatch.setattr(bodies, "STRANGERS_START", 0)
    monkeypatch.setattr(bodies, "STRANGERS_RATE", 2**60)
    for _ in range(2 * bodies.OF_STRANGERS):  # each gives its place back
        body = Pieces(b"\r\n-", 3 * MIB)
        assert _send_form(client, "/help", body, token=token, kind=kind) == 408
        assert body.taken < MIB
    assert site.app.extensions["bodies"].enter("from x", lambda taken: bodies.is_full(taken, "from x"))
    site.app.extensions["bodies"].leave("from x")


def test_an_owner_may_take_a_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STRANGERS_START", 0)
    monkeypatch.setattr(bodies, "STRANGERS_RATE", 2**60)
    client = site.browser("ola").client
    kind = "multipart/form-data; boundary=x"
    assert _send_form(client, "/mail/compose", Pieces(b"\r\n-", 3 * MIB), token=token_of(client), kind=kind) != 408
