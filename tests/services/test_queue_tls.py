"""TLS on the way out as the route demands it: by MTA-STS, by DANE, by the sender's own word (REQUIRETLS)."""

import asyncio
import contextlib
import hashlib
import http.client
import socket
import ssl
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from mailcore import core as cores
from mailcore.config import Config, Dns, Outbound
from mailcore.domain import Dsn
from mailcore.net import https
from mailcore.queue import dane, route, sts
from mailcore.queue.client import SmtpConnection
from mailcore.queue.dane import Tlsa
from mailcore.queue.lookup import Lookup
from mailcore.queue.route import Hop, TlsResult
from mailcore.queue.sts import StsPolicies, StsTrouble
from tests.machine import dripping
from tests.outside import dns_server, txt

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Peer:
    def __init__(self) -> None:
        self.tls: list[bool] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.tls.append(session.ssl is not None)
        return "250 OK"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """OpenSSL's own authorities are those of the test."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@asynccontextmanager
async def peer_with(authority, name: str = "mx.good.example", *, tls: bool = True):
    """A host whose certificate is for `name`; gives it and its port."""
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
    peer, loop = Peer(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(peer, hostname="x", loop=loop, tls_context=context), "127.0.0.1", 0)
    try:
        yield peer, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def send(config: Config, hop: Hop, **asked):
    connection = SmtpConnection(config, hop)
    try:
        answer = await connection.send("a@b.example", "x@good.example", [b"Subject: x\r\n\r\n.x\r\n"], **asked)
        return answer, [one.kind for one in connection.results]
    finally:
        await connection.quit()


@pytest.mark.parametrize(
    ("name", "tls", "kinds"),
    [
        ("mx.good.example", True, [""]),
        ("mx.evil.example", True, ["certificate-host-mismatch"]),
        ("mx.good.example", False, ["starttls-not-supported"]),
    ],
)
def test_a_policy_that_is_enforced_means_a_certificate_for_the_hosts_name_or_waiting(
    authority, trusted, name, tls, kinds
):
    async def play():
        with dns_server({("mx.good.example", "A"): ["127.0.0.1"]}) as dns:
            async with peer_with(authority, name, tls=tls) as (peer, port):
                answer, found = await send(Config(dns=Dns((dns,))), Hop("mx.good.example", port, "verify", (), "sts"))
                assert found == kinds
                assert answer.ok == (kinds == [""])
                assert (answer.code, answer.unreachable) == ((250, False) if answer.ok else (0, True))
                assert peer.tls == ([True] if answer.ok else [])

    asyncio.run(play())


def test_an_authority_that_nobody_knows_is_not_enough(authority, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)

    async def play():
        with dns_server({("mx.good.example", "A"): ["127.0.0.1"]}) as dns:
            async with peer_with(authority) as (_, port):
                answer, kinds = await send(Config(dns=Dns((dns,))), Hop("mx.good.example", port, "verify", (), "sts"))
                assert (answer.code, kinds) == (0, ["certificate-not-trusted"])

    asyncio.run(play())


def tlsa_of(pem: bytes, usage: int, *, wrong: bool = False) -> Tlsa:
    key = x509.load_pem_x509_certificate(pem).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return Tlsa(usage, 1, 1, digest[::-1] if wrong else digest)


@pytest.mark.parametrize(
    ("usage", "wrong", "name", "ok"),
    [
        (3, False, "other.name.example", True),  # the certificate itself is named: its name does not count
        (3, True, "mx.good.example", False),
        (2, False, "mx.good.example", True),
        (2, False, "other.name.example", False),
        (2, True, "mx.good.example", False),
        (1, True, "mx.good.example", True),  # not a usage between mail servers: TLS all the same, unverified
    ],
)
def test_dane_takes_the_certificate_that_dns_names_and_no_other(authority, usage, wrong, name, ok):
    async def play():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = authority.issue_cert(name)
        # the chain as an operator of DANE-TA must send it, with the authority
        blobs = [*issued.cert_chain_pems, authority.cert_pem]
        with issued.private_key_and_cert_chain_pem.tempfile() as file:
            context.load_cert_chain(file)
        chain = b"".join(one.bytes() for one in blobs)
        with trustme.Blob(issued.private_key_pem.bytes() + chain).tempfile() as file:
            context.load_cert_chain(file)
        peer, loop = Peer(), asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(peer, hostname="x", loop=loop, tls_context=context), "127.0.0.1", 0
        )
        pem = authority.cert_pem.bytes() if usage == 2 else issued.cert_chain_pems[0].bytes()
        record = tlsa_of(pem, usage, wrong=wrong)
        with dns_server({("mx.good.example", "A"): ["127.0.0.1"]}) as dns:
            hop = Hop("mx.good.example", server.sockets[0].getsockname()[1], "dane", (record,), "tlsa")
            answer, kinds = await send(Config(dns=Dns((dns,))), hop)
        assert answer.ok == ok
        assert kinds == ([""] if ok else ["validation-failure"])
        server.close()
        await server.wait_closed()

    asyncio.run(play())


def issued(subject: str, by=None, *, ca: bool, days: int = 30):
    """A certificate and its key, signed by another such pair or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by[0].subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=90))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        .sign(by[1] if by else key, hashes.SHA256())
    )
    return made, key


