"""Where mail goes, asked of a name server of our own (RFC 5321 section 5.1, RFC 7505), and TLS on the way."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.message
import dns.rcode
import dns.rrset
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from mailcore.clock import Clock
from mailcore.config import Config, Dns, Outbound
from mailcore.queue import client
from mailcore.queue.client import SmtpConnection
from mailcore.queue.lookup import Lookup
from mailcore.queue.route import Hop, NoMailHere, RouteUnknown, find_route, list_addresses
from mailcore.services import certificates
from tests.outside import dns_server

ZONE = {
    ("two.example.", "MX"): ("20 back.example.", "10 front.example."),
    ("null.example.", "MX"): ("0 .",),
    ("plain.example.", "A"): ("192.0.2.1",),
    ("front.example.", "A"): ("127.0.0.1",),
    ("front.example.", "AAAA"): ("::1",),
}


class NameServer(asyncio.DatagramProtocol):
    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, octets, address) -> None:
        asked = dns.message.from_wire(octets)
        [question] = asked.question
        name, kind = str(question.name), question.rdtype.name
        reply = dns.message.make_response(asked)
        if (name, kind) in ZONE:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind]))
        elif name == "broken.example.":
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif not any(known == name for known, _ in ZONE):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), address)


@asynccontextmanager
async def names() -> AsyncIterator[Config]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    try:
        yield Config(dns=Dns((f"127.0.0.1:{transport.get_extra_info('sockname')[1]}",)))
    finally:
        transport.close()


@pytest.mark.parametrize(("domain", "found"), [
    ("two.example", ["front.example", "back.example"]),
    ("plain.example", ["plain.example"]),
    ("[192.0.2.7]", ["192.0.2.7"]),
    ("[IPv6:2001:db8::1]", ["2001:db8::1"]),
    ("null.example", NoMailHere),
    ("absent.example", NoMailHere),
    ("[nowhere]", NoMailHere),
    ("a..example", NoMailHere),
    ("x" * 64 + ".example", NoMailHere),
    ("broken.example", RouteUnknown),
])  # fmt: skip
def test_hops(domain, found):
    async def ask() -> list[str]:
        async with names() as config:
            return [hop.host for hop in (await find_route(config, Lookup(config), domain)).hops]

    if isinstance(found, list):
        assert asyncio.run(ask()) == found
    else:
        with pytest.raises(found):
            asyncio.run(ask())


def test_addresses_come_from_the_configured_server():
    async def ask() -> list[list[str]]:
        async with names() as config:
            lookup = Lookup(config)
            return [await list_addresses(lookup, host) for host in ("front.example", "back.example", "192.0.2.9")]

    assert asyncio.run(ask()) == [["::1", "127.0.0.1"], [], ["192.0.2.9"]]


class Peer:
    def __init__(self) -> None:
        self.mail: list[bool] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mail.append(session.ssl is not None)
        return "250 OK"


async def sent(config: Config, peer: Peer, times: int = 1, **settings) -> list[int]:
    """The codes of `times` messages over one Connection to `peer`."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(peer, hostname="x", loop=loop, **settings), "127.0.0.1", 0)
    connection = SmtpConnection(config, Hop("127.0.0.1", server.sockets[0].getsockname()[1]))
    try:
        return [
            (await connection.send("a@b.example", "x@y.example", [b"Subject: x\r\n\r\nx\r\n"])).code
            for _ in range(times)
        ]
    finally:
        await connection.quit()
        server.close()
        await server.wait_closed()


def test_tls_is_used_when_it_is_offered(tmp_path):
    config, peer = Config(data=str(tmp_path)), Peer()
    certificates.ensure_certificate(config, Clock())
    assert asyncio.run(sent(config, peer, 2, tls_context=certificates.tls_context(config))) == [250, 250]
    assert peer.mail == [True, True]


@pytest.mark.parametrize("user", ["", "relay"])
def test_tls_that_fails_means_plain_text_but_never_for_a_password(tmp_path, user):
    config = Config(data=str(tmp_path), outbound=Outbound(mode="relay", user=user, password="secret"))
    peer = Peer()
    without_certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert asyncio.run(sent(config, peer, tls_context=without_certificate)) == [0 if user else 250]
    assert peer.mail == ([] if user else [False])


class Relay(Peer):
    """Knows every password, and remembers that it was told one."""

    def __init__(self) -> None:
        super().__init__()
        self.passwords: list[bytes] = []

    def authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        self.passwords.append(data.password)
        return AuthResult(success=True)


@pytest.mark.parametrize(
    ("host", "tls", "code"),
    [
        ("relay.example", "none", 0),
        ("127.0.0.1", "none", 0),
        ("relay.example", "starttls", 250),
        ("relay.example", "implicit", 250),
        ("127.0.0.1", "starttls", 250),
        ("other.example", "starttls", 0),
        ("other.example", "implicit", 0),
    ],
)
def test_a_password_goes_to_a_relay_elsewhere_by_tls_only_and_to_nobody_else(tmp_path, monkeypatch, host, tls, code):
    authority, relay = trustme.CA(), Relay()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr(client, "is_this_machine", lambda address: False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("relay.example").configure_cert(context)

    async def play() -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(
                relay,
                hostname="x",
                loop=loop,
                tls_context=context if tls == "starttls" else None,
                authenticator=relay.authenticate,
                auth_require_tls=False,
            ),
            "127.0.0.1",
            0,
            ssl=context if tls == "implicit" else None,
        )
        port = server.sockets[0].getsockname()[1]
        if tls == "implicit":
            monkeypatch.setattr(client, "IMPLICIT_TLS", port)
        with dns_server({(name, "A"): ["127.0.0.1"] for name in ("relay.example", "other.example")}) as dns:
            config = Config(dns=Dns((dns,)), outbound=Outbound(mode="relay", user="relay", password="secret"))
            connection = SmtpConnection(config, Hop(host, port))
            try:
                return (await connection.send("a@b.example", "x@y.example", [b"Subject: x\r\n\r\nx\r\n"])).code
            finally:
                await connection.quit()
                server.close()
                await server.wait_closed()

    assert asyncio.run(play()) == code
    assert relay.passwords == ([b"secret"] if code else [])


def test_a_relay_that_refuses_our_password_means_waiting(tmp_path):
    config = Config(outbound=Outbound(mode="relay", user="relay", password="wrong"))
    assert asyncio.run(sent(config, Peer(), 2, auth_require_tls=False, auth_required=False)) == [0, 0]
