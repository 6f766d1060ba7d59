"""CWE-400, CWE-770: an owner who reads hundreds of large answers slowly stops nobody."""

import contextlib
import http.client
import re
import smtplib
import socket
import time
import urllib.error
from collections.abc import Callable, Iterator

import pytest

from portal import large_answers
from portal.large_answers import OF_ONE, SLOW_AT_ONCE, SLOW_OF_ONE, LargeAnswers
from tests.attacks.portal.test_slow_clients import SOON, health, log_in, quickest
from tests.journeys.conftest import PASSWORD, Browser, House, build, sink  # noqa: F401 - fixtures
from tests.machine import until

SIZE = 8 * 2**20
READERS = 300
PROCESSES = 2  # of the portal


# The rule


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_everybody_has_a_bound_and_all_have_one(clock: list[float]) -> None:
    answers = LargeAnswers()
    mine = [answers.enter("mine") for _ in range(OF_ONE + 1)]
    assert mine.count(None) == 1
    assert mine[-1] is None
    others = [answers.enter(f"{number}") for number in range(large_answers.AT_ONCE)]
    assert others.count(None) == OF_ONE
    assert mine[0] is not None
    answers.leave(mine[0])
    assert answers.enter("mine") is not None


def test_of_those_that_take_long_the_oldest_stay(clock: list[float]) -> None:
    answers = LargeAnswers()
    mine = [reading for _ in range(SLOW_OF_ONE + 3) if (reading := answers.enter("mine"))]
    other = answers.enter("other")
    assert other is not None
    pieces = [answers.pieces(one, [b"x" * (2 * large_answers.PIECE)]) for one in (*mine, other)]
    assert [len(next(one)) for one in pieces] == [large_answers.PIECE] * len(pieces)
    clock[0] += large_answers.SLOW_SECONDS
    ended = [_is_ended(one) for one in pieces]
    assert ended == [False] * SLOW_OF_ONE + [True] * 3 + [False]


def test_all_slow_ones_together_have_a_bound(clock: list[float]) -> None:
    answers = LargeAnswers()
    slow = [answers.enter(f"{number}") for number in range(SLOW_AT_ONCE + 2)]
    pieces = [answers.pieces(one, [b"x" * (2 * large_answers.PIECE)]) for one in slow if one is not None]
    assert [len(next(one)) for one in pieces] == [large_answers.PIECE] * (SLOW_AT_ONCE + 2)
    clock[0] += large_answers.SLOW_SECONDS
    assert [_is_ended(one) for one in pieces] == [False] * SLOW_AT_ONCE + [True] * 2


def _is_ended(pieces: Iterator[bytes]) -> bool:
    try:
        next(pieces)
    except ConnectionResetError:
        return True
    return False


# The server


@pytest.fixture
def house(build: Callable[..., House]) -> House:  # noqa: F811
    made = build(workers=1)
    made.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    letter = "From: a@outside.example\r\nTo: ola@alumni.example\r\nSubject: large\r\n\r\n"
    with smtplib.SMTP("127.0.0.1", made.ports["smtp"], timeout=60) as sender:
        sender.sendmail("a@outside.example", ["ola@alumni.example"], letter + ("x" * 70 + "\r\n") * (SIZE // 72))
    return made


def _cookie(house: House) -> str:
    browser = Browser(house)
    browser.post("/login", username="ola", password=PASSWORD)
    return "; ".join(f"{one.name}={one.value}" for one in browser.jar)


@pytest.mark.slow
@pytest.mark.interop
def test_an_owner_who_reads_slowly_stops_nobody(house: House) -> None:
    port, cookie = house.ports["http"], _cookie(house)
    page = Browser(house)
    page.post("/login", username="ola", password=PASSWORD)
    uid = max(map(int, re.findall(r"/mail/INBOX/(\d+)", page.get("/mail/"))))
    ask = f"GET /mail/INBOX/{uid}/source HTTP/1.1\r\nHost: alumni.example\r\nCookie: {cookie}\r\n\r\n".encode()
    readers: list[socket.socket] = []
    with contextlib.ExitStack() as ends:
        for _ in range(READERS):
            one = ends.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(60)
            one.connect(("127.0.0.1", port))
            one.sendall(ask)
            readers.append(one)

        def ask_for(work: Callable[[http.client.HTTPConnection], None]) -> None:
            talk = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            work(talk)
            talk.close()

        assert quickest(lambda: ask_for(health)) < SOON
        assert quickest(lambda: ask_for(lambda talk: log_in(talk, "alumni.example"))) < SOON
        codes = [one.recv(12)[-3:] for one in readers]
        assert 0 < codes.count(b"200") <= PROCESSES * OF_ONE
        assert codes.count(b"200") + codes.count(b"503") == READERS

    def is_read_as_ever() -> bool:
        """Once they are gone; the server may take a moment to see it."""
        try:
            return len(page.get(f"/mail/INBOX/{uid}/source")) >= SIZE - 100
        except urllib.error.HTTPError as problem:
            if problem.code != 503:
                raise
            return False

    assert until(is_read_as_ever)
