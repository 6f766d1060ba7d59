"""Settings as frozen values; `config_file` reads them.  docs/configuration.md explains each key."""

import re
import socket
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailcore.errors import ConfigError

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]*)):([0-9]{1,5})")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*")
SMALL_BODY = 2**20  # octets of a request to the portal that anybody may send
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@lru_cache
def octets(text: str) -> int:
    """`2G`, `500M`, `10K` or plain octets; raises ConfigError."""
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in _UNITS or not (number.isascii() and number.isdigit()):
        raise ConfigError(f"{text!r} is not a size; write for example 2G or 500M")
    return int(number) * _UNITS[unit]


UNLIMITED = "unlimited"
MOST_OCTETS = 2**50  # a PiB; more is a slip of the finger, and at some point no number of the database's


def quota_octets(text: str) -> int:
    """Parse a quota: a size, or the word `unlimited`, which gives 0.

    Raises:
        ConfigError: it is neither; also for 0, which would be no limit where somebody may have meant no room at all.
    """
    if text.strip().lower() == UNLIMITED:
        return 0
    found = octets(text.strip())
    if not found:
        raise ConfigError(f"a quota of {text!r} would be no limit; write {UNLIMITED} if you mean that")
    if found > MOST_OCTETS:
        raise ConfigError(f"{text!r} is too large for a quota")
    return found


def host_and_port(address: str) -> tuple[str, int]:
    """Split `HOST:PORT`, without the brackets of an IPv6 address; no host = all addresses.  Raises ConfigError."""
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found[3]) >= 2**16:
        raise ConfigError(f"{address!r} is not HOST:PORT; write for example 0.0.0.0:25 or [::1]:25")
    return found[1] or found[2] or "", int(found[3])


@dataclass(frozen=True, slots=True)
class Listen:
    """`HOST:PORT`, empty = off."""

    smtp: str = "0.0.0.0:25"  # noqa: S104 - a mail server speaks to the world
    submission: str = "0.0.0.0:587"  # noqa: S104
    submissions: str = "0.0.0.0:465"  # noqa: S104
    imap: str = ""
    imaps: str = "0.0.0.0:993"  # noqa: S104
    managesieve: str = "0.0.0.0:4190"  # noqa: S104
    lmtp: str = ""
    http: str = "127.0.0.1:8080"
    metrics: str = ""
    balancers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files; empty = created by `alumnimail init` under `data`."""

    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Acme:
    """A certificate authority (RFC 8555) that gives the certificate; no `directory` = none.

    `names` empty = the host's alone; `ca`: a PEM file of CAs to trust for the server itself, "" = the system's.
    """

    directory: str = ""
    email: str = ""
    names: tuple[str, ...] = ()
    challenge: str = "http-01"
    listen: str = ""
    ca: str = ""
    eab_key_id: str = ""
    eab_hmac_key: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """`default`, of a new account, is a size or `unlimited`; `0` is a deprecated way to write `unlimited`."""

    default: str = "2G"
    full_and_forwarding: str = "forward"
    desk_most: str = "100G"

    @property
    def default_octets(self) -> int:
        """Return the quota of a new account in octets; 0 = unlimited.  Raises ConfigError."""
        return 0 if self.is_zero else quota_octets(self.default)

    @property
    def is_zero(self) -> bool:
        """Say if it is written `0`, which is deprecated.  Raises ConfigError."""
        return self.default.strip().lower() != UNLIMITED and octets(self.default.strip()) == 0


@dataclass(frozen=True, slots=True)
class Outbound:
    """`mode`: direct, relay or capture (nothing leaves)."""

    mode: str = "direct"
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    bind: str = ""
    connections_per_destination: int = 20


@dataclass(frozen=True, slots=True)
class Dns:
    """`dnssec`: is the AD bit of these resolvers believed?  auto = if they are on this machine."""

    servers: tuple[str, ...] = ()
    dnssec: str = "auto"


@dataclass(frozen=True, slots=True)
class Reports:
    """Daily reports to other domains."""

    tls: bool = False
    dmarc: bool = False


@dataclass(frozen=True, slots=True)
class ForwardingSettings:
    srs_domain: str = ""
    arc: bool = True
    unsafe: str = "rewrite"
    targets: str = "confirmed"
    allowed_domains: tuple[str, ...] = ()
    denied_domains: tuple[str, ...] = ()
    publish_arrivals: bool = False


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


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts, sizes and rates.  `trusted` networks are free of the per-address ones."""

    message_size: str = "50M"
    message_memory: str = "256K"
    header_size: str = "256K"
    line_length: str = "1M"
    parts: int = 1000
    nesting: int = 50
    data_seconds: int = 300
    data_rate: int = 1024
    stop_seconds: int = 15
    work_seconds: int = 30
    stuck_seconds: int = 60
    recipients: int = 1000
    unknown_recipients: int = 100
    unknown_recipients_per_hour: int = 1000
    connections: int = 2000
    connections_per_address: int = 100
    connections_per_account: int = 100
    connections_per_minute: int = 600
    messages_per_hour: int = 5000
    login_failures_per_hour: int = 30
    far_log_ins: str = "ask"
    submissions_per_hour: int = 500
    moving_messages_per_hour: int = 40
    sending_places: int = 10
    trusted: tuple[str, ...] = ()
    plaintext: str = "no"
    scram: str = "auto"
    confinement: str = "auto"

    def is_trusted(self, address: str) -> bool:
        return within(address, self.trusted)