@pytest.mark.parametrize(
    ("ca", "days", "anchor_days", "anchor", "itself"),
    [
        (True, 30, 30, True, True),
        (False, 30, 30, False, True),  # a neighbour's certificate may not sign ours
        (True, -1, 30, False, True),  # what is named itself has no date (RFC 7672 section 3.1.1)
        (True, 30, -1, False, True),
    ],
)
def test_a_trust_anchor_vouches_through_authorities_within_their_dates(ca, days, anchor_days, anchor, itself):
    above = issued("anchor.example", ca=ca, days=anchor_days)
    leaf = issued("mx.good.example", above, ca=False, days=days)
    chain = [one[0].public_bytes(Encoding.DER) for one in (leaf, above)]

    def vouched(usage: int, named: bytes) -> bool:
        return dane.is_vouched_for([Tlsa(usage, 0, 0, named)], chain, ["mx.good.example"], NOW)

    assert (vouched(2, chain[1]), vouched(3, chain[0])) == (anchor, itself)
    assert not vouched(3, chain[1])
    assert not dane.is_vouched_for([Tlsa(2, 0, 0, chain[1])], [chain[0]], ["mx.good.example"], NOW)  # it was not sent


def test_requiretls_goes_by_no_other_way(authority, trusted):
    async def play():
        with dns_server({("mx.good.example", "A"): ["127.0.0.1"]}) as dns:
            async with peer_with(authority) as (peer, port):  # aiosmtpd does not offer REQUIRETLS
                hop = Hop("mx.good.example", port)
                answer, _ = await send(Config(dns=Dns((dns,))), hop, require_tls=True)
                assert (answer.code, answer.text[:6]) == (550, "5.7.30")
                assert not peer.tls

    asyncio.run(play())


def test_what_a_sender_asked_is_passed_on_where_the_host_reports_and_told_where_not(authority):
    async def play():
        asked = Dsn("SUCCESS", "HDRS", "rfc822;x+y@good.example", "a b")
        commands = SmtpConnection(Config(), Hop("127.0.0.1", 25))
        commands._offers = {"DSN": "", "SIZE": "1000"}
        mail, rcpt, _ = commands._make_commands("a@b.example", "x@good.example", 7, asked, False)
        assert mail == b"MAIL FROM:<a@b.example> SIZE=7 RET=HDRS ENVID=a+20b\r\n"
        assert rcpt == b"RCPT TO:<x@good.example> NOTIFY=SUCCESS ORCPT=rfc822;x+2By@good.example\r\n"
        async with peer_with(authority, tls=False) as (_, port):
            answer, _ = await send(Config(), Hop("127.0.0.1", port), dsn=asked)
            assert answer.relayed

    asyncio.run(play())


# The route: which demand comes from where


def secured(zone, *names):
    return dns_server(zone, secure=names)


ZONE = {
    ("good.example", "MX"): ["10 mx.good.example.", "20 elsewhere.example."],
    ("mx.good.example", "A"): ["127.0.0.1"],
    ("elsewhere.example", "A"): ["127.0.0.1"],
    ("_mta-sts.good.example", "TXT"): [txt("v=STSv1; id=1")],
    ("mta-sts.good.example", "A"): ["127.0.0.1"],
    ("_25._tcp.mx.good.example", "TLSA"): ["3 1 1 " + "ab" * 32],
}
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: *.good.example\r\nmax_age: 86400\r\n"


