"""The university's ordinary user database, by LDAP (RFC 4511).

A log-in is a bind as the person, after the entry was found and its immutable id agrees with the account's: user
names are handed on to others, person ids never (N10).  No password of the directory is kept, not even hashed.
"""

import contextlib
import secrets
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from mailcore.config import Config
from mailcore.domain import Account
from mailcore.errors import ConfigError, TemporarilyUnavailable
from mailcore.log import log_for

log = log_for(__name__)
TIMEOUT_SECONDS = 3
PAGE = 500
_REFUSED = (19, 48, 49, 50, 53)  # constraint, inappropriate auth, wrong password, no access, unwilling: a "no"
_DOWN = "the university log-in does not answer"


class Proof(Enum):
    """What a password database says.  ENDED: the password is right, but the tie to the university is over."""

    NO = "no"
    YES = "yes"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory says of a person; `until` is the end of the affiliation where it is known."""

    dn: str
    person: str
    login: str
    kinds: tuple[str, ...]
    until: date | None


def is_on(config: Config) -> bool:
    return bool(config.directory.url)


class Directory:
    """A connection for each question: log-ins are remembered for a minute above us, so there are few."""

    name = "directory"

    def __init__(self, config: Config) -> None:
        self._settings = settings = config.directory
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ca or None, version=ssl.PROTOCOL_TLS_CLIENT)
        try:
            self._server = ldap3.Server(
                settings.url, tls=tls, get_info=ldap3.NONE, connect_timeout=TIMEOUT_SECONDS
            )
        except LDAPException as problem:
            raise ConfigError(f"directory.url: {problem}") from None

    def check(self, account: Account, password: str) -> Proof:
        """Raises TemporarilyUnavailable."""
        # a bind with an empty password is anonymous, and succeeds (RFC 4513 section 5.1.2)
        if not password or "\0" in password:
            return Proof.NO
        if not account.person:
            self.waste(password)
            return Proof.NO
        found = self.find(account.name)
        if found is not None and found.person != account.person:
            log.warning("the directory's user name of account %d belongs to another person now", account.id)
            found = None
        if found is None:
            self._bind(self._nobody(), password)
            return Proof.NO
        return Proof.YES if self._bind(found.dn, password) else Proof.NO

    def waste(self, password: str) -> None:
        self.find(f"nobody-{secrets.token_hex(4)}")
        self._bind(self._nobody(), password)

    def _nobody(self) -> str:
        return f"{self._settings.login_attribute}=nobody-{secrets.token_hex(4)},{self._settings.base}"

    def _bind(self, dn: str, password: str) -> bool:
        if not password or "\0" in password:
            return False
        with self._connection(dn, password) as connection:
            return connection is not None

    def find(self, login: str) -> Entry | None:
        """The one entry of that user name.  Raises TemporarilyUnavailable."""
        attribute = self._settings.login_attribute
        entries = list(self._search(f"({attribute}={escape_filter_chars(login)})"))
        return entries[0] if len(entries) == 1 else None

    def everyone(self) -> Iterator[Entry]:
        """All entries that have a person id.  Raises TemporarilyUnavailable."""
        return self._search(f"({self._settings.person_attribute}=*)")

    def _search(self, query: str) -> Iterator[Entry]:
        s = self._settings
        wanted = [a for a in (s.person_attribute, s.login_attribute, s.affiliation_attribute, s.until_attribute) if a]
        with self._connection(s.bind_dn, s.bind_password) as connection:
            if connection is None:
                log.error("the directory refuses directory.bind_dn")
                raise TemporarilyUnavailable(_DOWN)
            with _told():
                answers = connection.extend.standard.paged_search(
                    s.base, query, ldap3.SUBTREE, attributes=wanted, paged_size=PAGE, generator=True
                )
                for answer in answers:
                    if answer.get("type") == "searchResEntry" and (entry := self._entry(answer)):
                        yield entry
            if connection.result.get("result") not in (0, 32):  # done, no such base
                log.error("the directory answers a search with %s", connection.result.get("description"))
                raise TemporarilyUnavailable(_DOWN)

    def _entry(self, answer: Any) -> Entry | None:  # Any: ldap3's dictionary
        s, values = self._settings, answer["raw_attributes"]
        by_name = {name.lower(): [value.decode("utf-8", "replace") for value in found] for name, found in values.items()}

        def of(attribute: str) -> list[str]:
            return by_name.get(attribute.lower(), [])

        if len(of(s.person_attribute)) != 1 or not of(s.login_attribute):
            return None
        until = of(s.until_attribute)[:1] if s.until_attribute else []
        return Entry(
            answer["dn"], of(s.person_attribute)[0], of(s.login_attribute)[0].lower(),
            tuple(sorted(kind.lower() for kind in of(s.affiliation_attribute))), _day(until[0]) if until else None,
        )  # fmt: skip

    @contextlib.contextmanager
    def _connection(self, dn: str, password: str) -> Iterator[Any]:  # Any: ldap3.Connection
        """A bound connection, or None when the bind is refused.  Raises TemporarilyUnavailable."""
        connection = ldap3.Connection(
            self._server, dn or None, password or None, receive_timeout=TIMEOUT_SECONDS, read_only=True,
            auto_referrals=False, client_strategy=ldap3.SYNC, raise_exceptions=False,
        )  # fmt: skip
        try:
            with _told():
                connection.open()
                if self._settings.starttls and not connection.start_tls():
                    raise TemporarilyUnavailable(_DOWN)
                bound = connection.bind()
            code = connection.result.get("result")
            if not bound and code not in _REFUSED:
                log.error("the directory answers a bind with %s", connection.result.get("description"))
                raise TemporarilyUnavailable(_DOWN)
            yield connection if bound else None
        finally:
            plain = connection.socket
            with contextlib.suppress(LDAPException, OSError):
                connection.unbind()
            if plain is not None:  # the library leaves it open when TLS fails
                plain.close()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """The library's and the network's troubles in our words."""
    try:
        yield
    except (LDAPException, OSError, ssl.SSLError) as problem:
        log.warning("the directory does not answer: %s", type(problem).__name__)
        raise TemporarilyUnavailable(_DOWN) from None


def _day(text: str) -> date | None:
    """`20271231`, `20271231235959Z` or `2027-12-31`."""
    digits = text.replace("-", "")[:8]
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