@dataclass(frozen=True, slots=True)
class Sleep:
    """`months` without a sign of its owner, after which an account sleeps (services/accounts/sleeping.py); 0 = never."""

    months: int = 12


@dataclass(frozen=True, slots=True)
class Incoming:
    """Checks of servers that the site does not know."""

    greylist: bool = False
    greylist_seconds: int = 300
    sealers: tuple[str, ...] = ()
    blocklists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Content filters for mail from outside: our own by its level, and others; no address = none."""

    level: str = "normal"
    programs: str = "junk"
    protected: tuple[str, ...] = ()
    rspamd: str = ""
    milters: tuple[str, ...] = ()
    refuse: bool = True
    required: bool = False
    seconds: int = 20
    learn: str = ""
    learn_password: str = ""


@dataclass(frozen=True, slots=True)
class S3:
    """The server of `blobs = "s3://..."`.  Empty keys are looked for where Amazon's programs look.

    `cache`: octets on each machine's own disk, of what it wrote or read lately.
    """

    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    cache: str = "20G"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and what stands before each key in it."""

    name: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings come from: `file`, "" = the defaults; `given` names those that it has, and how (file or env for secrets)."""

    file: str = ""
    given: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Log:
    """Settings of the log, on stderr.

    Attributes:
        format: "text" for people, "json" for programs: an object in a line.
        messages: a line for each step of each message, with its id.
    """

    format: str = "text"
    messages: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """Several nodes on one database; no `key` = this machine is alone.

    Attributes:
        key: path of the file that each node has a copy of.
        node: name of this one; empty = the machine's.
        silent_seconds: after which others take over what a node had; it stops by itself at two thirds of that.
    """

    key: str = ""
    node: str = ""
    silent_seconds: int = 30

    @property
    def fenced_seconds(self) -> float:
        """Return after how much silence a node takes itself for dead: before others do."""
        return self.silent_seconds * 2 / 3


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.  Relative paths are seen from the working directory."""

    domain: str = "alumni.example"
    domains: tuple[str, ...] = ()
    hostname: str = ""
    data: str = "var"
    database: str = ""
    database_listen: str = ""
    blobs: str = ""
    blobs_inside: str = "128K"
    public_url: str = ""
    timezone: str = "Europe/Oslo"
    listen: Listen = field(default_factory=Listen)
    tls: Tls = field(default_factory=Tls)
    acme: Acme = field(default_factory=Acme)
    quota: Quota = field(default_factory=Quota)
    outbound: Outbound = field(default_factory=Outbound)
    log: Log = field(default_factory=Log)
    dns: Dns = field(default_factory=Dns)
    reports: Reports = field(default_factory=Reports)
    forwarding: ForwardingSettings = field(default_factory=ForwardingSettings)
    directory: Directory = field(default_factory=Directory)
    portal_users: PortalUsers = field(default_factory=PortalUsers)
    passwords: Passwords = field(default_factory=Passwords)
    help: Help = field(default_factory=Help)
    incoming: Incoming = field(default_factory=Incoming)
    filter: Filter = field(default_factory=Filter)
    oidc: Oidc = field(default_factory=Oidc)
    order: OrderSettings = field(default_factory=OrderSettings)
    web: Web = field(default_factory=Web)
    imports: Imports = field(default_factory=Imports)
    webhooks: Webhooks = field(default_factory=Webhooks)
    limits: Limits = field(default_factory=Limits)
    sleep: Sleep = field(default_factory=Sleep)
    s3: S3 = field(default_factory=S3)
    cluster: Cluster = field(default_factory=Cluster)
    origin: Origin = field(default_factory=Origin, compare=False, repr=False)  # no setting

    @property
    def is_in_cluster(self) -> bool:
        return bool(self.cluster.key)

    @property
    def node_name(self) -> str:
        return self.cluster.node or socket.gethostname()

    @property
    def mail_domains(self) -> tuple[str, ...]:
        """Return all domains that people have addresses at, the site's own first."""
        return (self.domain, *(domain for domain in self.domains if domain != self.domain))

    @property
    def our_domains(self) -> tuple[str, ...]:
        """Return all domains whose mail we take: those of people, and the one of forwarded mail's senders."""
        return (*self.mail_domains, self.srs_domain)

    def is_ours(self, domain: str) -> bool:
        """Say if a domain, in lower case, is one of ours or stands below one."""
        if domain in self.our_domains or domain == self.host.lower():
            return True
        return any(domain.endswith(f".{own}") for own in self.mail_domains)

    @property
    def host(self) -> str:
        return self.hostname or f"mx.{self.domain}"

    def __hash__(self) -> int:
        """Hash what tells installations apart: all of the settings would take 40 us, in each log-in several times."""
        return hash((self.domain, self.data, self.database))

    @property
    def data_path(self) -> Path:
        return _to_path(self.data)

    @property
    def is_on_postgresql(self) -> bool:
        return self.database.startswith(("postgresql://", "postgres://"))

    @property
    def database_key(self) -> Path:
        """Return a path that is this database's alone: its file, or a name within the data folder that nothing has."""
        return _to_path(self.data, "postgresql") if self.is_on_postgresql else self.database_path

    @property
    def database_path(self) -> Path:
        if not self.database:
            return _to_path(self.data, "alumnimail.db")
        scheme, _, rest = self.database.partition("://")
        if self.is_on_postgresql:
            raise ConfigError(
                "database: this is offered on SQLite alone; PostgreSQL has tools of its own for it (docs/scale.md)"
            )
        if scheme != "sqlite" or not rest.startswith("/"):
            raise ConfigError(
                "database: this version offers sqlite:///PATH, postgresql://USER@HOST/NAME, and nothing else"
            )
        return _to_path(rest[1:])

    @property
    def bucket(self) -> Bucket | None:
        """Return where large messages stand, None if that is a folder.  Raises ConfigError."""
        scheme, _, rest = self.blobs.partition("://")
        if scheme != "s3":
            return None
        name, _, prefix = rest.partition("/")
        if not _BUCKET.fullmatch(name) or not _PREFIX.fullmatch(prefix):
            raise ConfigError(f"blobs: {self.blobs!r} is not s3://BUCKET or s3://BUCKET/PREFIX")
        return Bucket(name, prefix.strip("/"))

    @property
    def blobs_path(self) -> Path:
        """Return the folder of large messages, or of those on their way to a bucket."""
        if not self.blobs or self.bucket:
            return self.data_path / "blobs"
        scheme, _, rest = self.blobs.partition("://")
        if scheme != "file" or not rest:
            raise ConfigError("blobs: this version offers file://PATH and s3://BUCKET/PREFIX, and nothing else")
        below = Path(rest.removeprefix("/"))  # file:///var/blobs, where data is "var"
        return below if self.data_path.parts and below.is_relative_to(self.data_path) else Path(rest)

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone in which people's days begin and end.  Raises ConfigError."""
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder
            raise ConfigError(
                f"timezone: {self.timezone!r} is no time zone; write a name such as Europe/Oslo"
            ) from None

    @property
    def srs_domain(self) -> str:
        return self.forwarding.srs_domain or f"srs.{self.domain}"

    @property
    def certificate_path(self) -> Path:
        if self.acme.directory and self.acme_path.exists():
            return self.acme_path
        return Path(self.tls.certificate) if self.tls.certificate else self.data_path / "tls" / "server.pem"

    @property
    def key_path(self) -> Path:
        if self.acme.directory and self.acme_path.exists():
            return self.acme_path
        return Path(self.tls.key) if self.tls.key else self.data_path / "tls" / "server.key"

    @property
    def acme_path(self) -> Path:
        """Return the file of the chain and the key that the ACME server gave; both change in one moment."""
        return self.data_path / "tls" / "acme.pem"

    @property
    def acme_account_path(self) -> Path:
        return self.data_path / "keys" / "acme.pem"

    @property
    def certificate_names(self) -> tuple[str, ...]:
        """Return the names that a certificate is ordered for."""
        return self.acme.names or (self.host,)

    @property
    def message_octets(self) -> int:
        return octets(self.limits.message_size)

    @property
    def url(self) -> str:
        """Return the portal's URL without a slash at the end."""
        return (self.public_url or f"http://{self.listen.http}").rstrip("/")

    def plaintext_allowed(self, address: str) -> bool:
        """May this peer log in without TLS?"""
        return self.limits.plaintext == "loopback" and within(address, ("127.0.0.0/8", "::1/128"))


@lru_cache(maxsize=64)
def _to_path(*parts: str) -> Path:
    """Return a path that is asked for several times in each log-in."""
    return Path(*parts)


@lru_cache(maxsize=4096)
def within(address: str, networks: tuple[str, ...]) -> bool:
    """Is the address in one of the networks?  Asked several times of each connection."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in ip_network(network, strict=False) for network in networks)
