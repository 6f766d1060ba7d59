"""POST to a stranger's server: without cookies, at a public address, on the port of HTTPS, within so many seconds.

The address may have been written by anybody, and must not reach into our own network (server-side request forgery).
No redirection is followed.
"""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from mailcore.core import Core
from mailcore.errors import NotAllowed
from mailcore.net import https
from mailcore.services.webmail import remote_pictures

MAX_URL = 4000


def post(core: Core, url: str, fields: Mapping[str, str], body: bytes, *, seconds: float) -> int:
    """Return the status of the answer.  Raises NotAllowed where there is none, or the address is not one that we ask."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise NotAllowed("not an address") from None
    if len(url) > MAX_URL or parts.scheme != "https" or not host or parts.username or not remote_pictures.may_use(port):
        raise NotAllowed("not an address that we ask")
    address = remote_pictures.find_public_address(core, host)
    path = https.target_of(parts)
    fields = {**fields, "User-Agent": "Alumnimail"}
    try:
        return https.ask(str(address), port or 443, host, "POST", path, fields, body, seconds=seconds).status
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise NotAllowed(f"no answer: {type(problem).__name__}") from problem
