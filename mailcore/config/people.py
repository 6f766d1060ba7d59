"""Settings of people: where they come from, how they log in, the portal, imports and what is told to the university."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Directory:
    url: str = ""
    starttls: bool = False
    ca: str = ""
    bind_dn: str = ""
    bind_password: str = ""
    base: str = ""
    login_attribute: str = "uid"
    person_attribute: str = "norEduPersonLIN"
    affiliation_attribute: str = "eduPersonAffiliation"
    until_attribute: str = ""
    name_attribute: str = "cn"
    national_attribute: str = ""
    blocked_filter: str = ""
    sync_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class PortalUsers:
    """Another user database, asked by HTTP after the directory; no url = none."""

    url: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Passwords:
    """`breached`: a list of breached passwords (services/credentials/breached.py); "" = none but the shipped one."""

    breached: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """The help desk; closed tickets are erased after `keep_days`.

    `identity_checks`: what an agent may recognise a person by, as the site words it; empty = the shipped list.  So many
    as `identity_least` are ticked before a link is issued.
    """

    keep_days: int = 365
    identity_checks: tuple[str, ...] = ()
    identity_least: int = 2


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """A log-in by OpenID Connect; no issuer = none.  An empty claim is the profile's own (services/signin/oidc.py)."""

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    title: str = ""
    scopes: str = ""
    person_claim: str = ""


@dataclass(frozen=True, slots=True)
class Oidc:
    """`university` and `portal` have the generic profile."""

    feide: OidcProvider = field(default_factory=OidcProvider)
    idporten: OidcProvider = field(default_factory=OidcProvider)
    university: OidcProvider = field(default_factory=OidcProvider)
    portal: OidcProvider = field(default_factory=OidcProvider)


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """Affiliations that give an account at once, in the directory's words."""

    affiliations: tuple[str, ...] = ("student", "staff", "faculty", "employee", "alum", "member")


@dataclass(frozen=True, slots=True)
class Sleep:
    """`months` without a sign of its owner, after which an account sleeps (services/accounts/sleeping.py); 0 = never."""

    months: int = 12


@dataclass(frozen=True, slots=True)
class Web:
    """`proxies`: how many of ours stand before the portal; the last X-Forwarded-For of each is believed.

    `names`: other names under which people find it, beside those that the domain gives.
    `request_seconds`, `request_rate`: the head of a request comes within that time, and in each such span of its body so
    many octets a second.
    `connections`: of one process.  `uploads_size`: of all files that people send, together.
    """

    proxies: int = 0
    names: tuple[str, ...] = ()
    request_seconds: int = 20
    request_rate: int = 1024
    connections: int = 1000
    connections_per_address: int = 200
    uploads_size: str = "20G"


@dataclass(frozen=True, slots=True)
class ConsentProvider:
    """A provider at which owners consent to have their mail fetched; no client id = none.

    What is empty is the provider's own (services/transfer/consents.py).
    """

    client_id: str = ""
    client_secret: str = ""
    authorize_url: str = ""
    token_url: str = ""
    host: str = ""
    port: int = 993


@dataclass(frozen=True, slots=True)
class Imports:
    """Mail that owners fetch from another server: `networks` of private addresses that may be asked, at any port."""

    enabled: bool = True
    networks: tuple[str, ...] = ()
    ca: str = ""
    at_once: int = 4
    google: ConsentProvider = field(default_factory=ConsentProvider)
    microsoft: ConsentProvider = field(default_factory=ConsentProvider)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Programs of the university that are told of changes: `networks` of private addresses that may be asked, at any port."""

    networks: tuple[str, ...] = ()
    ca: str = ""
