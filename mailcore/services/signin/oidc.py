"""Log-in elsewhere by OpenID Connect (Core 1.0): Feide, ID-porten, or any other provider.

The code flow with PKCE (RFC 7636), state and nonce; the ID token's signature, issuer, audience, times and nonce are checked
by Authlib and joserfc with the provider's published keys, which are kept for an hour and asked anew, once a minute at most,
when a key is unknown.  What a person is there becomes `Proven`; who they are here is for services/signin/oidc_login.py.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mailcore.config import OidcProvider
from mailcore.core import Core
from mailcore.domain import Proven
from mailcore.errors import LinkExpired, TemporarilyUnavailable, WrongPassword
from mailcore.log import log_for
from mailcore.services.accounts import affiliations
from mailcore.services.credentials import directory
from mailcore.services.limits import keys

log = log_for(__name__)
TIMEOUT_SECONDS = 3
KEYS_SECONDS, AGAIN_SECONDS = 3600, 60
LEEWAY_SECONDS = 60
PENDING_SECONDS = 900
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_DOWN = "that log-in does not answer"
_LARGEST = 2**20  # octets of an answer

Claims = Mapping[str, Any]  # Any: whatever a provider says


@dataclass(frozen=True, slots=True)
class Profile:
    """Claim names of a kind of provider; the first claim that is there counts.  `bound`: its person id is ours."""

    title: str
    scopes: str
    person: tuple[str, ...]
    name: tuple[str, ...] = ("name",)
    login: tuple[str, ...] = ("preferred_username",)
    kinds: tuple[str, ...] = ("eduperson_affiliation", "affiliation")
    national: tuple[str, ...] = ()
    bound: bool = True
    extra: Mapping[str, str] | None = None


PROFILES = {
    "feide": Profile(
        "Feide",
        "openid profile userid-feide userinfo-name groups-org",
        person=("norEduPersonLIN", "https://n.feide.no/claims/norEduPersonLIN"),
        login=("https://n.feide.no/claims/eduPersonPrincipalName", "uid", "preferred_username"),
        kinds=("eduPersonAffiliation", "https://n.feide.no/claims/eduPersonAffiliation", "affiliation"),
    ),
    "idporten": Profile(
        "ID-porten",
        "openid profile",
        person=(),
        national=("pid",),
        bound=False,
        extra={"acr_values": "idporten-loa-substantial"},
    ),
    "university": Profile("University log-in", "openid profile", person=("sub",)),
    "portal": Profile("Alumni portal", "openid profile", person=("sub",)),
}


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that the settings name."""

    name: str
    title: str
    profile: Profile
    settings: OidcProvider


@dataclass(frozen=True, slots=True)
class Pending:
    """A log-in that waits for the provider, saved in the session on the server; browsers see state and nonce alone."""

    provider: str
    state: str
    nonce: str
    verifier: str
    at: int


def list_providers(core: Core) -> tuple[Provider, ...]:
    """List the providers that the settings name."""
    enabled = []
    for name, profile in PROFILES.items():
        settings: OidcProvider = getattr(core.config.oidc, name)
        if settings.issuer:
            enabled.append(Provider(name, settings.title or profile.title, profile, settings))
    return tuple(enabled)


def find_provider(core: Core, name: str) -> Provider:
    """Find a provider by name.  Raises LinkExpired: there is none."""
    for provider in list_providers(core):
        if provider.name == name:
            return provider
    raise LinkExpired("there is no such log-in")


