"""TLS reports by HTTPS (RFC 8460 section 5.4), to where another domain's DNS says: a public address and nothing else, as a
stranger's record must not reach into our own network.  Redirections are not followed.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from mailcore.core import Core
from mailcore.log import log_for
from mailcore.names import DnsTrouble
from mailcore.services import remote_pictures

log = log_for(__name__)
PORT, TIMEOUT_SECONDS, MOST_URL = 443, 20, 2000


def post(core: Core, url: str, kind: str, octets: bytes) -> bool:
    """Was the report taken?  Blocking; never raises for what the other side does.

    Args:
        kind: the media type of `octets`.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or PORT
    except ValueError:
        return False
    if parts.scheme != "https" or not host or not host.isascii() or parts.username or len(url) > MOST_URL:
        return False
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    for address in _addresses(core, host):
        try:
            status = _post(host, address, port, path, kind, octets)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            log.info("a report could not be given to %s: %s", host, problem)
            continue
        if 200 <= status < 300:
            return True
        log.info("a report was not taken by %s: %d", host, status)
    return False


def _addresses(core: Core, host: str) -> Iterator[str]:
    for kind in ("A", "AAAA"):
        try:
            found = core.names.lookup(host, kind)
        except DnsTrouble:
            continue
        yield from (record.address for record in found if remote_pictures.is_public(ip_address(record.address)))


def _post(host: str, address: str, port: int, path: str, kind: str, octets: bytes) -> int:
    """The status of the answer."""
    context = ssl.create_default_context()
    with (
        socket.create_connection((address, port), TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        asked = http.client.HTTPConnection(host, port)
        asked.sock = secure
        asked.request("POST", path, octets, {"Content-Type": kind, "User-Agent": "Alumnimail", "Connection": "close"})
        return asked.getresponse().status
