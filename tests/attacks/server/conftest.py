"""One `alumnimail serve` on loopback for all attacks of a session, and what is asked of it after each surface."""

import re
import smtplib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.services.accounts import accounts
from tests.attacks.server.wire import Wire
from tests.journeys.conftest import PASSWORD, House, Sink
from tests.outside import Zone, dns_server

PEOPLE = ("ola", "kari", "siv", "per", "liv")
SETTINGS = """
login_failures_per_hour = 1000000
connections_per_minute = 0
messages_per_hour = 0
unknown_recipients_per_hour = 0
submissions_per_hour = 100000
sending_places = 0
message_size = "4M"
message_memory = "64K"
header_size = "64K"
line_length = "64K"
parts = 200
nesting = 20
work_seconds = 10
[forwarding]
targets = "any"
[web]
request_seconds = 3
"""


class Service(House):
    """The server under attack; `zone` is what its name server knows, and may grow."""

    zone: Zone
    read = 0  # of the log

    def wire(self, listener: str, *, tls: bool = False) -> Wire:
        return Wire(self.ports[listener], tls=tls)

    def smtp(self, hello: bytes = b"EHLO attacker.example\r\n") -> Wire:
        wire = self.wire("smtp")
        assert wire.reply().startswith(b"220"), "no greeting"
        if hello:
            wire.send(hello)
            assert wire.reply().startswith(b"250")
        return wire

    def imap(self, user: str = "ola", *commands: bytes) -> Wire:
        """A connection by TLS, logged in where a user is named."""
        wire = self.wire("imaps", tls=True)
        assert wire.line().startswith(b"* OK")
        for command in (f'LOGIN {user} "{PASSWORD}"'.encode() if user else b"NOOP", *commands):
            wire.send(b"t " + command + b"\r\n")
            answer, _ = wire.tagged()
            assert answer.startswith(b"t OK"), answer
        return wire

    def deliver(self, message: bytes, to: str = "kari", sender: str = "a@outside.example") -> bytes:
        """Send by SMTP and return the reply."""
        with self.smtp() as wire:
            wire.send(f"MAIL FROM:<{sender}> BODY=8BITMIME\r\nRCPT TO:<{to}@alumni.example>\r\nDATA\r\n".encode())
            replies = [wire.reply() for _ in range(3)]
            if not replies[2].startswith(b"354"):
                return replies[1]
            wire.send(re.sub(rb"(?m)^\.", b"..", message) + b"\r\n.\r\n")
            return wire.reply()

    def subjects(self, user: str, mailbox: str = "INBOX") -> list[str]:
        with self.imap(user, b"EXAMINE " + mailbox.encode()) as wire:
            wire.send(b"t UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n")
            _, answers = wire.tagged()
            return [one.strip().decode("utf-8", "replace") for one in re.findall(rb"(?i)\nSubject: ([^\r]*)", answers)]

    def complaints(self) -> str:
        """Errors that nobody foresaw, in the log since it was last read."""
        octets = (self.folder / "log").read_bytes()[self.read :]
        self.read += len(octets)
        text = octets.decode(errors="replace")
        return "\n".join(re.findall(r"(?ms)^[^\n]*(?:Traceback|ERROR)[^\n]*\n.{0,3000}", text)[:3])

    def assert_serves(self, subject: str) -> None:
        """A message comes in and is read; every listener answers; the log has no error that nobody foresaw."""
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=30) as client:
            message = f"From: a@outside.example\r\nSubject: {subject}\r\n\r\nhei\r\n"
            client.sendmail("a@outside.example", ["liv@alumni.example"], message)
        assert subject in self.subjects("liv")
        with self.wire("managesieve") as wire:
            assert wire.status()[0].startswith(b"OK")
        with self.wire("submission") as wire:
            assert wire.reply().startswith(b"220")
        with urllib.request.urlopen(self.url("/health"), timeout=30) as answer:
            assert answer.read() == b"ok\n"
        assert self.process is not None
        assert self.process.poll() is None
        assert self.complaints() == ""


@pytest.fixture(scope="session")
def relay() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, relay: Sink) -> Iterator[Service]:
    zone: Zone = {("outside.example", "A"): ["127.0.0.1"]}
    folder = Path(tmp_path_factory.mktemp("service"))
    with dns_server(zone) as dns:
        house = Service(
            folder,
            relay,
            workers=0,
            direct='mode = "direct"\nbind = "127.0.0.2"',
            more=SETTINGS + f'[dns]\nservers = ["{dns}"]',
        )
        house.zone = zone
        core = cores.build(parse_config(house.config.read_text()))
        for name in PEOPLE:
            accounts.add_account(core, name, password=PASSWORD, contact=f"{name}@outside.example")
        cores.close(core)
        house.start()
        yield house
        house.kill()


@pytest.fixture(scope="module", autouse=True)
def _it_still_serves(request: pytest.FixtureRequest, service: Service) -> Iterator[None]:
    """Asked after each surface."""
    yield
    service.assert_serves(request.module.__name__.rpartition(".")[2])