def https_server(authority, answers):
    """A thread that answers each connection with the next of `answers`; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mta-sts.good.example").configure_cert(context)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for text in answers:
            plain, _ = listening.accept()
            with context.wrap_socket(plain, server_side=True) as secure:
                secure.recv(4096)
                status = "200 OK" if text else "404 Not Found"
                secure.sendall(
                    f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
                )
        listening.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listening.getsockname()[1], thread


def test_an_mta_sts_policy_is_fetched_once_remembered_and_outlives_its_record(authority, trusted, tmp_path, clock):
    port, thread = https_server(authority, [POLICY])
    zone = dict(ZONE)
    with dns_server(zone) as dns:
        core = cores.build(Config(data=str(tmp_path / "var"), dns=Dns((dns,), "no")), clock)

        async def ask():
            lookup = Lookup(core.config)  # remembers nothing of DNS from one question to the next
            return await route.find_route(core.config, lookup, "good.example", StsPolicies(core, lookup, port))

        found = asyncio.run(ask())
        assert [(hop.host, hop.tls, hop.policy) for hop in found.hops] == [("mx.good.example", "verify", "sts")]
        assert found.troubles == (TlsResult("sts", "elsewhere.example", "validation-failure"),)
        thread.join(60)
        assert [hop.tls for hop in asyncio.run(ask()).hops] == ["verify"]  # nobody is there to ask any more
        del zone["_mta-sts.good.example", "TXT"]  # as if somebody kept it from us
        assert [hop.tls for hop in asyncio.run(ask()).hops] == ["verify"]
        clock.forward(days=2)
        assert [hop.tls for hop in asyncio.run(ask()).hops] == ["may", "may"]
        cores.close(core)


def test_a_policy_is_fetched_anew_once_a_day_even_if_somebody_keeps_its_record_from_us(
    authority, trusted, tmp_path, clock
):
    """RFC 8461 section 10.2: who holds back one answer must hold back all of them until the policy ends."""
    week = POLICY.replace("86400", "604800")
    port, thread = https_server(authority, [week, "", week, POLICY.replace("*.good", "*.other")])
    zone = dict(ZONE)
    with dns_server(zone) as dns:
        core = cores.build(Config(data=str(tmp_path / "var"), dns=Dns((dns,), "no")), clock)
        policies = StsPolicies(core, Lookup(core.config), port)

        def ask():
            policies._lookup = Lookup(core.config)
            policy, trouble = asyncio.run(policies.find_policy("good.example"))
            assert trouble == ""
            return policy.hosts if policy else ()

        assert ask() == ask() == ("*.good.example",)
        del zone["_mta-sts.good.example", "TXT"]
        clock.forward(days=2)
        assert ask() == ask() == ("*.good.example",)  # it was not there, which does not count
        clock.forward(days=2)
        assert ask() == ("*.good.example",)
        clock.forward(days=6)  # ten days after the first time
        zone["_mta-sts.good.example", "TXT"] = [txt("v=STSv1; id=2")]
        assert ask() == ("*.other.example",)
        thread.join(5)
        assert not thread.is_alive()
        clock.forward(days=2)
        assert asyncio.run(policies.find_policy("good.example")) == (None, "sts-policy-fetch-error")
        cores.close(core)


@pytest.mark.parametrize(
    "said", ["", "HTTP/1.1 200 OK\r\nX-Long: ", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"]
)
def test_a_server_that_drips_holds_no_thread(authority, trusted, said):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mta-sts.good.example").configure_cert(context)

    served = dripping(said, lambda plain: context.wrap_socket(plain, server_side=True))
    with served as port, contextlib.suppress(OSError, http.client.HTTPException):
        https.ask("127.0.0.1", port, "mta-sts.good.example", "GET", "/", {}, seconds=0.3)


def test_a_policy_that_cannot_be_fetched_is_reported_and_holds_up_nothing(authority, trusted, tmp_path, clock):
    port, _ = https_server(authority, [""])
    with dns_server(ZONE) as dns:
        core = cores.build(Config(data=str(tmp_path / "var"), dns=Dns((dns,), "no")), clock)

        async def ask():
            lookup = Lookup(core.config)
            return await route.find_route(core.config, lookup, "good.example", StsPolicies(core, lookup, port))

        found = asyncio.run(ask())
        assert [hop.tls for hop in found.hops] == ["may", "may"]
        assert found.troubles == (TlsResult("sts", "", "sts-policy-fetch-error"),)
        cores.close(core)


def test_no_policy_holds_longer_than_a_year():
    assert sts.parse_policy(POLICY.replace("86400", "9" * 10), "1", 0).expires_at == sts.MOST_AGE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: STSv1\nmode: enforce\nmax_age: 1\n",
        "version: STSv2\nmode: none\nmax_age: 1\n",
        "version: STSv1\nmode: strict\nmx: a\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a\nmax_age: x\n",
    ],
)
def test_a_policy_that_says_nothing_clear_is_none(text):
    with pytest.raises(StsTrouble):
        sts.parse_policy(text, "1", 0)


@pytest.mark.parametrize(
    ("dnssec", "tls"), [("yes", ["dane", "may"]), ("auto", ["dane", "may"]), ("no", ["may", "may"])]
)
def test_dane_holds_where_dnssec_vouches_and_the_resolver_is_trusted(dnssec, tls):
    zone = {key: value for key, value in ZONE.items() if "mta-sts" not in key[0]}

    async def ask():
        with dns_server(zone, secure=("good.example",)) as dns:
            config = Config(dns=Dns((dns,), dnssec))
            return await route.find_route(config, Lookup(config), "good.example")

    found = asyncio.run(ask())
    assert [hop.tls for hop in found.hops] == tls


@pytest.mark.parametrize("trouble", ["_25._tcp.mx.good.example", "mx.good.example"])
def test_a_host_whose_records_are_out_of_reach_is_left_out_and_never_asked_without_them(trouble):
    async def ask(zone):
        with dns_server(zone, secure=("good.example",), broken=(trouble,)) as dns:
            config = Config(dns=Dns((dns,), "yes"))
            return await route.find_route(config, Lookup(config), "good.example")

    assert [hop.host for hop in asyncio.run(ask(ZONE)).hops] == ["elsewhere.example"]
    with pytest.raises(route.RouteUnknown):
        asyncio.run(ask(ZONE | {("good.example", "MX"): ["10 mx.good.example."]}))


def test_hosts_of_one_preference_share_the_load():
    """RFC 5321 section 5.1."""
    hosts = [f"{letter}.good.example" for letter in "abcd"]
    zone = {("good.example", "MX"): ["5 first.good.example.", *(f"10 {host}." for host in hosts)]}

    async def ask():
        with dns_server(zone) as dns:
            config = Config(dns=Dns((dns,)))
            lookup = Lookup(config)
            return [
                [hop.host for hop in (await route.find_route(config, lookup, "good.example")).hops] for _ in range(200)
            ]

    found = asyncio.run(ask())
    assert {one[0] for one in found} == {"first.good.example"}
    assert all(sorted(one[1:]) == hosts for one in found)
    assert {one[1] for one in found} == set(hosts)  # by chance it is not once in 10**24


def test_without_dnssec_a_tlsa_record_means_nothing():
    async def ask():
        with dns_server(ZONE) as dns:
            config = Config(dns=Dns((dns,), "yes"))
            return await route.find_route(config, Lookup(config), "good.example")

    assert [hop.tls for hop in asyncio.run(ask()).hops] == ["may", "may"]


def test_mail_that_would_come_back_to_us_is_a_loop():
    zone = {
        ("loop.example", "MX"): ["10 mx.alumni.example.", "20 other.example."],
        ("near.example", "MX"): ["5 first.example.", "10 mx.alumni.example."],
    }

    async def ask(domain):
        with dns_server(zone) as dns:
            config = Config(dns=Dns((dns,)), outbound=Outbound())
            return await route.find_route(config, Lookup(config), domain)

    assert [hop.host for hop in asyncio.run(ask("near.example")).hops] == ["first.example"]
    with pytest.raises(route.NoMailHere) as refused:
        asyncio.run(ask("loop.example"))
    assert refused.value.status == "5.4.6"
