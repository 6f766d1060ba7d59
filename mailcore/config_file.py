"""Read the settings file: TOML into `Config`, with every value checked before anything starts.

Unknown keys are errors that name the nearest known key.  Secrets may be given as `{ file = "..." }` or `{ env = "..." }`.
"""

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from functools import reduce
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from mailcore.config import UNLIMITED, Config, Oidc, Origin, host_and_port, octets
from mailcore.errors import ConfigError
from mailcore.log import log_for

log = log_for(__name__)


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
        if key not in hints or hints[key] is Origin:
            near = difflib.get_close_matches(key, hints.keys() - {"origin"}, n=1)
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
    "filter.level": ("off", "low", "normal", "strict"),
    "filter.programs": ("junk", "mark"),
    "acme.challenge": ("http-01", "tls-alpn-01"),
    "dns.dnssec": ("auto", "yes", "no"),
    "forwarding.unsafe": ("rewrite", "keep"),
    "forwarding.targets": ("any", "confirmed", "none"),
    "log.format": ("text", "json"),
    "limits.plaintext": ("no", "loopback"),
    "limits.scram": ("auto", "always", "never"),
    "limits.far_log_ins": ("ask", "far", "allow"),
    "limits.confinement": ("auto", "off"),
}


_SIZES = (
    "blobs_inside",
    "s3.cache",
    "quota.desk_most",
    "limits.message_size",
    "limits.message_memory",
    "limits.header_size",
    "limits.line_length",
    "web.uploads_size",
)
MOST_INSIDE = 2**20
_NETWORKS = ("imports.networks", "limits.trusted", "listen.balancers", "webhooks.networks")
_DOMAINS = ("domain", "hostname", "forwarding.srs_domain")
_URLS = (
    "public_url",
    "acme.directory",
    "s3.endpoint",
    "directory.url",
    "filter.rspamd",
    "filter.learn",
    "opentelemetry.endpoint",
    "portal_users.url",
    *(f"oidc.{each.name}.issuer" for each in dataclasses.fields(Oidc)),
    *(f"imports.{name}.{url}_url" for name in ("google", "microsoft") for url in ("authorize", "token")),
)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\Z")
# as browsers send it: no scheme, no port
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,126}")


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).netloc)
    except ValueError:  # half an IPv6 address
        return False


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
    try:
        _ = config.quota.default_octets
    except ConfigError as problem:
        raise ConfigError(f"quota.default: {problem}") from None
    if config.quota.is_zero:
        log.warning('quota.default = "%s" is deprecated: write "%s"', config.quota.default, UNLIMITED)
    for path in _NETWORKS:
        for network in _at(config, path):
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ConfigError(f"{path}: {network!r} is not a network") from None
    for setting, address in config.listen.by_setting().items():
        _check_address(f"listen.{setting}", address)
    if config.acme.listen:
        _check_address("acme.listen", config.acme.listen)
    for server in config.dns.servers:
        if not _is_ip(server):
            _check_address("dns.servers", server)
    for path in _DOMAINS:
        if (name := _at(config, path)) and not _DOMAIN.match(name):
            raise ConfigError(f"{path}: {name!r} is not the name of a domain; write it in small ASCII letters")
    for name in config.domains:
        if not _DOMAIN.match(name):
            raise ConfigError(f"domains: {name!r} is not the name of a domain; write it in small ASCII letters")
        if name in (config.srs_domain, config.host):
            raise ConfigError(
                f"domains: {name} is the name of the host or of forwarded mail; people have no addresses there"
            )
    if len(set(config.domains)) != len(config.domains):
        raise ConfigError("domains: one of them is named twice")
    for name in config.web.names:
        if not _HOST_NAME.fullmatch(name) and not _is_ip(name):
            raise ConfigError(f"web.names: {name!r} is not the name of a host; write for example mail.alumni.example")
    for path in _URLS:
        if (url := _at(config, path)) and not _is_url(url):
            raise ConfigError(f"{path}: {url!r} is not a URL such as https://alumni.example")
    if not config.domain:
        raise ConfigError("domain must not be empty")
    if config.passwords.breached and not Path(config.passwords.breached).exists():
        raise ConfigError(f"passwords.breached: there is no {config.passwords.breached}")
    checks = config.help.identity_checks
    if not 1 <= config.help.identity_least <= (len(set(checks)) or 4):
        raise ConfigError(
            "help.identity_least must be 1 at least, and at most as many as there are help.identity_checks"
        )
    if not all(0 < len(one.strip()) <= 100 for one in checks):
        raise ConfigError("help.identity_checks: each has at least one character and at most 100")
    if config.sleep.months not in (0, *range(3, 25)):
        raise ConfigError("sleep.months must be from 3 to 24, or 0 for never")
    if not 1 <= config.opentelemetry.percent <= 100:
        raise ConfigError("opentelemetry.percent must be from 1 to 100")
    if config.outbound.mode == "relay" and not config.outbound.host:
        raise ConfigError('outbound.mode is "relay", so outbound.host must name the relay')
    if bool(config.tls.certificate) != bool(config.tls.key):
        raise ConfigError("tls.certificate and tls.key go together; one of them is not set")
    if config.acme.directory:
        _check_acme(config)
    if octets(config.blobs_inside) > MOST_INSIDE:
        raise ConfigError("blobs_inside must be at most 1M; what is larger makes the database slow")
    if config.bucket and bool(config.s3.access_key) != bool(config.s3.secret_key):
        raise ConfigError("s3.access_key and s3.secret_key go together; one of them is not set")
    if config.database_listen and not (
        config.is_on_postgresql and config.database_listen.startswith(("postgresql://", "postgres://"))
    ):
        raise ConfigError("database_listen: it is the URL of a database on PostgreSQL, beside one in database")
    if config.is_in_cluster:
        _check_cluster(config)
    _ = config.zone, config.database_key, config.blobs_path


