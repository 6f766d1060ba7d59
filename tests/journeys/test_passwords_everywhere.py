"""Passwords and the protocols that each opens, with a real server, a directory and real clients (S11, S12, S13, N10)."""

import base64
import imaplib
import json
import re
import smtplib
import socket
import ssl
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from mailcore import core as cores
from mailcore.config_file import load_config
from mailcore.domain import Scope
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords
from mailcore.store.people import second_factors
from mailcore.store.people.second_factors import FactorKind
from tests.directory import university
from tests.journeys.conftest import Browser, House, Sink
from tests.machine import until

pytestmark = [
    pytest.mark.slow,
    # imaplib and smtplib leave their plain sockets to the garbage collector after a refusal
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
OURS, THEIRS = "en god lang setning æøå", "directory pass æøå"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    with university(tmp_path_factory.mktemp("everywhere")) as made:
        made.add("ola", "p1", THEIRS, "student")
        made.add("kari", "p3", THEIRS, "employee")  # the user name kari is somebody else's now
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory, slapd) -> Iterator[House]:
    sink = Sink()
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in asdict(slapd.settings()).items())
    made = House(tmp_path_factory.mktemp("house"), sink, workers=0, more=f"[directory]\n{table}")
    made.config.write_text(made.config.read_text().replace('trusted = ["127.0.0.0/8"]\n', ""))
    made.start()
    for name, person in (("ola", "p1"), ("kari", "p2")):
        made.run("user", "add", name, "--person", person, "--password-stdin", given=OURS + "\n")
    yield made
    made.kill()
    sink.stop()


# One log-in by each protocol: "" for yes, else the words of the refusal


def by_imap(house: House, name: str, password: str) -> str:
    client = imaplib.IMAP4_SSL(
        "127.0.0.1", house.ports["imaps"], ssl_context=ssl._create_unverified_context(), timeout=60
    )
    try:
        client.authenticate("PLAIN", lambda _: f"\0{name}\0{password}".encode())
        client.select()
    except imaplib.IMAP4.error as refused:
        return str(refused)
    finally:
        client.shutdown()
    return ""


def by_smtp(house: House, name: str, password: str) -> str:
    with smtplib.SMTP("127.0.0.1", house.ports["submission"], timeout=60) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.ehlo()
        token = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        code, words = client.docmd("AUTH", f"PLAIN {token}")
        return "" if code == 235 else f"{code} {words.decode()}"


def by_managesieve(house: House, name: str, password: str) -> str:
    plain = socket.create_connection(("127.0.0.1", house.ports["managesieve"]), 60)
    greeting = b""
    while b"OK" not in greeting:
        greeting += plain.recv(4096)
    plain.sendall(b"STARTTLS\r\n")
    assert plain.recv(4096).startswith(b"OK")
    with ssl._create_unverified_context().wrap_socket(plain) as client:
        said = b""
        while b"OK" not in said:
            said += client.recv(4096)
        token = base64.b64encode(f"\0{name}\0{password}".encode())
        client.sendall(b'AUTHENTICATE "PLAIN" "' + token + b'"\r\n')
        answer = client.recv(4096).decode()
        return "" if answer.startswith("OK") else answer


def by_portal(house: House, name: str, password: str) -> str:
    try:
        page = Browser(house).post("/login", username=name, password=password)
    except urllib.error.HTTPError as refused:
        with refused:
            return f"{refused.code} {refused.read().decode()}"
    return "" if "/logout" in page else page


WAYS: dict[Scope, Callable[[House, str, str], str]] = {
    Scope.IMAP: by_imap,
    Scope.SMTP: by_smtp,
    Scope.SIEVE: by_managesieve,
    Scope.PORTAL: by_portal,
}
EVERY = pytest.mark.parametrize("way", WAYS.values(), ids=[scope.value for scope in WAYS])


@EVERY
def test_s12_either_password_opens_every_protocol(house, way):
    for username in ("ola", "Ola@Alumni.example"):
        assert way(house, username, OURS) == ""
        assert way(house, username, THEIRS) == ""
    assert way(house, "ola@university.example", OURS) != ""


@EVERY
def test_n10_a_recycled_user_name_opens_nothing_in_any_protocol(house, way):
    assert way(house, "kari", OURS) == ""
    assert way(house, "kari", THEIRS) != ""


@EVERY
def test_s11_while_the_directory_is_down_nobody_is_told_that_the_password_is_wrong(house, slapd, way):
    words = {
        by_imap: r"\[UNAVAILABLE\]",
        by_smtp: r"^454 4\.7\.0",
        by_managesieve: r"NO \(TRYLATER\)",
        by_portal: r"^503",
    }
    slapd.stop()
    try:
        assert way(house, "ola", OURS) == ""
        for _ in range(3):
            assert re.search(words[way], way(house, "ola", THEIRS + "!"))
            assert re.search(words[way], way(house, "nobody", THEIRS))  # strangers are told the same
    finally:
        slapd.start()
    assert until(lambda: way(house, "ola", THEIRS) == "")


def failures(house: House) -> int:
    with opened(house) as core:
        return int(core.db.read(lambda tx: tx.row("SELECT count(*) FROM login_failure"))[0])


def test_s11_a_failure_is_counted_once_and_an_outage_for_nobody(house, slapd):
    before = failures(house)
    # it may be left alone for five seconds
    until(lambda: "AUTHENTICATIONFAILED" in by_imap(house, "ola", "something else"))
    assert failures(house) == before + 1
    slapd.stop()
    try:
        for way in WAYS.values():
            way(house, "ola", "something new")
    finally:
        slapd.start()
    assert failures(house) == before + 1


@pytest.mark.parametrize("scope", [Scope.IMAP, Scope.SMTP, Scope.SIEVE])
def test_an_app_password_opens_the_protocol_it_was_made_for_and_no_other(house, scope):
    with opened(house) as core:
        if not [one for one in accounts.list_accounts(core) if one.name == "per"]:
            per = accounts.add_account(core, "per", password=OURS)
            core.db.write(
                lambda tx: second_factors.add_factor(tx, per.id, FactorKind.TOTP, "", "", "", 0, 0, active=True)
            )
        made = app_passwords.create_app_password(core, accounts.find_account(core, "per").id, f"only {scope}", [scope])
    for here, way in WAYS.items():
        opens = here is scope
        assert (way(house, "per", made) == "") is opens, here
        if here is not Scope.PORTAL:  # with a second step the password alone opens no mail program
            assert way(house, "per", OURS) != "", here


class opened:  # noqa: N801 - reads as a function
    """The database of the running server."""

    def __init__(self, house: House) -> None:
        self._core = cores.build(load_config(str(house.config)))

    def __enter__(self):
        return self._core

    def __exit__(self, *_: object) -> None:
        cores.close(self._core)
