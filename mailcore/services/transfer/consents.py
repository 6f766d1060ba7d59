"""Consent of owners at Google and Microsoft 365 to have their mail there read by IMAP, once (N32).

OAuth 2.0 with a code and PKCE (RFC 6749, RFC 7636): the browser goes there and comes back with a code, which we exchange for
tokens.  They are sealed as passwords are, renewed while an import runs (RFC 6749 section 6), and thrown away with its end.
Where the mailbox's name stands in the ID token it is believed unsigned: it comes from the provider itself by TLS (OpenID
Connect Core 1.0 section 3.1.3.7), and gives nothing but a name to log in by.

Requests go to an address that was checked before: public and port 443, or in `imports.networks`.
"""

import base64
import dataclasses
import hmac
import http.client
import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from mailcore.config import ConsentProvider, within
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import LinkExpired, NotAllowed, TemporarilyUnavailable
from mailcore.log import log_for
from mailcore.net import https
from mailcore.net.dns import DnsTrouble
from mailcore.saying import Saying
from mailcore.services.limits import keys
from mailcore.services.webmail.remote_pictures import is_public

log = log_for(__name__)
PENDING_SECONDS = 900
RENEW_SECONDS = 120  # before a token ends
HTTPS_PORT = 443
_SECONDS = 15  # that one exchange may take
_SEAL = "imports"
_USER = re.compile(r"[^\s@\x00-\x1f\x7f]{1,200}@[A-Za-z0-9.-]{1,253}")
_DOWN = Saying("The provider does not answer. Try again in a while.")


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that the settings name.

    Attributes:
        mail: the scope by which mail may be read.
        more: other scopes, without which there is no lasting consent, or no name of the mailbox.
    """

    name: str
    title: str
    host: str
    port: int
    authorize: str
    token: str
    mail: str
    more: tuple[str, ...]
    extra: Mapping[str, str]
    settings: ConsentProvider


GOOGLE = Provider(
    "google",
    "Google",
    "imap.gmail.com",
    993,
    "https://accounts.google.com/o/oauth2/v2/auth",
    "https://oauth2.googleapis.com/token",
    "https://mail.google.com/",
    ("openid", "email"),
    {"access_type": "offline", "prompt": "consent"},
    ConsentProvider(),
)
MICROSOFT = Provider(
    "microsoft",
    "Microsoft 365",
    "outlook.office365.com",
    993,
    "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
    "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    ("offline_access", "openid", "email", "profile"),
    {"prompt": "select_account"},
    ConsentProvider(),
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A consent that waits for the provider, saved in the session on the server; `fetch`: the import that goes on, or 0."""

    provider: str
    account: int
    fetch: int
    state: str
    verifier: str
    at: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens that a consent gave; `until`, in seconds since 1970, is the end of the access token."""

    access: str
    refresh: str
    until: int


@dataclass(frozen=True, slots=True)
class Consent:
    """Tokens, and the mailbox there that they open."""

    user: str
    tokens: Tokens


class ConsentEnded(Exception):
    """The provider renews the tokens no more: they were withdrawn, or are too old."""


def list_providers(core: Core) -> tuple[Provider, ...]:
    """List the providers that the settings name."""
    return tuple(
        _with_settings(known, settings)
        for known in (MICROSOFT, GOOGLE)
        if (settings := _find_settings(core, known.name)).client_id and core.config.imports.enabled
    )


def _find_settings(core: Core, name: str) -> ConsentProvider:
    settings: ConsentProvider = getattr(core.config.imports, name)
    return settings


def _with_settings(known: Provider, settings: ConsentProvider) -> Provider:
    return dataclasses.replace(
        known,
        host=settings.host or known.host,
        port=settings.port,
        authorize=settings.authorize_url or known.authorize,
        token=settings.token_url or known.token,
        settings=settings,
    )


def find_provider(core: Core, name: str) -> Provider:
    """Find a provider by name.  Raises LinkExpired: there is none."""
    for provider in list_providers(core):
        if provider.name == name:
            return provider
    raise LinkExpired("there is no such provider")


def redirect_address(core: Core) -> str:
    """Return the URL to which providers send browsers back."""
    return f"{core.config.url}/imports/callback"


# The owner consents


def begin_consent(core: Core, account: AccountId, name: str, *, fetch: int = 0, user: str = "") -> tuple[str, Pending]:
    """Return the address to send the browser to, and the state to save.

    Args:
        fetch: the import that goes on by this consent.
        user: the mailbox there, where it is known.

    Raises:
        LinkExpired: there is no such provider.
    """
    provider = find_provider(core, name)
    pending = Pending(name, account, fetch, secrets.token_urlsafe(24), secrets.token_urlsafe(48), core.clock.seconds())
    address = prepare_grant_uri(
        provider.authorize,
        provider.settings.client_id,
        "code",
        redirect_uri=redirect_address(core),
        scope=" ".join((provider.mail, *provider.more)),
        state=pending.state,
        code_challenge=create_s256_code_challenge(pending.verifier),
        code_challenge_method="S256",
        **({"login_hint": user} if user else {}),
        **provider.extra,
    )
    return str(address), pending


def finish_consent(core: Core, account: AccountId, pending: Pending, *, code: str, state: str) -> Consent:
    """Exchange the code that the browser brought for tokens.

    Raises:
        LinkExpired: it is not the answer to our question, or somebody else's.
        NotAllowed: the owner did not let us read mail, or the provider gives no lasting consent.
        TemporarilyUnavailable.
    """
    provider, now = find_provider(core, pending.provider), core.clock.seconds()
    is_same = hmac.compare_digest(state.encode("utf-8", "replace"), pending.state.encode())
    if not code or not is_same or pending.account != account or now - pending.at > PENDING_SECONDS:
        raise LinkExpired("the answer is not to our question")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_address(core),
        "code_verifier": pending.verifier,
    }
    try:
        answer = _ask(core, provider, form)
    except ConsentEnded:
        raise NotAllowed(Saying("The provider did not accept the consent. Try again.")) from None
    granted = str(answer.get("scope") or provider.mail).split()
    if _name_scope(provider.mail) not in map(_name_scope, granted):
        raise NotAllowed(Saying("You did not let us read your mail there, so nothing can be fetched."))
    tokens, user = _read_tokens(core, answer, ""), _find_user(answer)
    if not tokens.refresh or not user:
        log.warning("%s gave no lasting consent, or no name of the mailbox", provider.name)
        raise NotAllowed(Saying("The provider did not accept the consent. Try again."))
    return Consent(user, tokens)


def _name_scope(scope: str) -> str:
    """Return what a scope allows, without the host that it is for: Microsoft grants it under other names of the same service."""
    return scope.rstrip("/").rpartition("/")[2].lower()


def _find_user(answer: Mapping[str, Any]) -> str:  # Any: JSON
    """Return the name of the mailbox, of the ID token; ""."""
    parts = str(answer.get("id_token") or "").split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return ""
    if not isinstance(claims, dict):
        return ""
    named = (str(claims.get(name) or "") for name in ("email", "preferred_username", "upn"))
    return next((one for one in named if _USER.fullmatch(one)), "")


def _read_tokens(core: Core, answer: Mapping[str, Any], refresh: str) -> Tokens:  # Any: JSON
    """Read the tokens of an answer; the former one renews on where the provider names no new one."""
    lifetime = str(answer.get("expires_in") or "").partition(".")[0]
    seconds = int(lifetime) if lifetime.isascii() and lifetime.isdecimal() and len(lifetime) < 7 else 3600
    renewing = str(answer.get("refresh_token") or refresh)
    return Tokens(str(answer.get("access_token") or ""), renewing, core.clock.seconds() + min(seconds, 86_400))


# The work


def seal_tokens(core: Core, tokens: Tokens, owner: str) -> str:
    """Seal tokens for the database; `owner` binds them to one import."""
    return keys.seal(core.config, _SEAL, json.dumps(dataclasses.asdict(tokens)).encode(), owner)


def unseal_tokens(core: Core, sealed: str, owner: str) -> Tokens | None:
    """Return the tokens of an import; None where they are gone."""
    octets = keys.unseal(core.config, _SEAL, sealed, owner) if sealed else None
    try:
        return Tokens(**json.loads(octets)) if octets else None
    except (ValueError, TypeError):  # a password, of an import that was begun otherwise
        return None


def is_fresh(core: Core, tokens: Tokens) -> bool:
    """Say if the access token is good for a while yet."""
    return tokens.until - core.clock.seconds() > RENEW_SECONDS


def renew_tokens(core: Core, name: str, tokens: Tokens) -> Tokens:
    """Have the access token renewed.  Blocking.

    Raises:
        ConsentEnded: the owner must consent anew.
        TemporarilyUnavailable.
        LinkExpired: the provider is not offered any more.
    """
    provider = find_provider(core, name)
    answer = _ask(core, provider, {"grant_type": "refresh_token", "refresh_token": tokens.refresh})
    return _read_tokens(core, answer, tokens.refresh)


def _ask(core: Core, provider: Provider, form: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON
    """Ask the provider for tokens.  Raises ConsentEnded: it says no (RFC 6749 section 5.2); TemporarilyUnavailable."""
    settings = provider.settings
    body = urlencode({**form, "client_id": settings.client_id, "client_secret": settings.client_secret}).encode()
    fields = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "User-Agent": "Alumnimail",
    }
    try:
        parts = urlsplit(provider.token)
        host, port = (parts.hostname or "").rstrip("."), parts.port or HTTPS_PORT
        address = find_address(core, host, port, core.config.imports.networks) if parts.scheme == "https" else ""
        if not address:
            raise TemporarilyUnavailable(_DOWN)
        path = https.target_of(parts)
        answer = https.ask(address, port, host, "POST", path, fields, body, seconds=_SECONDS, ca=core.config.imports.ca)
        document = json.loads(answer.octets)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        log.warning("%s gives no tokens: %s", provider.name, type(problem).__name__)
        raise TemporarilyUnavailable(_DOWN) from None
    if answer.status in (400, 401) and isinstance(document, dict) and document.get("error") == "invalid_grant":
        raise ConsentEnded
    if answer.status != 200 or not isinstance(document, dict) or not document.get("access_token"):
        log.error("%s gives no tokens: %d", provider.name, answer.status)  # the client id, as a rule
        raise TemporarilyUnavailable(_DOWN)
    return document


def find_address(
    core: Core, host: str, port: int, networks: tuple[str, ...], ports: Collection[int] = (HTTPS_PORT,)
) -> str:
    """Find an address of the host that may be asked: of the network at large at one of `ports`, or in one of `networks`."""
    try:
        found = [str(ip_address(host))]
    except ValueError:
        found = []
        for kind in ("A", "AAAA"):
            try:
                found += [str(record.address) for record in core.dns.lookup(host, kind)]
            except DnsTrouble:
                continue
    for address in found:
        if within(address, networks):
            return address
        if port in ports and is_public(ip_address(address)):
            return address
    return ""
