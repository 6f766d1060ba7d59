"""A private CA and a server certificate for a first start; a real site names its own under [tls], or a server under [acme]."""

import asyncio
import datetime
import ssl
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.errors import Busy, ConfigError
from mailcore.log import log_for
from mailcore.process import key_agent
from mailcore.process.durable import PUBLIC, staged_file, sync_folder, write_file

log = log_for(__name__)
CHECK_SECONDS = 10  # how often the files are checked for a new certificate


def ensure_certificate(config: Config, clock: Clock) -> None:
    """Make `tls/ca.pem`, `tls/server.pem` and `tls/server.key` under the data folder where the settings name none."""
    if config.tls.certificate or config.certificate_path.exists():
        return
    folder = config.certificate_path.parent
    now = clock.now()
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Alumnimail CA of {config.domain}")])
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names: list[x509.GeneralName] = [
        x509.DNSName(name) for name in ("localhost", config.host, f"imap.{config.domain}", f"smtp.{config.domain}")
    ]
    names.append(x509.IPAddress(ip_address("127.0.0.1")))
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, config.host)]), ca_name, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    write_file(folder / "ca.pem", ca.public_bytes(pem), PUBLIC)
    write_file(
        config.key_path,
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    # the last of them, as it says that all are there
    write_file(config.certificate_path, certificate.public_bytes(pem) + ca.public_bytes(pem), PUBLIC)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=800))
    )


def ensure_account_key(config: Config) -> None:
    """Make the key that is our account at the ACME server, where it is missing."""
    if not config.acme_account_path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        write_file(config.acme_account_path, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def tls_context(config: Config) -> ssl.SSLContext:
    """Build the server's TLS context.  Raises ConfigError when the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in (config.certificate_path, config.key_path):  # OpenSSL does not tell which of them it could not read
        try:
            path.open("rb").close()
        except OSError as problem:
            raise ConfigError(f"tls: cannot read {path}: {problem.strerror}") from None
    try:
        context.load_cert_chain(config.certificate_path, config.key_path)
    except (OSError, ssl.SSLError) as problem:
        raise ConfigError(f"tls: cannot use {config.certificate_path} with {config.key_path}: {problem}") from None
    return context


class Certificate:
    """The certificate shown to connections; `context` has changed files from the next handshake on."""

    def __init__(self, config: Config) -> None:
        """Load the files.  Raises ConfigError when they cannot be used."""
        self._config = config
        self._seen = self._stamp()
        self.context = tls_context(config)

    def _stamp(self) -> tuple[int, ...]:
        """Return the modification times of the files; 0 for one that is missing just now."""
        stamps = []
        for path in (self._config.certificate_path, self._config.key_path):
            try:
                stamps.append(path.stat().st_mtime_ns)
            except OSError:
                stamps.append(0)
        return tuple(stamps)

    def refresh(self) -> bool:
        """Load the files if they changed and belong together; else keep the certificate in use.  True if it is new."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            tls_context(self._config)  # a key of another certificate would end every handshake
        except ConfigError as problem:
            log.error("the certificate stays as it was: %s", problem)
            return False
        self.context.load_cert_chain(self._config.certificate_path, self._config.key_path)
        log.info("the certificate was taken anew")
        return True

    async def watch(self) -> None:
        """Refresh every CHECK_SECONDS until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.refresh()


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Facts of the server's certificate; `issuer` as it writes itself, `names` those of hosts."""

    issuer: str
    names: tuple[str, ...]
    begins: datetime.datetime
    ends: datetime.datetime
    path: Path
    ours: bool  # made by `ensure_certificate`: known to nobody else


def save_acme_certificate(config: Config, chain: bytes, key: bytes) -> None:
    """Save what an ACME server gave, both in PEM, in one moment.  Raises ConfigError: they do not belong together."""
    with staged_file(config.acme_path, chain + b"\n" + key) as new:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(new)
        except ssl.SSLError as problem:
            raise ConfigError(f"acme: what the server gave cannot be used: {problem}") from None
        new.rename(config.acme_path)
    sync_folder(config.acme_path.parent)


def read_acme_facts(config: Config) -> CertificateFacts | None:
    """Read the facts of the ACME server's certificate; None where it gave none yet."""
    return _read_facts(config.acme_path, ours=False)


def read_facts(config: Config) -> CertificateFacts | None:
    """Read the certificate's facts; None when it cannot be read."""
    path = config.certificate_path
    return _read_facts(path, ours=not config.tls.certificate and path != config.acme_path)


def _read_facts(path: Path, *, ours: bool) -> CertificateFacts | None:
    certificate = _read_certificate(path)
    if certificate is None:
        return None
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(listed.get_values_for_type(x509.DNSName))
    except (ValueError, x509.ExtensionNotFound):
        names = ()
    return CertificateFacts(
        certificate.issuer.rfc4514_string(),
        names,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        path,
        ours,
    )


def _read_certificate(path: Path) -> x509.Certificate | None:
    """Read a certificate of ours; None when it cannot be read.

    Its key may be in the same file, which not every process may read.
    """
    try:
        text = key_agent.ask("read_certificate", str(path)) if key_agent.is_used() else path.read_text()
        return x509.load_pem_x509_certificate(text.encode())
    except (OSError, ValueError, Busy):
        return None


def read_certificate_text(config: Config, path: str) -> str:
    """Read a certificate for those that may not read its file: PEM, without a key; "" when it cannot be read."""
    if path not in (str(config.certificate_path), str(config.acme_path)):
        return ""
    certificate = _read_certificate(Path(path))
    return certificate.public_bytes(serialization.Encoding.PEM).decode() if certificate else ""


def hash_end_point(config: Config) -> bytes:
    """Compute the channel binding tls-server-end-point (RFC 5929 section 4), a hash of the certificate; b"" without one."""
    try:
        changed_at = config.certificate_path.stat().st_mtime_ns
        return _hash_end_point(config.certificate_path, changed_at)
    except (OSError, ValueError):
        return b""


@lru_cache(maxsize=4)
def _hash_end_point(path: Path, _changed_at: int) -> bytes:
    """Hash the certificate in the file; `_changed_at` makes the cache forget an earlier one."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    return certificate.fingerprint(algorithm)
