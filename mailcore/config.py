"""Settings: one TOML file, read once into frozen values.  Unknown keys are errors that name the nearest known key.

Secrets may be given as `{ file = "..." }` or `{ env = "..." }`.  docs/configuration.md explains each key.
"""

import dataclasses
import difflib
import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailcore.errors import ConfigError

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]*)):([0-9]{1,5})")
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
    """A quota as it is written: a size, or the word `unlimited`, which is 0.

    Raises:
        ConfigError: nothing of that kind; also for 0, which would be no limit where somebody meant none of the room.
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
class Quota:
    default: str = "2G"
    full_and_forwarding: str = "forward"
    desk_most: str = "100G"


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
class Help:
    """The help desk; closed tickets are erased after `keep_days`."""

    keep_days: int = 365


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
    recipients: int = 1000
    unknown_recipients: int = 100
    unknown_recipients_per_hour: int = 1000
    connections: int = 2000
    connections_per_address: int = 100
    connections_per_account: int = 100
    connections_per_minute: int = 600
    messages_per_hour: int = 5000
    login_failures_per_hour: int = 30
    submissions_per_hour: int = 500
    sending_places: int = 10
    trusted: tuple[str, ...] = ()
    plaintext: str = "no"
    scram: str = "auto"

    def is_trusted(self, address: str) -> bool:
        return within(address, self.trusted)


@dataclass(frozen=True, slots=True)
class Incoming:
    """Checks of servers that the site does not know."""

    greylist: bool = False
    greylist_seconds: int = 300
    sealers: tuple[str, ...] = ()
    blocklists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Content filters for mail from outside; no address = none."""

    rspamd: str = ""
    milters: tuple[str, ...] = ()
    refuse: bool = True
    required: bool = False
    seconds: int = 20
    learn: str = ""
    learn_password: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.  Relative paths are seen from the working directory."""

    domain: str = "alumni.example"
    hostname: str = ""
    data: str = "var"
    database: str = ""
    blobs: str = ""
    public_url: str = ""
    timezone: str = "Europe/Oslo"
    listen: Listen = field(default_factory=Listen)
    tls: Tls = field(default_factory=Tls)
    quota: Quota = field(default_factory=Quota)
    outbound: Outbound = field(default_factory=Outbound)
    dns: Dns = field(default_factory=Dns)
    reports: Reports = field(default_factory=Reports)
    forwarding: ForwardingSettings = field(default_factory=ForwardingSettings)
    directory: Directory = field(default_factory=Directory)
    portal_users: PortalUsers = field(default_factory=PortalUsers)
    help: Help = field(default_factory=Help)
    incoming: Incoming = field(default_factory=Incoming)
    filter: Filter = field(default_factory=Filter)
    oidc: Oidc = field(default_factory=Oidc)
    order: OrderSettings = field(default_factory=OrderSettings)
    web: Web = field(default_factory=Web)
    limits: Limits = field(default_factory=Limits)

    @property
    def host(self) -> str:
        return self.hostname or f"mx.{self.domain}"

    @property
    def data_path(self) -> Path:
        return Path(self.data)

    @property
    def database_path(self) -> Path:
        if not self.database:
            return self.data_path / "alumnimail.db"
        scheme, _, rest = self.database.partition("://")
        if scheme != "sqlite" or not rest.startswith("/"):
            raise ConfigError("database: this version offers sqlite:///PATH and nothing else")
        return Path(rest[1:])

    @property
    def blobs_path(self) -> Path:
        if not self.blobs:
            return self.data_path / "blobs"
        scheme, _, rest = self.blobs.partition("://")
        if scheme != "file" or not rest:
            raise ConfigError("blobs: this version offers file://PATH and nothing else")
        below = Path(rest.removeprefix("/"))  # file:///var/blobs, where data is "var"
        return below if self.data_path.parts and below.is_relative_to(self.data_path) else Path(rest)

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone in which people's days begin and end.  Raises ConfigError."""
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder
            raise ConfigError(f"timezone: {self.timezone!r} is no time zone; write a name such as Europe/Oslo") from None

    @property
    def srs_domain(self) -> str:
        return self.forwarding.srs_domain or f"srs.{self.domain}"

    @property
    def certificate_path(self) -> Path:
        return Path(self.tls.certificate) if self.tls.certificate else self.data_path / "tls" / "server.pem"

    @property
    def key_path(self) -> Path:
        return Path(self.tls.key) if self.tls.key else self.data_path / "tls" / "server.key"

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


