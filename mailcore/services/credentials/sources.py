"""Password databases besides our own: classes with `name` and `check`, chosen by the settings.

Our own database is asked first (services/credentials/login.py), then these in their order.  None can lock anybody out of the
alumni password: a source that does not answer is TemporarilyUnavailable, which is no failure and is not remembered.
"""

import json
import secrets
import urllib.error
import urllib.request
from typing import Protocol
from urllib.parse import urlsplit

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import TemporarilyUnavailable
from mailcore.services.credentials.directory import Directory, Proof, is_on

__all__ = ["HttpSource", "PasswordSource", "Proof", "create_sources", "list_sources"]
TIMEOUT_SECONDS = 3


class PasswordSource(Protocol):
    """A password database that log-in asks; the contract is tested for every class (tests/services/test_sources.py)."""

    name: str

    def check(self, account: Account, password: str) -> Proof:
        """Check that this password proves the person whom the account belongs to.  Blocking, three seconds at most.

        Raises:
            TemporarilyUnavailable: the source did not answer.
        """
        ...

    def imitate_check(self, password: str) -> None:
        """Do the same work for a user name that is not ours: strangers learn nothing by the time or by an outage.

        Raises:
            TemporarilyUnavailable: the source did not answer.
        """
        ...


class HttpSource:
    """Another user database behind an HTTP check, such as the portal of the alumni office.

    POSTs `{"username", "password"}` as JSON; 200 with `{"person": ID}` says yes, 401, 403 and 404 say no.
    """

    name = "portal"

    def __init__(self, config: Config) -> None:
        self._url, self._token = config.portal_users.url, config.portal_users.token

    def check(self, account: Account, password: str) -> Proof:
        if not password:
            return Proof.NO
        if not account.person:
            self.imitate_check(password)
            return Proof.NO
        return Proof.YES if self._ask(account.name, password) == account.person else Proof.NO

    def imitate_check(self, password: str) -> None:
        self._ask(f"nobody-{secrets.token_hex(4)}", password)

    def _ask(self, username: str, password: str) -> str:
        """Return the person id, "" when the answer is no.  Raises TemporarilyUnavailable."""
        body = json.dumps({"username": username, "password": password}).encode()
        head = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self._token}"} if self._token else {}
        )
        request = urllib.request.Request(self._url, body, head)  # noqa: S310 - the scheme is checked by the settings
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                answer_values = json.loads(answer.read(65536))
        except urllib.error.HTTPError as problem:
            if problem.code in (401, 403, 404):
                return ""
            raise TemporarilyUnavailable("the portal's user database does not answer") from None
        except (OSError, ValueError):
            raise TemporarilyUnavailable("the portal's user database does not answer") from None
        return str(answer_values.get("person") or "") if isinstance(answer_values, dict) else ""


def list_sources(core: Core) -> tuple[PasswordSource, ...]:
    """List the databases that the settings name, in their order.  They hold connections, so each is created once."""
    return core.resources.get(("sources", core.config), lambda: create_sources(core.config, core.clock))


def create_sources(config: Config, clock: Clock) -> tuple[PasswordSource, ...]:
    """Create the databases that the settings name."""
    sources: list[PasswordSource] = []
    if is_on(config):
        sources.append(Directory(config, clock))
    if urlsplit(config.portal_users.url).scheme in ("http", "https"):
        sources.append(HttpSource(config))
    return tuple(sources)
