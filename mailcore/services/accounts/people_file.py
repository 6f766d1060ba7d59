"""Files of accounts to create: CSV with the columns username, password, name, person, quota, addresses; the first is required.

Every account has its user name at the site's domain; `addresses` are what it has besides, with blanks between them.

Every line with a fault is named, so that a file of a hundred thousand is mended once and not ten times.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mailcore.config import quota_octets
from mailcore.core import Core
from mailcore.errors import AccountExists, ConfigError, InvalidName
from mailcore.saying import Saying
from mailcore.services.accounts.accounts import NewAccount, check_name, find_taken_address, is_free
from mailcore.services.credentials import passwords
from mailcore.store.engine.db import Tx
from mailcore.store.people import accounts as account_store

MAX_LINES = 100_000
_CHUNK = 500
_CELL = 1000  # characters


class Fault(StrEnum):
    """Kinds of what is wrong with a line."""

    NAME = "name"
    RESERVED = "reserved"
    QUOTA = "quota"
    ADDRESS = "address"
    PASSWORD = "password"  # noqa: S105 - none
    LONG = "long"
    TWICE = "twice"
    TAKEN = "taken"
    PERSON_TAKEN = "person taken"


@dataclass(frozen=True, slots=True)
class LineFault:
    """A fault in a line of the file, which is counted from 1; `text` is for the command line."""

    line: int
    fault: Fault
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class PeopleFile:
    """Accounts that can be created, with the number of their lines, and what is wrong with the other lines."""

    accounts: tuple[NewAccount, ...]
    lines: tuple[int, ...]
    faults: tuple[LineFault, ...]


class _Faulty(Exception):
    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault = fault


def decode(octets: bytes) -> str:
    """Raises InvalidName."""
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidName(Saying("The file is not text in UTF-8. Save it as such.")) from None


def parse_people(text: str, domains: Sequence[str] = (), *, reserved: bool = False) -> PeopleFile:
    """Read all lines; `reserved` names are a fault unless they are allowed.

    Args:
        domains: of addresses, the site's first.

    Raises:
        InvalidName: the first line does not name the columns, or there are too many lines.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    accounts: list[NewAccount] = []
    lines: list[int] = []
    faults: list[LineFault] = []
    names: set[str] = set()
    persons: set[str] = set()
    try:
        if "username" not in (reader.fieldnames or ()):
            raise InvalidName(Saying("The first line must name the columns, username among them."))
        for row in reader:
            if len(accounts) + len(faults) >= MAX_LINES:
                raise InvalidName(Saying("The file has more than %(count)s lines. Divide it.", count=MAX_LINES))
            try:
                account = _read_row(row, domains, reserved=reserved)
                own = {f"{localpart}@{domain}" for localpart, domain in account.addresses}
                own.add(f"{account.name}@{domains[0]}" if domains else account.name)
                if own & names or (account.person and account.person in persons):
                    raise _Faulty(Fault.TWICE, f"{account.name} or the person stands in the file twice")
            except _Faulty as problem:
                faults.append(LineFault(reader.line_num, problem.fault, (row["username"] or "")[:64], str(problem)))
                continue
            names |= own
            if account.person:
                persons.add(account.person)
            accounts.append(account)
            lines.append(reader.line_num)
    except csv.Error:
        raise InvalidName(Saying("Line %(line)s is no line of a CSV file.", line=reader.line_num)) from None
    return PeopleFile(tuple(accounts), tuple(lines), tuple(faults))


def _read_row(row: dict[str, str], domains: Sequence[str], *, reserved: bool) -> NewAccount:
    """Raises _Faulty."""
    if any(len(str(cell)) > _CELL for cell in row.values()):
        raise _Faulty(Fault.LONG, f"a cell has more than {_CELL} characters")
    quota, password = (row.get("quota") or "").strip(), row.get("password") or None
    if password and (scheme := passwords.find_unknown_scheme(password)):
        raise _Faulty(Fault.PASSWORD, f"a hash of the kind {scheme} cannot be read; leave the password out")
    try:
        name = check_name(row["username"] or "", reserved=reserved)
        octets = quota_octets(quota) if quota else None
    except AccountExists as problem:
        raise _Faulty(Fault.RESERVED, str(problem)) from None
    except InvalidName as problem:
        raise _Faulty(Fault.NAME, str(problem)) from None
    except ConfigError as problem:
        raise _Faulty(Fault.QUOTA, str(problem)) from None
    further = [_read_address(cell, domains, reserved=reserved) for cell in (row.get("addresses") or "").split()]
    return NewAccount(
        name,
        display_name=(row.get("name") or "").strip(),
        person=(row.get("person") or "").strip() or None,
        quota=octets,
        password=password,
        addresses=tuple(dict.fromkeys(one for one in further if one != (name, domains[0]))),
    )


def _read_address(written: str, domains: Sequence[str], *, reserved: bool) -> tuple[str, str]:
    """Read an address in parts; the site's domain where none is named.  Raises _Faulty."""
    localpart, at, domain = written.lower().rpartition("@")
    if not at:
        localpart, domain = domain, domains[0] if domains else ""
    if domain not in domains:
        raise _Faulty(Fault.ADDRESS, f"{written} is not at a domain of ours")
    try:
        return check_name(localpart, reserved=reserved), domain
    except (AccountExists, InvalidName) as problem:
        raise _Faulty(Fault.ADDRESS, str(problem)) from None


def leave_out_taken(core: Core, people: PeopleFile) -> PeopleFile:
    """Turn accounts into faults whose name, or whose person's account, exists."""
    taken = dict(core.db.read(lambda tx: list(_list_taken(core, tx, people))))
    free = [number for number in range(len(people.accounts)) if number not in taken]
    faults = (*people.faults, *taken.values())
    return PeopleFile(
        tuple(people.accounts[number] for number in free),
        tuple(people.lines[number] for number in free),
        tuple(sorted(faults, key=lambda fault: fault.line)),
    )


def _list_taken(core: Core, tx: Tx, people: PeopleFile) -> Iterator[tuple[int, LineFault]]:
    for start in range(0, len(people.accounts), _CHUNK):
        chunk = people.accounts[start : start + _CHUNK]
        names = account_store.find_used_names(tx, [account.name for account in chunk])
        persons = account_store.find_used_persons(tx, [account.person for account in chunk if account.person])
        for number, account in enumerate(chunk, start):
            if account.name in names and not is_free(core, tx, account.name, account.person):
                fault, text = Fault.TAKEN, f"{account.name} is taken, or was somebody's before"
            elif account.person in persons:
                fault, text = Fault.PERSON_TAKEN, "this person has an account already"
            elif address := find_taken_address(core, tx, account):
                fault, text = Fault.TAKEN, f"{address} is taken, or was somebody's before"
            else:
                continue
            yield number, LineFault(people.lines[number], fault, account.name, text)


def read_csv(path: Path, domains: Sequence[str] = ()) -> PeopleFile:
    """Read a file for the command line, where reserved names are allowed.  Raises InvalidName: it is no such file."""
    try:
        return parse_people(decode(path.read_bytes()), domains, reserved=True)
    except InvalidName as problem:
        raise InvalidName(f"{path}: {problem}") from None
