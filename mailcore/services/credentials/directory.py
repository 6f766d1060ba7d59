"""The university's ordinary user database, by LDAP (RFC 4511).

A log-in is a bind as the person, after the entry was found and its immutable id agrees with the account's: user
names are handed on to others, person ids never (N10).  No password of the directory is kept, not even hashed.
"""

import contextlib
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.domain import Account
from mailcore.errors import ConfigError, TemporarilyUnavailable
from mailcore.log import log_for

log = log_for(__name__)
TIMEOUT_SECONDS = 3
PAGE = 500
IDLE_SECONDS, MOST_IDLE = 60, 8
QUIET_SECONDS = 5  # for which one that did not answer is left alone: who waits for it keeps no thread from others
MAX_PASSWORD = 1024
_REFUSED = (19, 48, 49, 50, 53)  # constraint, inappropriate auth, wrong password, no access, unwilling: a "no"
_DOWN = "the university log-in does not answer"
ldap3.set_config_parameter("RESET_AVAILABILITY_TIMEOUT", QUIET_SECONDS)


class Proof(Enum):
    """Answers of a password database.  ENDED: the password is right, but the tie to the university is over."""

    NO = "no"
    YES = "yes"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """A person's entry in the directory.

    `until` is the last day of the affiliation where it is known; `blocked`: in quarantine or switched off there.
    """

    dn: str
    person: str
    login: str
    kinds: tuple[str, ...]
    until: date | None
    blocked: bool = False
    name: str = ""

    def has_ended(self, today: date) -> bool:
        """Say if the tie to the university is over on this day."""
        return self.until is not None and self.until < today


def is_on(config: Config) -> bool:
    """Say if the settings name a directory."""
    return bool(config.directory.url)


