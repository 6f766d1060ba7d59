"""Pictures from the network, fetched by us when a reader asks for them: the sender learns nothing of the reader.

Our request has no cookie, no referrer and no address of the reader, and goes to public addresses only: a message
must not reach into our own network (server-side request forgery).  The name is looked up once and that very address
is connected to.  What comes back is a picture by its own octets, whatever it is called.
"""

import hashlib
import hmac
import http.client
import socket
import ssl
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import NotAllowed, TooLarge
from mailcore.mail.showing import pictures
from mailcore.net import https
from mailcore.net.dns import DnsTrouble
from mailcore.net.https import cut_off
from mailcore.services.limits.turns import Turns

MAX_OCTETS, MAX_REDIRECTS = 5 * 2**20, 3
TIMEOUT_SECONDS, WHOLE_SECONDS = 5, 10  # of silence, and for one answer however it drips
MAX_ADDRESS = 4000
LIFE_SECONDS = 12 * 3600
PORTS = {"http": 80, "https": 443}
Address = IPv4Address | IPv6Address
_NAT64 = IPv6Network("64:ff9b::/96")
# a message with a hundred slow pictures must not keep others from their mail, nor from their pictures
_turns = Turns(at_once=8, of_one=6, here=64, here_of_one=48, seconds=TIMEOUT_SECONDS)


def sign_address(core: Core, key: bytes, url: str, reader: AccountId) -> str:
    """Sign a picture's address, so that a page of ours may ask for it for some hours and nobody uses us as a proxy."""
    permit = f"{core.clock.seconds() + LIFE_SECONDS:x}-{reader:x}"
    return f"{permit}-{_mac(key, url, permit)}"


def check_signature(core: Core, key: bytes, url: str, signature: str) -> AccountId:
    """Return for whom we signed this address.  Raises NotAllowed unless we did so a short time ago."""
    permit, _, mac = signature[:100].rpartition("-")
    if not hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(key, url, permit).encode()):
        raise NotAllowed("not signed by us")
    until, _, reader = permit.partition("-")
    if int(until, 16) < core.clock.seconds():
        raise NotAllowed("signed long ago")
    return AccountId(int(reader, 16))


def _mac(key: bytes, url: str, permit: str) -> str:
    return hmac.new(key, f"picture {permit} {url}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def is_public(address: Address) -> bool:
    """Say if this is an address of the network at large: not ours, not this machine, not one wrapped in IPv6."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(inner)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.is_site_local:  # fec0::/10: given up long ago, and still somebody's own network
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def fetch_picture(core: Core, reader: AccountId, url: str) -> tuple[str, bytes]:
    """Type and octets of a picture.

    Args:
        reader: the account for which it is fetched.

    Raises:
        NotAllowed: not a picture, not there, or not at a public address.
        TooLarge, TooMany: we are fetching enough at the moment.
    """
    with _turns.wait_for_turn(reader):
        for _ in range(MAX_REDIRECTS + 1):
            answer = _get(core, url)
            if isinstance(answer, bytes):
                return _kind(answer), answer
            url = urljoin(url, answer)
    raise NotAllowed("too many redirections")


def _get(core: Core, url: str) -> bytes | str:
    """The octets, or where they are said to be instead."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("not an address") from None
    host = (parts.hostname or "").rstrip(".")
    # other ports are other services, which are no business of a message
    if len(url) > MAX_ADDRESS or parts.scheme not in PORTS or not host or parts.username or not may_use(port):
        raise NotAllowed("not an address that we fetch")
    address = find_public_address(core, host)
    connection = _connection(parts.scheme, host, address, port or PORTS[parts.scheme])
    try:
        with cut_off(connection.sock, WHOLE_SECONDS):
            return _ask(connection, parts)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise NotAllowed("the other server did not answer as it should") from problem
    finally:
        connection.close()


def _ask(connection: http.client.HTTPConnection, parts: SplitResult) -> bytes | str:
    """Raises OSError, http.client.HTTPException, ValueError, NotAllowed, TooLarge."""
    if isinstance(connection.sock, ssl.SSLSocket):
        connection.sock.do_handshake()
    path = https.target_of(parts)
    connection.request(
        "GET",
        path.encode("ascii", "ignore").decode().replace(" ", "%20"),
        headers={
            "Host": parts.netloc.rpartition("@")[2],
            "User-Agent": "Alumnimail",
            "Accept": "image/*",
            "Connection": "close",
        },
    )
    response = connection.getresponse()
    if response.status in (301, 302, 303, 307, 308):
        return response.getheader("Location") or ""
    if response.status != 200:
        raise NotAllowed("the picture is not there")
    octets = response.read(MAX_OCTETS + 1)
    if len(octets) > MAX_OCTETS:
        raise TooLarge("the picture is too large")
    return octets


def may_use(port: int | None) -> bool:
    return port in (None, *PORTS.values())


def find_public_address(core: Core, host: str) -> Address:
    """Find a public address of the host; all of them must be public, lest the next look-up finds another.

    Raises NotAllowed.
    """
    try:
        found: list[Address] = [ip_address(host.strip("[]"))]
    except ValueError:
        found = []
        for kind in ("A", "AAAA"):
            try:
                found += [ip_address(record.address) for record in core.dns.lookup(host, kind)]
            except DnsTrouble:
                continue
    if not found or not all(is_public(one) for one in found):
        raise NotAllowed("not a public address")
    return found[0]


def _connection(scheme: str, host: str, address: Address, port: int) -> http.client.HTTPConnection:
    """A connection to this very address, for this host."""
    if scheme == "http":
        made = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    else:
        made = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        if scheme == "https":
            made.sock = https.connect(ssl.create_default_context(), str(address), port, host, TIMEOUT_SECONDS)
        else:
            made.sock = socket.create_connection((str(address), port), TIMEOUT_SECONDS)
    except OSError as problem:
        raise NotAllowed("the other server does not answer") from problem
    return made


def _kind(octets: bytes) -> str:
    if kind := pictures.kind_of(octets):
        return kind
    raise NotAllowed("not a picture")
