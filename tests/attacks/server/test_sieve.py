"""ManageSieve and Sieve: no script hangs, grows, leaves its account or writes fields; the mail that it was to sort comes in."""

import base64

import pytest

from tests.attacks.server import sieve_cases
from tests.attacks.server.case import Case, fits
from tests.attacks.server.conftest import Service
from tests.attacks.server.sieve_cases import Run, Script
from tests.attacks.server.wire import Wire
from tests.journeys.conftest import PASSWORD


def connect(service: Service, user: str = "") -> Wire:
    wire = service.wire("managesieve")
    assert wire.status()[0].startswith(b"OK")
    wire.send(b"STARTTLS\r\n")
    assert wire.status()[0].startswith(b"OK")
    wire.start_tls()
    assert wire.status()[0].startswith(b"OK")
    if user:
        wire.send(b'AUTHENTICATE "PLAIN" "' + base64.b64encode(f"\0{user}\0{PASSWORD}".encode()) + b'"\r\n')
        assert wire.status()[0].startswith(b"OK")
    return wire


def put(wire: Wire, text: str, verb: bytes = b"CHECKSCRIPT") -> bytes:
    octets = text.encode()
    wire.send(verb + b" {%d+}\r\n" % len(octets) + octets + b"\r\n")
    return wire.status()[0]


@pytest.mark.parametrize("case", sieve_cases.STRANGERS, ids=str)
def test_a_stranger(service: Service, case: Case) -> None:
    with connect(service) as wire:
        wire.send(case.sent)
        heard = [wire.status()[0] for _ in case.right.split()]
        assert fits(heard, case.right), heard


@pytest.mark.parametrize("case", sieve_cases.LOGGED_IN, ids=str)
def test_an_account_of_ours(service: Service, case: Case) -> None:
    with connect(service, "siv") as wire:
        wire.send(case.sent)
        heard = [wire.status()[0] for _ in case.right.split()]
        assert fits(heard, case.right), heard
        if not case.right.endswith("-"):
            wire.send(b"NOOP\r\n")
            assert wire.status()[0].startswith(b"OK")


@pytest.mark.parametrize(
    "injected", [b"NOOP\r\n", b'AUTHENTICATE "PLAIN" "AAA="\r\n', b"NOOP {9+}\r\nab", b'NOOP "'], ids=repr
)
def test_what_was_said_in_the_clear_does_not_count_within_tls(service: Service, injected: bytes) -> None:
    """CVE-2011-0411, CVE-2021-33515, RFC 5804 section 2.2."""
    with service.wire("managesieve") as wire:
        wire.status()
        wire.send(b"STARTTLS\r\n" + injected)
        assert wire.status()[0].startswith(b"OK")
        wire.start_tls()
        assert wire.status()[0].startswith(b"OK")
        wire.send(b'NOOP "mine"\r\n')
        assert b"mine" in wire.status()[0]


@pytest.mark.parametrize("script", sieve_cases.CHECKED, ids=str)
def test_a_script(service: Service, script: Script) -> None:
    with connect(service, "siv") as wire:
        answer = put(wire, script.text)
        assert fits([answer], script.right), answer
        wire.send(b"NOOP\r\n")
        assert wire.status()[0].startswith(b"OK")


@pytest.mark.parametrize("run", sieve_cases.RUNS, ids=str)
def test_a_script_that_runs(service: Service, run: Run) -> None:
    with connect(service, "siv") as wire:
        answer = put(wire, run.text, b'PUTSCRIPT "attack"')
        assert answer.startswith((b"OK", b"NO"))
        if answer.startswith(b"NO"):  # the errors stand in the answer, and nothing is there to run
            pytest.fail(f"it does not compile: {answer.decode()}")
        wire.send(b'SETACTIVE "attack"\r\n')
        assert wire.status()[0].startswith(b"OK")
    subject = f"run {run.name}"
    message = (
        f"From: a@outside.example\r\nTo: siv@alumni.example\r\nSubject: {subject}\r\nX-Long: {'a' * 20_000}\r\n"
        "X-Path: ../../kari/INBOX\r\n\r\n" + "words of a body\r\n" * 5000
    )
    reply = service.deliver(message.encode(), "siv")
    assert reply.startswith(b"250"), reply
    assert subject in service.subjects("siv", run.mailbox)
    assert subject not in service.subjects("kari")
    with connect(service, "siv") as wire:
        wire.send(b'SETACTIVE ""\r\n')
        assert wire.status()[0].startswith(b"OK")
