"""Forwarding: no loop goes round, no address of the way back is made up, no sender's words become commands or fields."""

import json
import re
from collections.abc import Callable

import pytest

from tests.attacks.server.conftest import Service
from tests.attacks.server.forwarding_cases import CASES, QUIET, TAMPERED, VACATION, Case
from tests.attacks.server.test_sieve import connect, put
from tests.journeys.conftest import Sink
from tests.machine import until

TARGET = "per@home.example"


@pytest.fixture(scope="module", autouse=True)
def _per_forwards(service: Service) -> None:
    service.zone["home.example", "MX"] = ["10 mx.home.example."]
    service.zone["mx.home.example", "A"] = ["127.0.0.1"]
    service.run("forward", "set", "per", TARGET, "--confirmed")


def passed_on(relay: Sink, subject: str) -> list[tuple[str, str, bytes]]:
    return [one for one in list(relay.mail) if f"Subject: {subject}\r\n".encode() in one[2]]


def queued(service: Service) -> list[str]:
    return [item["recipient"] for item in json.loads(service.run("queue", "list", "--json"))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_message(service: Service, relay: Sink, case: Case) -> None:
    subject = f"forward {case.name}"
    author = "" if "From:" in case.fields else "From: a@outside.example\r\n"
    reply = service.deliver(f"{case.fields}{author}Subject: {subject}\r\n\r\nhei".encode(), "per", case.sender)
    assert reply.decode()[:3] in case.right.split("|"), reply
    service.assert_serves(subject)  # what was to go on has had as long as a message that came later
    assert until(lambda: len(passed_on(relay, subject)) == case.on, 20 if case.on else 1), len(
        passed_on(relay, subject)
    )
    for sender, recipient, octets in passed_on(relay, subject):
        assert recipient == TARGET
        assert sender == "" or re.fullmatch(r"srs0=[a-z2-7]{32}@srs\.alumni\.example", sender)
        ours = octets.partition(b"ARC-Seal: i=1; cv=none; d=x")[0]
        assert b"Authentication-Results: mx.alumni.example; dmarc=pass\r\n" not in ours
    assert not any("evil" in to for _, to, _ in relay.mail)


@pytest.mark.parametrize(("name", "change", "sender", "right"), TAMPERED, ids=[row[0] for row in TAMPERED])
def test_an_address_of_the_way_back(
    service: Service, relay: Sink, name: str, change: Callable[[str], str], sender: str, right: str
) -> None:
    """CWE-345: it is good for reports to whoever wrote, and for nothing else."""
    if not passed_on(relay, "way back"):
        assert service.deliver(b"From: a@outside.example\r\nSubject: way back\r\n\r\nhei", "per").startswith(b"250")
        assert until(lambda: bool(passed_on(relay, "way back")))
    local = passed_on(relay, "way back")[0][0].partition("@")[0]
    with service.smtp() as wire:
        wire.send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{change(local)}@srs.alumni.example>\r\n".encode())
        assert wire.reply().startswith(b"250")
        assert wire.reply().decode()[:3] in right.split("|")
        before = len(relay.mail)
        wire.send(f"DATA\r\nFrom: x@outside.example\r\nSubject: back {name}\r\n\r\nhei\r\n.\r\n".encode())
        wire.reply()
    service.assert_serves(f"way back {name}")
    assert not any(f"Subject: back {name}".encode() in octets for _, _, octets in relay.mail[before:])


def test_two_scripts_that_send_to_each_other_end(service: Service, relay: Sink) -> None:
    """RFC 5321 section 6.3, RFC 5228 section 4.2: it comes back once, is filed once more, and ends."""
    for user, other in (("siv", "ola"), ("ola", "siv")):
        with connect(service, user) as wire:
            assert put(wire, f'redirect "{other}@alumni.example"; keep;', b'PUTSCRIPT "loop"').startswith(b"OK")
            wire.send(b'SETACTIVE "loop"\r\n')
            assert wire.status()[0].startswith(b"OK")
    assert service.deliver(b"From: a@outside.example\r\nSubject: round\r\n\r\nhei", "siv").startswith(b"250")
    assert until(lambda: "round" in service.subjects("ola"))
    assert until(
        lambda: (
            "alumni.example" not in str([i["recipient"] for i in json.loads(service.run("queue", "list", "--json"))])
        ),
        20,
    )
    assert (service.subjects("siv").count("round"), service.subjects("ola").count("round")) == (2, 1)
    for user in ("siv", "ola"):
        with connect(service, user) as wire:
            wire.send(b'SETACTIVE ""\r\n')
            assert wire.status()[0].startswith(b"OK")


@pytest.mark.parametrize(("name", "source", "fields", "sender"), QUIET, ids=[row[0] for row in QUIET])
def test_nobody_is_told_that_somebody_is_away(
    service: Service, relay: Sink, name: str, source: str, fields: str, sender: str
) -> None:
    with connect(service, "siv") as wire:
        assert put(wire, VACATION, b'PUTSCRIPT "away"').startswith(b"OK")
        wire.send(b'SETACTIVE "away"\r\n')
        assert wire.status()[0].startswith(b"OK")
    to = "kari" if name == "not to me" else "siv"
    message = f"{fields}From: a@outside.example\r\nTo: {to}@alumni.example\r\nSubject: away {name}\r\n\r\nhei"
    service.deliver(message.encode(), "siv", sender)
    service.assert_serves(f"quiet {name}")
    assert not any(b"I am away" in octets for _, _, octets in relay.mail)
