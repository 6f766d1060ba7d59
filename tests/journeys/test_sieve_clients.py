"""Real ManageSieve clients against the real server: PHP's Net_Sieve (Roundcube's), sievelib, Thunderbird's add-on's flow."""

import base64
import re
import socket
import ssl
import subprocess

import pytest
from sievelib.managesieve import Client

from tests.journeys.conftest import PASSWORD, House
from tests.journeys.test_message_travels import swaks
from tests.machine import program

pytestmark = [pytest.mark.slow, pytest.mark.interop]
WORK = 'require "fileinto";\r\nif header :contains "subject" "work" { fileinto "Archive"; }\r\n'

# What Roundcube's managesieve plugin does through Net_Sieve, with TLS and SASL PLAIN.
ROUNDCUBE = r"""
require_once 'Net/Sieve.php';
function say($what, $value) { if (is_a($value, 'PEAR_Error')) { $value = 'ERROR ' . $value->getMessage(); }
    echo $what, '=', json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n"; }
$options = array('ssl' => array('cafile' => $argv[2], 'peer_name' => 'localhost'));
$sieve = new Net_Sieve('ola', $argv[3], 'localhost', (int) $argv[1], 'PLAIN', '', false, false, true, $options);
say('error', $sieve->getError());
say('fileinto', $sieve->hasExtension('fileinto'));
say('space', $sieve->haveSpace('roundcube', 100));
say('install', $sieve->installScript('roundcube', "require \"fileinto\";\r\nkeep;\r\n", true));
say('active', $sieve->getActive());
say('list', $sieve->listScripts());
say('text', $sieve->getScript('roundcube'));
say('bad', $sieve->installScript('bad', "nonsense;\r\n"));
say('second', $sieve->installScript('æøå "x"', "keep;\r\n"));
say('again', $sieve->listScripts());
say('remove', $sieve->removeScript('æøå "x"'));
say('deactivate', $sieve->setActive(''));
say('last', $sieve->removeScript('roundcube'));
say('end', $sieve->disconnect());
"""


@pytest.fixture
def house(build) -> House:
    made = build()
    made.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    return made


def authority(house: House) -> str:
    return str(house.folder / "var/tls/ca.pem")


def test_roundcube_s_client(house):
    words = [program("php"), "-r", ROUNDCUBE, "--", str(house.ports["managesieve"]), authority(house), PASSWORD]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180)
    said = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if "Net/Sieve" in done.stdout + done.stderr:
        program("php-net-sieve")  # skips by name
    assert said["error"] in ("false", "null", '""'), done.stdout + done.stderr
    assert said["fileinto"] == "true"
    assert said["install"] == "true"
    assert said["active"] == '"roundcube"'
    # Net_Sieve takes the line end after the literal too
    assert said["text"].startswith(r'"require \"fileinto\";\r\nkeep;\r\n')
    assert "nonsense" in said["bad"]
    assert said["second"] == "true"
    assert "æøå" in said["again"]
    assert [said[what] for what in ("remove", "deactivate", "last")] == ["true"] * 3


@pytest.mark.filterwarnings("ignore:Credentials are sent")
def test_sievelib_s_client(house):
    client = Client("127.0.0.1", house.ports["managesieve"])
    assert client.connect("ola", PASSWORD)
    assert client.havespace("work", 100)
    assert client.putscript("work", WORK)
    assert client.setactive("work")
    assert client.listscripts() == ("work", [])
    assert client.getscript("work") == WORK.replace("\r\n", "\n").rstrip("\n")
    assert not client.checkscript("nonsense;")
    assert b"line 1, column 1" in client.errmsg
    assert client.renamescript("work", "arbeid")
    assert client.setactive("")
    assert client.deletescript("arbeid")
    client.logout()


