"""IMAP and ManageSieve behind a load balancer: whose connection it is stands in the header that the balancer sends first."""

import asyncio
import base64
import contextlib
import ssl

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.imap import server as imap
from mailcore.managesieve import server as managesieve
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login_log
from tests.machine import until

PASSWORD = "en lang hemmelighet"
HEADER = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 993\r\n"
HEADER_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes((192, 0, 2, 7, 127, 0, 0, 1)) + b"\x0f\xa0\x03\xe1"
LOG_IN = {
    "imap": b"a LOGIN ola@alumni.example {%d+}\r\n%s\r\n" % (len(PASSWORD), PASSWORD.encode()),
    "managesieve": b'AUTHENTICATE "PLAIN" "%s"\r\n' % base64.b64encode(f"\0ola\0{PASSWORD}".encode()),
}


@pytest.fixture
def core(tmp_path):
    listeners = "".join(f'{name} = "127.0.0.1:0"\n' for name in ("imaps", "imap", "managesieve"))
    text = f'data = "{tmp_path}"\n[listen]\n{listeners}balancers = ["127.0.0.0/8"]\n[limits]\nplaintext = "loopback"\n'
    built = cores.build(parse_config(text))
    certificates.ensure_certificate(built.config, built.clock)
    accounts.add_account(built, "ola", password=PASSWORD)
    yield built
    cores.close(built)


def talk(core, listener: str, header: bytes) -> bytes:
    """Say the header, log in, and return what is heard."""

    async def play() -> bytes:
        context = certificates.tls_context(core.config)
        opened = await (managesieve if listener == "managesieve" else imap).start(core, context)
        place = 1 if listener == "imap" else 0
        reader, writer = await asyncio.open_connection(*opened[place].sockets[0].getsockname())
        heard = b""
        with contextlib.suppress(ConnectionError):
            writer.write(header)
            if header and listener != "imap":
                if listener == "managesieve":
                    await read_until(reader, b"OK")
                    writer.write(b"STARTTLS\r\n")
                    await read_until(reader, b"OK")
                await writer.start_tls(ssl._create_unverified_context())
            writer.write(LOG_IN["managesieve" if listener == "managesieve" else "imap"] + b"a LOGOUT\r\nLOGOUT\r\n")
            heard = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        for one in opened:
            one.close()
        return heard

    return asyncio.run(play())


async def read_until(reader: asyncio.StreamReader, word: bytes) -> None:
    while not (await asyncio.wait_for(reader.readline(), 60)).startswith(word):
        pass


@pytest.mark.parametrize("header", [HEADER, HEADER_2], ids=["1", "2"])
@pytest.mark.parametrize("listener", ["imap", "imaps", "managesieve"])
def test_a_log_in_is_of_the_address_that_the_balancer_names(core, listener, header):
    if listener == "imap":
        header = header.replace(b"192.0.2.7", b"127.0.0.9").replace(bytes((192, 0, 2, 7)), bytes((127, 0, 0, 9)))
    assert b"OK" in talk(core, listener, header)
    ola = accounts.find_account(core, "ola").id
    assert until(lambda: bool(login_log.list_logins(core, ola)))
    (event,) = login_log.list_logins(core, ola)
    assert event.place == ("127.0.0.9" if listener == "imap" else "192.0.2.7")


@pytest.mark.parametrize("listener", ["imap", "imaps", "managesieve"])
def test_what_is_no_header_of_a_balancer_gets_no_word(core, listener):
    assert talk(core, listener, b"") == b""