class _Remote:
    """A provider's discovery document and keys."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer.rstrip("/")
        self._metadata: dict[str, Any] = {}  # Any: JSON
        self._keys: KeySet | None = None
        self._at = self._keys_at = 0
        self._lock = threading.Lock()

    def metadata(self, now: int) -> dict[str, Any]:  # Any: JSON
        """Return the discovery document, at most an hour old.  Raises TemporarilyUnavailable."""
        with self._lock:
            if not self._metadata or now - self._at > KEYS_SECONDS:
                document = _fetch_json(self.issuer + "/.well-known/openid-configuration")
                if str(document.get("issuer", "")).rstrip("/") != self.issuer:
                    log.error("the provider %s calls itself by another name", self.issuer)
                    raise TemporarilyUnavailable(_DOWN)
                self._metadata, self._at = document, now
            return self._metadata

    def decode(self, token: str, now: int) -> jwt.Token:
        """Decode a token signed by the provider.  Raises JoseError, ValueError: it is not; TemporarilyUnavailable."""
        try:
            return jwt.decode(token, self.keys(now), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            if not self._may_ask_again(now):
                raise
        return jwt.decode(token, self.keys(now, fresh=True), algorithms=ALGORITHMS)

    def _may_ask_again(self, now: int) -> bool:
        return now - self._keys_at >= AGAIN_SECONDS

    def keys(self, now: int, *, fresh: bool = False) -> KeySet:
        address = str(self.metadata(now)["jwks_uri"])
        with self._lock:
            if self._keys is None or fresh or now - self._keys_at > KEYS_SECONDS:
                self._keys, self._keys_at = KeySet.import_key_set(_fetch_json(address)), now  # type: ignore[arg-type]  # JSON
            return self._keys


def _fetch_json(
    address: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:  # Any: JSON
    """Fetch a JSON object.  Raises TemporarilyUnavailable; WrongPassword where the provider refuses."""
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise TemporarilyUnavailable(_DOWN)
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(address, body, {"Accept": "application/json", **(headers or {})})  # noqa: S310 - checked
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            document = json.loads(answer.read(_LARGEST))
    except urllib.error.HTTPError as problem:
        if problem.code in (400, 401, 403):
            raise WrongPassword("the provider says no") from None
        raise TemporarilyUnavailable(_DOWN) from None
    except (OSError, ValueError):
        raise TemporarilyUnavailable(_DOWN) from None
    if not isinstance(document, dict):
        raise TemporarilyUnavailable(_DOWN)
    return document


def _remote_of(core: Core, provider: Provider) -> _Remote:
    return core.resources.get(("oidc", provider.settings.issuer), lambda: _Remote(provider.settings.issuer))


def redirect_address(core: Core) -> str:
    """Return the URL to which providers send browsers back."""
    return f"{core.config.url}/oidc/callback"


def begin_login(core: Core, name: str) -> tuple[str, Pending]:
    """Return the address to send the browser to, and the state to save.  Raises LinkExpired, TemporarilyUnavailable."""
    provider, now = find_provider(core, name), core.clock.seconds()
    pending = Pending(name, secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), now)
    query = {
        "response_type": "code", "client_id": provider.settings.client_id, "redirect_uri": redirect_address(core),
        "scope": provider.settings.scopes or provider.profile.scopes, "state": pending.state, "nonce": pending.nonce,
        "code_challenge": create_s256_code_challenge(pending.verifier), "code_challenge_method": "S256",
        **(provider.profile.extra or {}),
    }  # fmt: skip
    address = str(_remote_of(core, provider).metadata(now)["authorization_endpoint"])
    return f"{address}{'&' if '?' in address else '?'}{urllib.parse.urlencode(query)}", pending


def finish_login(core: Core, pending: Pending, *, code: str, state: str, issuer: str = "") -> Proven:
    """Check the provider's answer and return the person whom it proves.

    Args:
        issuer: as the answer names it (RFC 9207); "" where it does not, which is wrong of a provider that says it does.

    Raises:
        WrongPassword: the answer is not to this question, or its token is not good.
        TemporarilyUnavailable.
    """
    provider, now = find_provider(core, pending.provider), core.clock.seconds()
    remote = _remote_of(core, provider)
    # RFC 9207 section 2.4
    named = issuer or bool(remote.metadata(now).get("authorization_response_iss_parameter_supported"))
    wrong_issuer = named and issuer.rstrip("/") != remote.issuer
    is_same_state = hmac.compare_digest(state.encode("utf-8", "replace"), pending.state.encode())
    if not code or not is_same_state or now - pending.at > PENDING_SECONDS or wrong_issuer:
        raise WrongPassword("the answer is not to our question")
    token = _fetch_json(
        str(remote.metadata(now)["token_endpoint"]),
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_address(core),
            "client_id": provider.settings.client_id,
            "code_verifier": pending.verifier,
        },
        _basic_authorization(provider.settings),
    )
    claims = _check_id_token(core, provider, remote, str(token.get("id_token", "")), pending.nonce)
    if "userinfo_endpoint" in remote.metadata(now) and token.get("access_token"):
        user_info = _fetch_json(
            str(remote.metadata(now)["userinfo_endpoint"]), headers={"Authorization": f"Bearer {token['access_token']}"}
        )
        if user_info.get("sub") == claims["sub"]:  # Core 1.0 section 5.3.2
            claims = {**user_info, **claims}
    return identify_person(core, provider, claims)


def _basic_authorization(settings: OidcProvider) -> dict[str, str]:
    """Format client_secret_basic (RFC 6749 section 2.3.1)."""
    words = f"{urllib.parse.quote_plus(settings.client_id)}:{urllib.parse.quote_plus(settings.client_secret)}"
    return {"Authorization": "Basic " + base64.b64encode(words.encode()).decode()}


def _check_id_token(
    core: Core, provider: Provider, remote: _Remote, token: str, nonce: str
) -> dict[str, Any]:  # Any: claims
    """Return the token's claims, once it is known to be from the provider, for us, for this log-in, and of now.

    Raises WrongPassword.
    """
    now = core.clock.seconds()
    options = {
        "iss": {"essential": True, "values": [remote.issuer, remote.issuer + "/"]},
        "aud": {"essential": True, "value": provider.settings.client_id},
    }
    try:
        decoded = remote.decode(token, now)
        claims = CodeIDToken(
            decoded.claims, decoded.header, options, {"nonce": nonce, "client_id": provider.settings.client_id}
        )
        claims.validate(now=now, leeway=LEEWAY_SECONDS)
    except (JoseError, ValueError, KeyError) as problem:
        log.warning("an ID token of %s is not good: %s", provider.name, type(problem).__name__)
        raise WrongPassword("the provider's answer is not good") from None
    except Exception as problem:
        if type(problem).__module__.startswith(("authlib.", "joserfc.")):  # their errors share no root
            log.warning("an ID token of %s is not good: %s", provider.name, type(problem).__name__)
            raise WrongPassword("the provider's answer is not good") from None
        raise
    return dict(decoded.claims)


def _first_claim(claims: Claims, names: tuple[str, ...]) -> Any:  # Any: a claim
    return next((claims[name] for name in names if claims.get(name)), "")


def _to_texts(value: Any) -> tuple[str, ...]:  # Any: a claim
    values = value if isinstance(value, list) else [value] if value else []
    return tuple(str(item).partition("@")[0].lower() for item in values)


def identify_person(core: Core, provider: Provider, claims: Claims) -> Proven:
    """Return the person whom the claims of a valid token prove.

    Raises:
        TemporarilyUnavailable: the directory must be asked, and does not answer.
    """
    profile = provider.profile
    subject = f"{claims['sub']}"
    name, login = (
        str(_first_claim(claims, profile.name)),
        str(_first_claim(claims, profile.login)).partition("@")[0].lower(),
    )
    kinds = _to_texts(_first_claim(claims, profile.kinds))
    person = str(
        _first_claim(claims, (provider.settings.person_claim,) if provider.settings.person_claim else profile.person)
    )
    national = str(_first_claim(claims, profile.national))
    if national:
        subject = national  # the same person has another subject for another client
        if directory.is_on(core.config) and (entry := affiliations.get_directory(core).find_national(national)):
            person, kinds, login, name = entry.person, entry.kinds, login or entry.login, name or entry.name
    elif person and not kinds:
        entry = affiliations.get_directory(core).find_person(person) if directory.is_on(core.config) else None
        if entry:
            kinds, login, name = entry.kinds, login or entry.login, name or entry.name
    mark = hashlib.sha256(keys.compute_hmac(core.config, "identity", f"{provider.name}\0{subject}")).hexdigest()[:40]
    return Proven(provider.name, person, name, login, kinds, mark)


def check_bearer_token(core: Core, provider: Provider, token: str) -> Claims | None:
    """Return the claims of an access token that was issued for us (RFC 9068, else RFC 7662); None: it is not valid.

    Raises:
        TemporarilyUnavailable.
    """
    remote, now = _remote_of(core, provider), core.clock.seconds()
    if token.count(".") == 2:
        try:
            claims = dict(remote.decode(token, now).claims)
        except (JoseError, ValueError, KeyError):
            return None
    elif "introspection_endpoint" in remote.metadata(now):
        try:
            claims = _fetch_json(
                str(remote.metadata(now)["introspection_endpoint"]),
                {"token": token},
                _basic_authorization(provider.settings),
            )
        except WrongPassword:
            return None
        if claims.get("active") is not True:
            return None
        claims.setdefault("iss", remote.issuer)
    else:
        return None
    return claims if _is_for_us(claims, remote.issuer, provider.settings.client_id, now) else None


def _is_for_us(claims: Claims, issuer: str, client: str, now: int) -> bool:
    audience = claims.get("aud", [])
    audiences = audience if isinstance(audience, list) else [audience]
    expires = claims.get("exp")
    return (
        str(claims.get("iss", "")).rstrip("/") == issuer
        and client in audiences
        and isinstance(expires, int | float)
        and expires > now
        and bool(claims.get("sub"))
    )
