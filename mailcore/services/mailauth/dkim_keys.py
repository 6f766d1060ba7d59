"""The keys of DKIM and their rotation: generations of one RSA and one Ed25519 key each, as files under `data/dkim`.

The next generation is made and published while the present one signs; when DNS has it, it signs, and the old one
stays published until no message is on its way any more.  Processes look at the files, so all change at once.

Each domain of `domains` has keys of its own, in a folder by its name beside those of the site's domain, and generations of
its own: one zone may have the new records while another waits.  `domain` is "" for the site's own.

The portal's processes cannot read the files (cli/confinement.py): functions that do ask for the same in the process that can.
"""

import base64
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from mailcore.config import Config
from mailcore.core import Core
from mailcore.errors import Busy, ConfigError
from mailcore.net.dns import DnsTrouble, text_of
from mailcore.process import key_agent
from mailcore.process.durable import create_file, write_file
from mailcore.services import audit
from mailcore.services.audit import Event

ALGORITHMS = {"rsa": b"rsa-sha256", "ed": b"ed25519-sha256"}
RETIRED_SECONDS = 14 * 86_400  # a queue tries for five days, and who fetches mail late verifies late
_FILE = re.compile(r"(?:rsa|ed)([0-9]{1,6})\.pem\Z")


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of keys: `state` is signs, next or retired; `records` publish it, by name."""

    number: int
    state: str
    records: dict[str, str]


def list_generations(config: Config, domain: str = "") -> list[Generation]:
    """List the published generations of a domain, the oldest first."""
    signs, _since = current(config, domain)
    return [
        Generation(
            number,
            "signs" if number == signs else "next" if number > signs else "retired",
            dns_records(config, [number], domain),
        )
        for number in generations(config, domain)
    ]


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a rotation, as generations; None = nothing."""

    made: int | None = None
    signs: int | None = None
    removed: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()  # records that DNS does not show yet


def folder(config: Config, domain: str = "") -> Path:
    return config.data_path / "dkim" / _subfolder(config, domain)


def _subfolder(config: Config, domain: str) -> str:
    """Raises ConfigError for a domain that is not ours: it would be a part of a path, and others may ask for it."""
    if domain in ("", config.domain):
        return ""
    if domain not in config.mail_domains:
        raise ConfigError(f"{domain!r} is no domain of ours")
    return domain


def path(config: Config, selector: str, domain: str = "") -> Path:
    return folder(config, domain) / f"{selector}.pem"


def current(config: Config, domain: str = "") -> tuple[int, int]:
    """The generation that signs, and since when (seconds since 1970, 0 = from the beginning)."""
    if key_agent.is_used():
        number, at = key_agent.ask("current", domain)
        return int(number), int(at)
    try:
        number, at = (folder(config, domain) / "current").read_text().split()
        return int(number), int(at)
    except (OSError, ValueError):
        return 1, 0


def generations(config: Config, domain: str = "") -> list[int]:
    """All that are published."""
    if key_agent.is_used():
        return list(map(int, key_agent.ask("generations", domain)))
    return sorted({int(found[1]) for file in folder(config, domain).glob("*.pem") if (found := _FILE.match(file.name))})


def list_signers(config: Config, domain: str = "") -> list[tuple[str, bytes]]:
    """List selector and algorithm of each signature that a message gets; what cannot be read signs nothing."""
    if key_agent.is_used():
        return [(selector, algorithm.encode()) for selector, algorithm in key_agent.ask("list_signers", domain)]
    base = _find_base(config, domain)
    said = f"{base}/current"
    changed = _changed(said)
    number = _read(said, changed).split()[0].decode() if changed else "1"
    return [
        (f"{kind}{number}", algorithm)
        for kind, algorithm in ALGORITHMS.items()
        if _changed(f"{base}/{kind}{number}.pem")
    ]


def sign_digest(config: Config, domain: str, selector: str, digest: bytes) -> bytes:
    """Sign a SHA-256 with a domain's key.

    Raises:
        Busy: it has gone since it was listed, as another signs by now; or what `key_agent.ask` raises.
    """
    if key_agent.is_used():
        return bytes.fromhex(key_agent.ask("sign_digest", domain, selector, digest.hex()))
    file = f"{_find_base(config, domain)}/{selector}.pem"
    try:
        if not (changed := _changed(file)):
            raise Busy(f"the key {selector} is not there any more")
        key = _read(file, changed)
    except OSError as problem:
        raise Busy(f"the key {selector} cannot be read: {problem.strerror}") from problem
    return _load(key)(digest)


def _find_base(config: Config, domain: str) -> str:
    """Find the folder as text, as a Path costs more than the look at the file."""
    below = _subfolder(config, domain)
    return f"{config.data}/dkim/{below}" if below else f"{config.data}/dkim"


