"""Settings of mail on its way: listeners, certificates, limits, filters, forwarding and what leaves."""

from dataclasses import dataclass, fields

from mailcore.config.units import UNLIMITED, octets, quota_octets, within


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

    def by_setting(self) -> dict[str, str]:
        """Return the addresses on which something listens, by their settings (`smtp`, `imaps`, ...)."""
        named = {each.name: getattr(self, each.name) for each in fields(self) if each.type is str}
        return {name: address for name, address in named.items() if address}


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
class Limits:
    """Counts, sizes and rates.  `trusted` networks are free of the per-address ones."""

    message_size: str = "50M"
    message_memory: str = "256K"
    header_size: str = "256K"
    line_length: str = "1M"
    parts: int = 1000
    nesting: int = 100
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
