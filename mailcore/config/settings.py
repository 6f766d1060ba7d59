"""All settings as one frozen value, and what follows from several of them."""

import re
import socket
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailcore.config.machines import S3, Bucket, Cluster, Log, OpenTelemetry, Origin
from mailcore.config.mail import (
    Acme,
    Dns,
    Filter,
    ForwardingSettings,
    Incoming,
    Limits,
    Listen,
    Outbound,
    Quota,
    Reports,
    Tls,
)
from mailcore.config.people import (
    Directory,
    Help,
    Imports,
    Oidc,
    OrderSettings,
    Passwords,
    PortalUsers,
    Sleep,
    Web,
    Webhooks,
)
from mailcore.config.units import octets, within
from mailcore.errors import ConfigError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*")


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
    opentelemetry: OpenTelemetry = field(default_factory=OpenTelemetry)
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