@lru_cache(maxsize=4096)
def within(address: str, networks: tuple[str, ...]) -> bool:
    """Is the address in one of the networks?  Asked several times of each connection."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in ip_network(network, strict=False) for network in networks)


def _secret(value: Any, key: str) -> Any:  # Any: whatever TOML holds
    if not isinstance(value, dict):
        return value
    if set(value) == {"file"}:
        try:
            return Path(value["file"]).read_text().strip()
        except OSError as problem:
            raise ConfigError(f"{key}: cannot read {value['file']}: {problem.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{key}: {value['file']} is not text in UTF-8") from None
    if set(value) == {"env"}:
        try:
            return os.environ[value["env"]]
        except KeyError:
            raise ConfigError(f"{key}: the environment has no {value['env']}") from None
    raise ConfigError(f'{key}: a secret is text, {{ file = "..." }} or {{ env = "..." }}')


def _build(cls: type[Any], table: dict[str, Any], where: str) -> Any:
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{where}{key}"
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            raise ConfigError(f"unknown setting {name}" + (f"; did you mean {where}{near[0]}?" if near else ""))
        wanted = hints[key]
        if dataclasses.is_dataclass(wanted):
            if not isinstance(value, dict):
                raise ConfigError(f"{name} must be a table, [{name}]")
            values[key] = _build(wanted, value, f"{name}.")  # type: ignore[arg-type]  # a class, not an instance
            continue
        value = _secret(value, name)
        if wanted == tuple[str, ...]:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ConfigError(f"{name} must be a list of texts")
            value = tuple(value)
        elif type(value) is not wanted:
            raise ConfigError(f"{name} must be of type {wanted.__name__}, not {type(value).__name__}")
        elif wanted is int and value < 0:
            raise ConfigError(f"{name} must not be less than 0")
        values[key] = value
    return cls(**values)


_CHOICES = {
    "quota.full_and_forwarding": ("forward", "reject"),
    "outbound.mode": ("direct", "relay", "capture"),
    "dns.dnssec": ("auto", "yes", "no"),
    "forwarding.unsafe": ("rewrite", "keep"),
    "forwarding.targets": ("any", "confirmed", "none"),
    "limits.plaintext": ("no", "loopback"),
    "limits.scram": ("auto", "always", "never"),
}


_SIZES = (
    "quota.default", "quota.desk_most", "limits.message_size", "limits.message_memory", "limits.header_size",
    "limits.line_length", "web.uploads_size",
)  # fmt: skip
_NETWORKS = ("limits.trusted", "listen.balancers")
_ADDRESSES = tuple(f"listen.{each.name}" for each in dataclasses.fields(Listen) if each.type is str)
_DOMAINS = ("domain", "hostname", "forwarding.srs_domain")
_URLS = (
    "public_url", "directory.url", "filter.rspamd", "filter.learn", "portal_users.url",
    *(f"oidc.{each.name}.issuer" for each in dataclasses.fields(Oidc)),
)  # fmt: skip
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,126}")  # as browsers send it: no scheme, no port


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check(config: Config) -> None:
    """Check single values, and those that must agree.  Raises ConfigError."""
    for path, choices in _CHOICES.items():
        if (value := _at(config, path)) not in choices:
            raise ConfigError(f"{path} is {value!r}; it must be one of {', '.join(choices)}")
    for path in _SIZES:
        octets(_at(config, path))
    for path in _NETWORKS:
        for network in _at(config, path):
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ConfigError(f"{path}: {network!r} is not a network") from None
    for path in _ADDRESSES:
        if address := _at(config, path):
            _address(path, address)
    for server in config.dns.servers:
        if not _is_ip(server):
            _address("dns.servers", server)
    for path in _DOMAINS:
        if (name := _at(config, path)) and not _DOMAIN.match(name):
            raise ConfigError(f"{path}: {name!r} is not the name of a domain; write it in small ASCII letters")
    for name in config.web.names:
        if not _HOST_NAME.fullmatch(name) and not _is_ip(name):
            raise ConfigError(f"web.names: {name!r} is not the name of a host; write for example mail.alumni.example")
    for path in _URLS:
        if (url := _at(config, path)) and not urlsplit(url).netloc:
            raise ConfigError(f"{path}: {url!r} is not a URL such as https://alumni.example")
    if not config.domain:
        raise ConfigError("domain must not be empty")
    if config.outbound.mode == "relay" and not config.outbound.host:
        raise ConfigError('outbound.mode is "relay", so outbound.host must name the relay')
    if bool(config.tls.certificate) != bool(config.tls.key):
        raise ConfigError("tls.certificate and tls.key go together; one of them is not set")
    _ = config.zone, config.database_path, config.blobs_path


def _address(path: str, address: str) -> None:
    try:
        host_and_port(address)
    except ConfigError as problem:
        raise ConfigError(f"{path}: {problem}") from None


def _at(config: Config, path: str) -> Any:  # Any: whatever the setting is
    return reduce(getattr, path.split("."), config)


def parse_config(text: str) -> Config:
    """Settings from TOML text; raises ConfigError."""
    try:
        config: Config = _build(Config, tomllib.loads(text), "")
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"not valid TOML: {problem}") from None
    _check(config)
    return config


def load_config(path: str | None = None) -> Config:
    """Settings from `path`, `$ALUMNIMAIL_CONFIG`, `./alumnimail.toml`, or the built-in defaults."""
    named = path or os.environ.get("ALUMNIMAIL_CONFIG")
    file = Path(named or "alumnimail.toml")
    if not named and not file.exists():
        return Config()
    try:
        return parse_config(file.read_text())
    except OSError as problem:
        raise ConfigError(f"cannot read {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not text in UTF-8") from None
    except ConfigError as problem:
        raise ConfigError(f"{file}: {problem}") from None
