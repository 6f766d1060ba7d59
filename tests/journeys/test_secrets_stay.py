"""Secrets are planted, used, and looked for where they must not be: logs, error pages, process lists, database, backups."""

import base64
import contextlib
import os
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.domain import Scope
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords
from mailcore.services.signin import recovery
from tests.journeys.conftest import House, Sink

pytestmark = pytest.mark.slow
PASSWORD, WRONG = "fjord lantern cobalt 4711", "meadow anchor violet 0815"
RELAY = "relay-secret-of-the-settings-9034"
MORE = f'[directory]\nbind_password = "{RELAY}"\n'


def spellings(secret: str | bytes) -> set[bytes]:
    """Everything that a secret may look like: as it is, in an address, in base64 at any offset, in hex."""
    plain = secret.encode() if isinstance(secret, str) else secret
    found = {plain, plain.hex().encode(), plain.replace(b" ", b"+"), plain.replace(b" ", b"%20")}
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + plain)
        # the groups of four that are the secret's alone
        found.add(whole[4 if before else 0 : len(whole) // 4 * 4 - 4].strip(b"="))
    return {one for one in found if len(one) >= 8}


class Planted:
    """A service that runs, and the secrets that were used with it, by name."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.secrets: dict[str, str | bytes] = {}
        self.pages: list[str] = []

    def find(self, octets: bytes, but: frozenset[str] = frozenset()) -> set[str]:
        return {
            name
            for name, secret in self.secrets.items()
            if name not in but and any(one in octets for one in spellings(secret))
        }


class Visitor:
    """A browser that reads pages of errors, too."""

    def __init__(self, house: House) -> None:
        self._house, self.jar = house, CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str, data: bytes | None = None, **headers: str) -> str:
        asked = urllib.request.Request(self._house.url(path), data, headers)
        try:
            with self._opener.open(asked, timeout=60) as answer:
                return answer.read().decode() + str(answer.headers)
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.read().decode() + str(problem.headers)

    def log_in(self, password: str) -> str:
        hidden = re.findall(
            r'<input[^>]*name="([^"]+)"[^>]*type="hidden"[^>]*value="([^"]*)"', page := self.get("/login")
        )
        hidden += re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
        return self.get("/login?lang=en", urlencode([*hidden, ("username", "ola"), ("password", password)]).encode())


def plant(house: House) -> Planted:
    """Create one secret of each kind, and use it in all ways, rightly and wrongly."""
    planted = Planted(house)
    secrets = planted.secrets
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    secrets |= {"password": PASSWORD, "wrong password": WRONG, "secret of the settings": RELAY}
    secrets["token"] = house.run("token", "create", "identity", "--scope", "counts").strip().splitlines()[-1]
    core = cores.build(parse_config(house.config.read_text()))
    try:
        account = accounts.find_account(core, "ola")
        secrets["app password"] = app_passwords.create_app_password(core, account.id, "phone", [Scope.IMAP])
        secrets["recovery code"], secrets["spent code"], *_ = recovery.create_codes(core, account)
    finally:
        cores.close(core)
    data = house.folder / "var"
    key = (data / "dkim/rsa1.pem").read_text().splitlines()
    secrets["DKIM key"] = "".join(key[1:-1])[900:960]  # before that stands the modulus, which is public
    secrets["key that seals"] = (data / "keys/scram").read_bytes()

    browser = Visitor(house)
    pages = planted.pages
    pages.append(browser.log_in(WRONG))
    pages.append(browser.log_in(PASSWORD))
    assert 'id="quota"' in pages[-1]
    [session] = [cookie.value for cookie in browser.jar if "session" in cookie.name]
    # the browser alone is told of it, in the header of its cookie
    pages[:] = [re.sub(r"(?im)^set-cookie:.*$", "", page) for page in pages]
    secrets["session cookie"] = session or ""
    pages += map(browser.get, ("/", "/account", "/nowhere", "/account/security", "/mail/", "/mail/INBOX/4711"))
    token = str(secrets["token"])
    for word in (PASSWORD, token, str(secrets["spent code"])):
        basic = base64.b64encode(f"ola:{word}".encode()).decode()
        stranger = Visitor(house)
        pages.append(stranger.get(f"/nowhere?q={word.replace(' ', '+')}", Cookie=f"session={session}"))
        pages.append(stranger.get("/login", f"username=ola&password={word}&csrf_token=no".encode()))
        pages.append(stranger.get("/scim/v2/Users", Authorization=f"Bearer {word}"))
        pages.append(stranger.get("/dav/", Authorization=f"Basic {basic}"))
    pages.append(browser.get("/api/v1/counts", Authorization=f"Bearer {token}"))
    talk(house, PASSWORD, WRONG, str(secrets["app password"]))
    return planted


def talk(house: House, *passwords: str) -> None:
    """Log in with each by each protocol, and send lines that are wrong in every way."""
    for password in passwords:
        plain = base64.b64encode(f"\0ola\0{password}".encode()).decode()
        wrong = (
            f'b LOGIN ola "{password}',
            f'c LOGIN ola "{password}" more',
            password,
            f"d AUTHENTICATE PLAIN {plain}!",
        )
        say(house, "imap", *wrong, f'a LOGIN ola "{password}"', f"e {password}")
        say(house, "submission", "EHLO a", f"AUTH PLAIN {plain}!", password, f"AUTH PLAIN {plain}", f"MAIL {password}")
        say(
            house,
            "managesieve",
            f'AUTHENTICATE "PLAIN" "{plain}!"',
            password,
            f'AUTHENTICATE "PLAIN" "{plain}"',
            password,
        )


def say(house: House, port: str, *lines: str) -> None:
    """Send lines, each after an answer to the one before."""
    with socket.create_connection(("127.0.0.1", house.ports[port]), 60) as connection:
        for line in lines:
            if not connection.recv(4096):
                break
            connection.sendall(line.encode() + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Iterator[Planted]:
    sink = Sink()
    house = House(tmp_path_factory.mktemp("secrets"), sink, workers=1, more=MORE)
    house.start()
    try:
        yield plant(house)
    finally:
        house.kill()
        sink.stop()


def test_what_is_looked_for_is_found(planted):
    assert planted.find(b"xx" + base64.b64encode(b"ola\0ola\0" + PASSWORD.encode())) == {"password"}
    assert planted.find(b"?q=" + PASSWORD.replace(" ", "+").encode()) == {"password"}
    assert set(planted.secrets) >= {
        "token",
        "session cookie",
        "recovery code",
        "app password",
        "DKIM key",
        "key that seals",
    }
    assert all(len(secret) >= 8 for secret in planted.secrets.values())


def test_no_log_has_them(planted):
    octets = (planted.house.folder / "log").read_bytes()
    assert b"ready" in octets
    assert planted.find(octets) == set()


def test_no_page_has_them(planted):
    """Neither the pages of the one who is logged in nor those that tell of errors."""
    assert len(planted.pages) > 15
    for page in planted.pages:
        assert planted.find(page.encode()) == set(), page


def test_no_list_of_processes_has_them(planted):
    """Neither the server's processes nor commands that get a secret, while they run."""
    command = subprocess.Popen(
        [*planted.house.command(), "user", "add", "kari", "--password-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    supervisor = planted.house.process
    assert supervisor
    try:
        looked = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.getsid(int(pid)) != supervisor.pid and int(pid) != command.pid:
                    continue
                for name in ("cmdline", "environ"):
                    assert planted.find(Path(f"/proc/{pid}/{name}").read_bytes()) == set(), (pid, name)
                looked += 1
        assert looked >= 6
    finally:
        command.kill()
        command.communicate()


# What must be in the database, sealed or as a hash, is there in no other form; keys are files.
def test_the_database_has_none_of_them_as_it_is(planted):
    for file in filter(Path.is_file, planted.house.folder.glob("var/alumnimail.db*")):
        assert planted.find(file.read_bytes()) == set(), file


def test_a_backup_has_keys_as_files_and_no_other_secret(planted, tmp_path):
    folder = tmp_path / "backup"
    planted.house.run("backup", str(folder))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    keys = frozenset({"DKIM key", "key that seals"})
    for file in files:
        inside = file.relative_to(folder).parts
        assert planted.find(file.read_bytes(), but=keys if {"dkim", "keys"} & set(inside) else frozenset()) == set(), (
            file
        )
    assert any("dkim" in file.parts for file in files)
    readable = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert folder.stat().st_mode & 0o077 == 0 or readable == []


def test_no_secret_is_left_in_temporary_files(planted):
    for file in planted.house.folder.rglob("tmp/*"):
        if file.is_file():
            assert planted.find(file.read_bytes()) == set()


def test_no_command_takes_a_secret_as_an_argument(planted):
    """Everybody on the machine can read the arguments of a command, so a password is read from standard input."""
    for command in (("user", "add"), ("import", "imap")):
        options = re.findall(
            r"--[\w-]*(?:password|secret|token)[\w-]*(?: +[A-Z]+)?", planted.house.run(*command, "--help")
        )
        assert [option for option in options if "-stdin" not in option and "-file" not in option] == []
