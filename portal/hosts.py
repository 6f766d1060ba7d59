"""Names under which the site answers: those of the configuration, whatever the Host field says (RFC 9110 section 7.4).

Redirects and addresses of pictures are made with the name that was asked for, so a name that is not ours must not get that far.
Balancers ask by address: `/health` and `/ready` answer under any name, as their views declare.
"""

import re
from urllib.parse import urlsplit

from flask import abort, request

from mailcore.config import Config, host_and_port, within
from portal import access

MISDIRECTED = 421  # RFC 9110 section 15.5.20
LOOPBACK = ("127.0.0.0/8", "::1/128")
_SERVICES = ("mta-sts", "autoconfig", "autodiscover", "ua-auto-config")  # names below each domain
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,253})(?::([0-9]{1,5}))?")


class Hosts:
    """The names that a Host field may have here.

    Tests and tunnels ask for `localhost` from this machine; a site that has no `public_url` yet is asked by its address.
    """

    def __init__(self, config: Config) -> None:
        public = urlsplit(config.url)
        self._names = frozenset(
            {
                (public.hostname or "").lower(),
                *config.mail_domains,
                config.host.lower(),
                *(f"{name}.{domain}" for name in _SERVICES for domain in config.mail_domains),
                *(name.lower() for name in config.web.names),
            }
        )
        self._ports = {"", "80", "443", str(public.port or "")}
        if config.listen.http:
            self._ports.add(str(host_and_port(config.listen.http)[1]))
        self._unnamed = not config.public_url or _is_loopback((public.hostname or "").lower())

    def check(self) -> None:
        """Aborts with 400 for what is no name or no scheme of ours, with 421 for a name that is not ours."""
        if access.terms_here().any_host:
            return
        if request.scheme not in ("http", "https"):  # X-Forwarded-Proto, which redirects repeat
            abort(400)
        found = _HOST.fullmatch(request.environ.get("HTTP_HOST", ""))
        if found is None:
            abort(400)
        if not self.serves(found[1].lower().strip("[]").rstrip("."), found[2] or "", request.remote_addr or ""):
            abort(MISDIRECTED)

    def serves(self, name: str, port: str, peer: str) -> bool:
        # before the names: a site without `public_url` is called by its loopback address, at any port
        if _is_loopback(name):
            return self._unnamed or _is_loopback(peer)
        if name in self._names:
            return port in self._ports
        return self._unnamed and _is_address(name)


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and within(name, LOOPBACK))


def _is_address(name: str) -> bool:
    return within(name, ("0.0.0.0/0", "::/0"))
