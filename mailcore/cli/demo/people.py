"""The people of the demo: those with an account here, and those who stand in the university's directory."""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from mailcore.cli.demo.directory import Person
from mailcore.config import Config
from mailcore.core import Core
from mailcore.domain import AccountState
from mailcore.errors import AccountNotFound
from mailcore.services.accounts import accounts

ALUMNI_PASSWORD, UNIVERSITY_PASSWORD = "demo-password", "demo-university-password"  # noqa: S105 - names of files


@dataclass(frozen=True, slots=True)
class _Somebody:
    """`until`: the last day at the university, seen from today; None = not known.  `hint`: what to try as this person."""

    login: str
    name: str
    person: str
    kinds: tuple[str, ...]
    until: timedelta | None
    has_account: bool
    hint: str


_EVERYBODY = (
    _Somebody(
        "ola",
        "Ola Nordmann",
        "demo-1",
        ("student", "member"),
        timedelta(days=300),
        True,
        "student; has an account, and both passwords open it",
    ),
    _Somebody("kari", "Kari Nordmann", "demo-2", ("staff", "employee", "member"), None, True, "staff; the same"),
    _Somebody(
        "nils",
        "Nils Student",
        "demo-3",
        ("student", "member"),
        timedelta(days=300),
        False,
        "student without an account; orders one at once at {url}/order/university",
    ),
    _Somebody(
        "frida",
        "Frida Ferdig",
        "demo-4",
        ("alum",),
        None,
        False,
        "former student whom the university still knows; orders as nils does",
    ),
    _Somebody(
        "sverre",
        "Sverre Sluttet",
        "demo-5",
        ("employee",),
        timedelta(days=-30),
        False,
        "left the staff a month ago: the password proves nothing now; asks at {url}/order, staff decide",
    ),
)


def entries(config: Config, today: date, password: str) -> list[Person]:
    """Return everybody's entry, under the attribute names of the settings."""
    s = config.directory
    found = []
    for one in _EVERYBODY:
        told = {
            s.login_attribute: (one.login,),
            s.person_attribute: (one.person,),
            s.name_attribute: (one.name,),
            s.affiliation_attribute: one.kinds,
        }
        if s.until_attribute and one.until is not None:
            told[s.until_attribute] = (f"{today + one.until:%Y%m%d}",)
        dn = f"{s.login_attribute}={one.login},{s.base}"
        found.append(Person(dn, {name.lower(): values for name, values in told.items()}, password))
    return found


def hints(config: Config) -> str:
    """Return a line of the guide for each person."""
    return "\n".join(f"    {one.login:8}{one.hint.format(url=config.url)}" for one in _EVERYBODY)


def ensure_accounts(core: Core, password: str) -> None:
    """Create the accounts that are missing; those of an older demo are bound to their person."""
    for one in _EVERYBODY:
        if not one.has_account:
            continue
        try:
            account = accounts.find_account(core, one.login)
        except AccountNotFound:
            accounts.add_account(core, one.login, display_name=one.name, person=one.person, password=password)
        else:
            if not account.person and account.state == AccountState.ACTIVE:
                accounts.bind_person(core, one.login, one.person)


def kept_password(config: Config, name: str) -> str:
    """Return the password in this file of the data folder, created at the first start."""
    path = Path(config.data) / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text("-".join(secrets.token_hex(2) for _ in range(4)))
    return path.read_text().strip()