def _check_acme(config: Config) -> None:
    if urlsplit(config.acme.directory).scheme != "https":
        raise ConfigError("acme.directory must begin with https://")
    if config.tls.certificate:
        raise ConfigError("acme.directory and tls.certificate both name the certificate; set one of them")
    if bool(config.acme.eab_key_id) != bool(config.acme.eab_hmac_key):
        raise ConfigError("acme.eab_key_id and acme.eab_hmac_key go together; one of them is not set")
    if config.acme.challenge == "tls-alpn-01" and not config.acme.listen:
        raise ConfigError('acme.challenge is "tls-alpn-01", so acme.listen must say where it is answered')
    for name in config.acme.names:
        if not _DOMAIN.match(name):
            raise ConfigError(f"acme.names: {name!r} is not the name of a host; write it in small ASCII letters")
    if config.acme.ca and not Path(config.acme.ca).exists():
        raise ConfigError(f"acme.ca: there is no {config.acme.ca}")


def _check_cluster(config: Config) -> None:
    if not config.is_on_postgresql:
        raise ConfigError("cluster.key: several nodes need a database on PostgreSQL")
    if not config.blobs:
        raise ConfigError(
            "cluster.key: nodes need blobs that all of them reach: s3://.., or file:// of a shared folder"
        )
    if "/" in config.cluster.node:
        raise ConfigError("cluster.node must not have a slash")
    if not 6 <= config.cluster.silent_seconds <= 300:
        raise ConfigError("cluster.silent_seconds must be from 6 to 300")


def _check_address(path: str, address: str) -> None:
    try:
        host_and_port(address)
    except ConfigError as problem:
        raise ConfigError(f"{path}: {problem}") from None


def _at(config: Config, path: str) -> Any:  # Any: whatever the setting is
    return reduce(getattr, path.split("."), config)


_OTHER_NAMES = {"blobs_cache": "s3.cache", "node.name": "cluster.node"}


def _rename(table: dict[str, Any], name: str, setting: str) -> None:
    """Read a setting that stands under its other name; raises ConfigError if both are given."""
    *tables, key = name.split(".")
    holder = table.get(tables[0]) if tables else table
    if not isinstance(holder, dict) or key not in holder:
        return
    group, _, wanted = setting.partition(".")
    place = table.setdefault(group, {})
    if isinstance(place, dict):
        if wanted in place:
            raise ConfigError(f"{name} and {setting} are the same setting; give one of them")
        place[wanted] = holder.pop(key)
    if tables and not holder:
        del table[tables[0]]


def parse_config(text: str, file: str = "") -> Config:
    """Read settings from TOML text, which stood in `file`.  Raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"not valid TOML: {problem}") from None
    for name, setting in _OTHER_NAMES.items():
        _rename(table, name, setting)
    config: Config = _build(Config, table, "")
    _check(config)
    return dataclasses.replace(config, origin=Origin(file, tuple(_list_given(Config, table, ""))))


def _list_given(cls: type[Any], table: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Yield the settings that a table has, and how each is given: here, or as a secret that stands elsewhere."""
    hints = get_type_hints(cls)
    for key, value in table.items():
        if dataclasses.is_dataclass(hints[key]):
            yield from _list_given(hints[key], value, f"{where}{key}.")
        else:
            yield f"{where}{key}", next(iter(value)) if isinstance(value, dict) else "here"


def load_config(path: str | None = None) -> Config:
    """Read settings from `path`, `$ALUMNIMAIL_CONFIG`, `./alumnimail.toml`, or the built-in defaults.  Raises ConfigError."""
    named = path or os.environ.get("ALUMNIMAIL_CONFIG")
    file = Path(named or "alumnimail.toml")
    if not named and not file.exists():
        return Config()
    try:
        return parse_config(file.read_text(), str(file.absolute()))
    except OSError as problem:
        raise ConfigError(f"cannot read {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not text in UTF-8") from None
    except ConfigError as problem:
        raise ConfigError(f"{file}: {problem}") from None
