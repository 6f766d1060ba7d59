"""The queue against hostile hosts: nothing is lost or grows, no report breaks out of its fields, and others get their mail."""

import email
import json
import re
import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.server.conftest import Service
from tests.attacks.server.hostile_hosts import HOSTS, Host, Listener
from tests.journeys.conftest import PASSWORD, Sink
from tests.machine import until

MOST_GROWTH = 150 * 2**20  # octets of memory, of 75 hosts at once, several of which would give 400 MiB each
SECONDS = 60.0
BODY = "".join(f"{number} words of a message that is not small\r\n" for number in range(70_000))


def domain_of(host: Host) -> str:
    return f"h{HOSTS.index(host)}.hostile.example"


def memory_of(service: Service) -> int:
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


class Fates:
    """Outcomes of one message, by the host that it was sent to."""

    def __init__(self, service: Service, listeners: dict[str, Listener]) -> None:
        self._service, self._listeners = service, listeners
        self.reports: dict[str, bytes] = {}
        self.waiting: dict[str, str] = {}

    def look(self) -> None:
        items = json.loads(self._service.run("queue", "list", "--json"))
        self.waiting = {item["recipient"]: "waiting" if item["tries"] else "busy" for item in items}
        with self._service.imap("liv", b"EXAMINE INBOX") as wire:
            wire.send(b"t UID FETCH 1:* BODY.PEEK[]\r\n")
            _, octets = wire.tagged()
        for report in re.split(rb"\* \d+ FETCH ", octets):
            for recipient in re.findall(rb"(?m)^Final-Recipient: rfc822; ?(\S+)\r$", report):
                self.reports[recipient.decode()] = report

    def of(self, host: Host) -> str:
        recipient = f"x@{domain_of(host)}"
        if recipient in self.waiting:
            return self.waiting[recipient]
        return "returned" if recipient in self.reports else "sent" if self._listeners[host.name].taken else "claimed"


@pytest.fixture(scope="module")
def fates(service: Service, relay: Sink) -> Iterator[Fates]:
    """Send one message to all of them at once, and wait until each is decided or busy for good."""
    listeners = {}
    for number, host in enumerate(HOSTS):
        address, name = f"127.1.0.{number + 1}", domain_of(host)
        service.zone[name, "MX"] = [f"10 mx.{name}."]
        service.zone[f"mx.{name}", "A"] = [address]
        listeners[host.name] = Listener(host, address, relay.port)
    service.zone["honest.example", "MX"] = ["10 mx.honest.example."]
    service.zone["mx.honest.example", "A"] = ["127.0.0.1"]
    before = memory_of(service)
    submit(service, [f"x@{domain_of(host)}" for host in HOSTS], BODY)
    began = time.monotonic()
    submit(service, ["x@honest.example"], "hei\r\n")  # is not held up by any of them
    assert until(lambda: any(to == "x@honest.example" for _, to, _ in relay.mail), 30)
    found = Fates(service, listeners)
    most = memory_of(service)
    while time.monotonic() - began < SECONDS:
        found.look()
        most = max(most, memory_of(service))
        if all(found.of(host) in host.right.split("|") for host in HOSTS):
            break
        time.sleep(0.5)
    assert most - before < MOST_GROWTH, (most - before) // 2**20
    yield found
    for listener in listeners.values():
        listener.close()


def submit(service: Service, recipients: list[str], text: str) -> None:
    with smtplib.SMTP("127.0.0.1", service.ports["submission"], timeout=60) as client:
        client.ehlo("attacker.example")
        client.login("liv", PASSWORD)
        message = f"From: liv@alumni.example\r\nSubject: to many\r\nMessage-ID: <{time.monotonic_ns()}@x>\r\n\r\n{text}"
        client.sendmail("liv@alumni.example", recipients, message.encode())


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_a_host(fates: Fates, host: Host) -> None:
    assert fates.of(host) in host.right.split("|")
    taken = fates._listeners[host.name].taken
    if host.right == "sent":
        assert len(taken) == 1
        assert b"69999 words" in taken[0]
    report = fates.reports.get(f"x@{domain_of(host)}")
    if report is not None:
        message = email.message_from_bytes(report[report.find(b"\r\n") + 2 :])
        assert "X-Evil" not in message
        assert "Bcc" not in message
        status = next(part for part in message.walk() if part.get_content_type() == "message/delivery-status")
        fields = {name for block in status.get_payload() for name in block}
        assert not fields & {"X-Evil", "Bcc"}
        assert "\x1b" not in status.as_string()
        assert re.search(r"(?m)^Status: 5\.\d{1,3}\.\d{1,3}$", status.as_string())