class Addon:
    """As Thunderbird's Sieve add-on speaks: strings with their length as literals, STARTTLS first, a CAPABILITY afterwards."""

    def __init__(self, house: House) -> None:
        self._socket = socket.create_connection(("localhost", house.ports["managesieve"]), 10)
        self._file = self._socket.makefile("rb")

    def secure(self, house: House) -> None:
        context = ssl.create_default_context(cafile=authority(house))
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._file = self._socket.makefile("rb")

    def answer(self) -> list[str]:
        """Lines up to OK, NO or BYE; a literal's text is one of them."""
        found = []
        while True:
            line = self._file.readline().decode().rstrip("\r\n")
            if size := re.search(r"\{(\d+)\}$", line):
                found += [line, self._file.read(int(size[1])).decode()]
                line = self._file.readline().decode().rstrip("\r\n")
                if line:
                    found.append(line)
                if found[-2 if line else -1] is not None and re.match("OK|NO|BYE", found[-3 if line else -2]):
                    return found
                if line:
                    found.pop()
                else:
                    continue
            if line or not found:
                found.append(line)
            if re.match("OK|NO|BYE", line):
                return found

    def say(self, text: str) -> list[str]:
        self._socket.sendall(text.encode())
        return self.answer()

    @staticmethod
    def literal(text: str) -> str:
        return f"{{{len(text.encode())}+}}\r\n{text}"

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def test_the_flow_of_thunderbird_s_add_on(house):
    addon = Addon(house)
    greeting = addon.answer()
    assert '"STARTTLS"' in greeting
    assert addon.say("STARTTLS\r\n")[-1].startswith("OK")
    addon.secure(house)
    told = addon.answer()  # RFC 5804 section 2.2: unasked for
    assert told[-1].startswith("OK")
    assert '"STARTTLS"' not in told
    sasl = next(line for line in told if line.startswith('"SASL"'))
    assert "PLAIN" in sasl
    response = base64.b64encode(f"\0ola\0{PASSWORD}".encode()).decode()
    assert addon.say(f'AUTHENTICATE "PLAIN" "{response}"\r\n')[-1].startswith("OK")
    assert '"OWNER" "ola"' in addon.say("CAPABILITY\r\n")
    assert addon.say("LISTSCRIPTS\r\n") == ["OK"]
    assert addon.say(f"CHECKSCRIPT {addon.literal(WORK)}\r\n") == ["OK"]
    assert addon.say(f'PUTSCRIPT "arbeid" {addon.literal(WORK)}\r\n') == ["OK"]
    assert addon.say('SETACTIVE "arbeid"\r\n') == ["OK"]
    assert addon.say("LISTSCRIPTS\r\n") == ['"arbeid" ACTIVE', "OK"]
    assert addon.say('NOOP "keep alive"\r\n') == ['OK (TAG "keep alive") "Done"']
    refused = addon.say(f'PUTSCRIPT "arbeid" {addon.literal("if { keep }")}\r\n')
    assert refused[0].startswith("NO")
    got = addon.say('GETSCRIPT "arbeid"\r\n')
    assert WORK in got
    assert addon.say('RENAMESCRIPT "arbeid" "ny"\r\n') == ["OK"]
    assert addon.say("UNAUTHENTICATE\r\n") == ["OK"]
    assert addon.say("LISTSCRIPTS\r\n")[0].startswith("NO")
    assert addon.say("LOGOUT\r\n")[0].startswith("OK")
    addon.close()


def test_scripts_are_carried_over_from_another_server(house, tmp_path):
    house.run("user", "add", "kari", "--password-stdin", given=PASSWORD)
    client = Client("127.0.0.1", house.ports["managesieve"])
    with pytest.warns(UserWarning, match="unencrypted"):
        client.connect("ola", PASSWORD)
    for name in ("work", "play"):
        client.putscript(name, WORK)
    client.setactive("play")
    client.logout()
    words = [
        "import",
        "sieve",
        "kari",
        "localhost",
        "ola",
        "--port",
        str(house.ports["managesieve"]),
        "--password-stdin",
    ]
    said = house.run(*words, "--ca", authority(house), given=PASSWORD + "\n")
    assert sorted(said.splitlines()) == ["play: taken, active", "work: taken"]
    swaks(house, "--from", "a@outside.example", "--to", "kari@alumni.example", "--header", "Subject: work")
    done = subprocess.run(
        [*house.command(), *words, "--ca", authority(house)],
        input=PASSWORD + "\n",
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 1
    assert "work: left out: there is a script of that name" in done.stderr
    wrong = subprocess.run(
        [*house.command(), *words, "--ca", authority(house)],
        input="wrong\n",
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert wrong.returncode == 1
    assert "does not accept" in wrong.stderr
