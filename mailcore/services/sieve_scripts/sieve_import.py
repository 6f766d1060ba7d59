"""Scripts carried over from an old server by ManageSieve, with sievelib's client.

Each is checked here: one that does not compile is named with its first problem and left out, the others come.  sievelib
reads a script line by line, so that line ends may change, and it does not read names that hold a quote or a backslash.
"""

import ssl
from dataclasses import dataclass
from typing import Any

from sievelib import managesieve

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import MailError, ScriptHeld, TemporarilyUnavailable, WrongPassword
from mailcore.services.sieve_scripts import filters


@dataclass(frozen=True, slots=True)
class OldServer:
    """`ca`: a PEM file of certificates to trust, "" = the system's."""

    host: str
    user: str
    password: str
    port: int = 4190
    tls: bool = True
    ca: str = ""

    def __repr__(self) -> str:  # never let a password reach a log
        return f"OldServer({self.host!r}, {self.user!r})"


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import of scripts.

    Attributes:
        refused: name and reason of what was left out.
        active: the script that is active now, "" for none.
        inactive: the script that is active there and not here, because it sends mail on.
    """

    names: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    active: str
    inactive: str = ""


class _Client(managesieve.Client):  # type: ignore[misc]  # sievelib has no types
    """With certificates of the caller's choice."""

    def __init__(self, server: OldServer) -> None:
        self.sock: Any = None  # Any: a socket, with or without TLS
        super().__init__(server.host, server.port)
        self._ca = server.ca

    def _Client__enable_ssl(self, **_more: object) -> None:  # noqa: N802 - sievelib's private name
        context = ssl.create_default_context(cafile=self._ca or None)
        self.sock = context.wrap_socket(self.sock, server_hostname=self.srvhostname)


def import_scripts(core: Core, account: AccountId, server: OldServer, *, replace: bool = False) -> Imported:
    """Take all scripts; the one that is active there becomes active, unless the account has an active one.

    One that sends mail on does not: its owner takes it into use on the page of filters, with the password, and is told.

    Args:
        replace: also over scripts of the same name.

    Raises:
        WrongPassword: the old server's.
        TemporarilyUnavailable: it does not answer, or not as it should.
    """
    try:
        fetched, active = _fetch_scripts(server)
    except (managesieve.Error, OSError, ValueError) as problem:
        raise TemporarilyUnavailable(f"{server.host}: {problem}") from problem
    known = {script.name: script for script in filters.read_scripts(core, account)}
    names: list[str] = []
    refused: list[tuple[str, str]] = []
    for name, source in fetched:
        if name in known and not replace:
            refused.append((name, "there is a script of that name"))
            continue
        try:
            filters.put_script(core, account, name, source, held=True)
            names.append(name)
        except MailError as problem:
            refused.append((name, str(problem).partition("\n")[0]))
    has_active = any(script.active for script in known.values())
    inactive = ""
    if active not in names or (has_active and not replace):
        active = ""
    else:
        try:
            filters.set_active_script(core, account, active)
        except ScriptHeld:
            active, inactive = "", active
    filters.notify_of_import(core, account, len(names) - bool(active))
    return Imported(tuple(names), tuple(refused), active, inactive)


def _fetch_scripts(server: OldServer) -> tuple[list[tuple[str, str]], str]:
    """Fetch names with sources, and the name of the active script."""
    client = _Client(server)
    if not client.connect(server.user, server.password, starttls=server.tls):
        raise WrongPassword(f"{server.host} does not accept the user name or the password")
    try:
        listing = client.listscripts()
        if listing is None:
            raise ValueError("it does not list its scripts")
        active, names = listing
        everything = [*names, active] if active and active not in names else names
        return [(name, client.getscript(name) or "") for name in everything if name], active or ""
    finally:
        client.logout()
