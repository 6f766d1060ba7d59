"""TLS reports by HTTPS (RFC 8460 section 5.4), to where another domain's DNS says.

That is a public address and nothing else: a stranger's record must not reach into our own network.  Redirections are not
followed.
"""

import http.client
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from mailcore.core import Core
from mailcore.log import log_for
from mailcore.net import https
from mailcore.net.dns import DnsTrouble
from mailcore.services.webmail import remote_pictures

log = log_for(__name__)
PORT, MOST_URL = 443, 2000


def post_report(core: Core, url: str, kind: str, octets: bytes) -> bool:
    """Send a report by HTTPS and say if it was taken.  Blocking; never raises for what the other side does.

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
    path = https.target_of(parts)
    fields = {"Content-Type": kind, "User-Agent": "Alumnimail"}
    for address in _resolve_addresses(core, host):
        try:
            answer = https.ask(address, port, host, "POST", path, fields, octets)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            log.info("a report could not be given to %s: %s", host, problem)
            continue
        if 200 <= answer.status < 300:
            return True
        log.info("a report was not taken by %s: %d", host, answer.status)
    return False


def _resolve_addresses(core: Core, host: str) -> Iterator[str]:
    for kind in ("A", "AAAA"):
        try:
            found = core.dns.lookup(host, kind)
        except DnsTrouble:
            continue
        yield from (record.address for record in found if remote_pictures.is_public(ip_address(record.address)))