class _Pool:
    """Connections bound as ourselves, reused for later searches; a dead one is noticed by using it."""

    def __init__(self) -> None:
        self._idle: list[tuple[float, Any]] = []  # Any: ldap3.Connection
        self._lock = threading.Lock()

    def acquire(self) -> Any | None:
        with self._lock:
            while self._idle:
                since, connection = self._idle.pop()
                if time.monotonic() - since < IDLE_SECONDS:
                    return connection
                _close_connection(connection)
        return None

    def release(self, connection: Any) -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append((time.monotonic(), connection))
                return
        _close_connection(connection)

    def clear(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            _close_connection(connection)


def _close_connection(connection: Any) -> None:  # Any: ldap3.Connection
    plain = connection.socket
    with contextlib.suppress(LDAPException, OSError):
        connection.unbind()
    if plain is not None:  # the library leaves it open when TLS fails
        plain.close()


class Directory:
    """The directory by LDAP: the entry is searched on a pooled connection, then bound as the person on one of its own."""

    name = "directory"

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self._settings = settings = config.directory
        self._clock = clock or Clock()
        self._pool = _Pool()
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ca or None, version=ssl.PROTOCOL_TLS_CLIENT)
        try:
            self._server = ldap3.Server(settings.url, tls=tls, get_info=ldap3.NONE, connect_timeout=TIMEOUT_SECONDS)
        except LDAPException as problem:
            raise ConfigError(f"directory.url: {problem}") from None

    def close(self) -> None:
        self._pool.clear()

    def check(self, account: Account, password: str) -> Proof:
        """Check the password of an account's person.  Raises TemporarilyUnavailable."""
        # a bind with an empty password is anonymous, and succeeds (RFC 4513 section 5.1.2)
        if not password or "\0" in password:
            return Proof.NO
        if not account.person:
            self.imitate_check(password)
            return Proof.NO
        entry = self.find(account.name)
        if entry is not None and entry.person != account.person:
            # changed user names: the person may be there under another one
            log.warning("the directory's user name of account %d belongs to another person now", account.id)
            entry = self.find_person(account.person)
        elif entry is None:
            entry = self.find_person(account.person)
        if entry is None or entry.blocked:
            self._bind(self._random_dn(), password)
            return Proof.NO
        if not self._bind(entry.dn, password):
            return Proof.NO
        return Proof.ENDED if entry.has_ended(self._clock.now().date()) else Proof.YES

    def verify_login(self, login: str, password: str) -> Entry | None:
        """Verify a log-in with the directory's own user name, for somebody who has no account here yet.

        Raises:
            TemporarilyUnavailable.
        """
        if not password or "\0" in password or len(password) > MAX_PASSWORD:
            return None
        entry = self.find(login.strip().lower())
        is_right = self._bind(entry.dn if entry and not entry.blocked else self._random_dn(), password)
        return entry if is_right and entry is not None and not entry.blocked else None

    def imitate_check(self, password: str) -> None:
        """Take the time of a check without checking anything."""
        self.find(f"nobody-{secrets.token_hex(4)}")
        self._bind(self._random_dn(), password)

    def _random_dn(self) -> str:
        return f"{self._settings.login_attribute}=nobody-{secrets.token_hex(4)},{self._settings.base}"

    def _bind(self, dn: str, password: str) -> bool:
        """Bind on a connection of its own: one that was refused must not be used for anything else."""
        if not password or "\0" in password:
            return False
        with _translate_errors():
            connection = self._connect()
        try:
            with _translate_errors():
                return self._bind_connection(connection, dn, password)
        finally:
            _close_connection(connection)

    def find(self, login: str) -> Entry | None:
        """Find the one entry of that user name.  Raises TemporarilyUnavailable."""
        return self._find_single(f"({self._settings.login_attribute}={escape_filter_chars(login)})")

    def find_person(self, person: str) -> Entry | None:
        """Find the one entry of that person id.  Raises TemporarilyUnavailable."""
        return self._find_single(f"({self._settings.person_attribute}={escape_filter_chars(person)})")

    def find_national(self, number: str) -> Entry | None:
        """Find the one entry with that national identity number; None for none or several, or without the attribute.

        Raises:
            TemporarilyUnavailable: it does not answer.
        """
        attribute = self._settings.national_attribute
        return self._find_single(f"({attribute}={escape_filter_chars(number)})") if attribute else None

    def _find_single(self, query: str) -> Entry | None:
        entries = list(self._search(query))
        if len(entries) != 1:
            return None
        if self._settings.blocked_filter:
            blocked = any(True for _ in self._search(f"(&{query}{self._settings.blocked_filter})"))
            return replace(entries[0], blocked=blocked)
        return entries[0]

    def list_people(self) -> Iterator[Entry]:
        """List all entries that have a person id.  Raises TemporarilyUnavailable."""
        s = self._settings
        query = f"({s.person_attribute}=*)"
        blocked = {e.dn for e in self._search(f"(&{query}{s.blocked_filter})")} if s.blocked_filter else set()
        for entry in self._search(query):
            yield replace(entry, blocked=True) if entry.dn in blocked else entry

    def _search(self, query: str) -> Iterator[Entry]:
        s = self._settings
        wanted = (s.person_attribute, s.login_attribute, s.affiliation_attribute, s.until_attribute, s.name_attribute)
        connection, fresh = self._bound_connection()
        try:
            entries = self._pages(connection, query, [a for a in wanted if a])
            first = next(entries, None)
        except TemporarilyUnavailable:
            _close_connection(connection)
            if fresh:
                raise
            # the pooled one had died: once more, on a new one
            connection, _ = self._bound_connection(fresh=True)
            entries = self._pages(connection, query, [a for a in wanted if a])
            first = next(entries, None)
        is_complete = False
        try:
            if first is not None:
                yield first
                yield from entries
            is_complete = True
        finally:
            self._pool.release(connection) if is_complete else _close_connection(connection)

    def _pages(self, connection: Any, query: str, wanted: list[str]) -> Iterator[Entry]:  # Any: ldap3.Connection
        with _translate_errors():
            answers = connection.extend.standard.paged_search(
                self._settings.base, query, ldap3.SUBTREE, attributes=wanted, paged_size=PAGE, generator=True
            )
            for answer in answers:
                if answer.get("type") == "searchResEntry" and (entry := self._entry(answer)):
                    yield entry
        if connection.result.get("result") not in (0, 32):  # done, no such base
            log.error("the directory answers a search with %s", connection.result.get("description"))
            raise TemporarilyUnavailable(_DOWN)

    def _bound_connection(self, *, fresh: bool = False) -> tuple[Any, bool]:  # Any: ldap3.Connection
        """Return a connection bound as ourselves, and whether it is new.  Raises TemporarilyUnavailable."""
        if fresh:
            self._pool.clear()
        elif (pooled := self._pool.acquire()) is not None:
            return pooled, False
        with _translate_errors():
            connection = self._connect()
            try:
                if self._bind_connection(connection, self._settings.bind_dn, self._settings.bind_password):
                    return connection, True
            except BaseException:
                _close_connection(connection)
                raise
        _close_connection(connection)
        log.error("the directory refuses directory.bind_dn")
        raise TemporarilyUnavailable(_DOWN)

    def _connect(self) -> Any:  # Any: ldap3.Connection
        connection = ldap3.Connection(
            self._server,
            receive_timeout=TIMEOUT_SECONDS,
            read_only=True,
            auto_referrals=False,
            client_strategy=ldap3.SYNC,
            raise_exceptions=False,
        )
        try:
            connection.open()
            if self._settings.starttls and not connection.start_tls():
                raise TemporarilyUnavailable(_DOWN)
        except BaseException:
            _close_connection(connection)
            raise
        return connection

    def _bind_connection(self, connection: Any, dn: str, password: str) -> bool:  # Any: ldap3.Connection
        """Bind, or False when it is refused.  Raises TemporarilyUnavailable."""
        if dn:
            connection.user, connection.password, connection.authentication = dn, password, ldap3.SIMPLE
        bound = connection.bind()
        if not bound and connection.result.get("result") not in _REFUSED:
            log.error("the directory answers a bind with %s", connection.result.get("description"))
            raise TemporarilyUnavailable(_DOWN)
        return bool(bound)

    def _entry(self, answer: Any) -> Entry | None:  # Any: ldap3's dictionary
        s, values = self._settings, answer["raw_attributes"]
        by_name = {
            name.lower(): [value.decode("utf-8", "replace") for value in octets] for name, octets in values.items()
        }

        def of(attribute: str) -> list[str]:
            return by_name.get(attribute.lower(), [])

        if len(of(s.person_attribute)) != 1 or not of(s.login_attribute):
            return None
        until = of(s.until_attribute)[:1] if s.until_attribute else []
        return Entry(
            answer["dn"],
            of(s.person_attribute)[0],
            of(s.login_attribute)[0].lower(),
            tuple(sorted(kind.lower() for kind in of(s.affiliation_attribute))),
            _parse_day(until[0]) if until else None,
            name=(of(s.name_attribute) or [""])[0],
        )


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate errors of the library and the network into TemporarilyUnavailable."""
    try:
        yield
    except (LDAPException, OSError, ssl.SSLError) as problem:
        log.warning("the directory does not answer: %s", type(problem).__name__)
        raise TemporarilyUnavailable(_DOWN) from None


def _parse_day(text: str) -> date | None:
    """Read `20271231`, `20271231235959Z` or `2027-12-31`."""
    digits = text.replace("-", "")[:8]
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