@lru_cache(maxsize=64)
def _load(key: bytes) -> Callable[[bytes], bytes]:
    """Return the function that signs a SHA-256 with this key: PEM of RSA, or base64 of the seed of Ed25519 (RFC 8463)."""
    if key.startswith(b"-----"):
        known = serialization.load_pem_private_key(key, None)
        assert isinstance(known, rsa.RSAPrivateKey)  # noqa: S101 - we made it
        return lambda digest: known.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    return ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(key)).sign


def _changed(file: str) -> int:
    """Return the file's modification time in nanoseconds; 0 = there is no such file."""
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=32)
def _read(file: str, _changed: int) -> bytes:
    return Path(file).read_bytes().strip()


def ensure_keys(config: Config) -> None:
    """Make the keys that are missing, readable by us alone."""
    for domain in config.mail_domains:
        _make(config, current(config, domain)[0], domain)


def _make(config: Config, number: int, domain: str) -> None:
    if not path(config, f"rsa{number}", domain).exists():
        create_file(
            path(config, f"rsa{number}", domain),
            rsa.generate_private_key(65537, 2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            ),
        )
    if not path(config, f"ed{number}", domain).exists():
        raw = ed25519.Ed25519PrivateKey.generate().private_bytes_raw()
        create_file(path(config, f"ed{number}", domain), base64.b64encode(raw) + b"\n")


def dns_records(config: Config, numbers: list[int] | None = None, domain: str = "") -> dict[str, str]:
    """Name and text of the TXT records that publish a domain's keys: of all generations, or of these."""
    if key_agent.is_used():
        asked: dict[str, str] = key_agent.ask("dns_records", numbers, domain)
        return asked
    records = {}
    for number in generations(config, domain) if numbers is None else numbers:
        for kind, named in (("rsa", "rsa"), ("ed", "ed25519")):
            file = path(config, f"{kind}{number}", domain)
            if not file.exists():
                continue
            text = f"v=DKIM1; k={named}; p={base64.b64encode(_public(kind, file.read_bytes())).decode()}"
            records[f"{kind}{number}._domainkey.{domain or config.domain}"] = text
    return records


def _public(kind: str, octets: bytes) -> bytes:
    if kind == "ed":
        return ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(octets)).public_key().public_bytes_raw()
    whole = serialization.load_pem_private_key(octets, None)
    return whole.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def rotate(core: Core, domain: str = "", *, force: bool, actor: str) -> Rotation:
    """Take the next step of a rotation, and record it.

    Args and errors are those of `_rotate`.
    """
    before, _since = current(core.config, domain)
    done = _rotate(core, domain, force=force)
    steps = [f"{domain or core.config.domain}: signs {done.signs or before}, before {before}"]
    steps += [f"made {done.made}"] if done.made else []
    steps += [f"removed {number}" for number in done.removed]
    if done.made or done.signs or done.removed:
        core.db.write(lambda tx: audit.note(core, tx, None, Event.DKIM_ROTATED, actor=actor, detail=", ".join(steps)))
    return done


def _rotate(core: Core, domain: str, *, force: bool) -> Rotation:
    """Remove what retired long ago, make the next generation of a domain, or sign with it once DNS shows it.

    Args:
        force: sign with the next generation whatever DNS shows.

    Raises:
        Busy: the files cannot be written.
    """
    config, now = core.config, core.clock.seconds()
    number, since = current(config, domain)
    ensure_keys(config)
    published = generations(config, domain)
    old = tuple(one for one in published if one < number) if now - since >= RETIRED_SECONDS else ()
    coming = [one for one in published if one > number]
    try:
        for one in old:
            for kind in ALGORITHMS:
                path(config, f"{kind}{one}", domain).unlink(missing_ok=True)
        if not coming:
            _make(config, number + 1, domain)
            return Rotation(made=number + 1, removed=old)
        missing = () if force else not_in_dns(core, coming[0], domain)
        if missing:
            return Rotation(removed=old, missing=missing)
        file = folder(config, domain) / "current"
        write_file(file, f"{coming[0]} {now}\n".encode())
    except OSError as problem:
        raise Busy(f"the keys cannot be written: {problem.strerror}") from problem
    return Rotation(signs=coming[0], removed=old)


def not_in_dns(core: Core, number: int, domain: str = "") -> tuple[str, ...]:
    """The names of records of a generation that DNS does not show as they should be."""
    missing = []
    for name, text in dns_records(core.config, [number], domain).items():
        try:
            found = [text_of(record).replace(" ", "") for record in core.dns.lookup(name, "TXT")]
        except DnsTrouble:
            found = []
        if text.replace(" ", "") not in found:
            missing.append(name)
    return tuple(missing)
