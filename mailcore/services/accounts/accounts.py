"""Accounts: created, found, closed, imported from a file.

A name is given once only: after closing its address stays as a tombstone (nobody reads another person's mail).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import AccountExists, AccountNotFound, InvalidName
from mailcore.services import audit, client_settings
from mailcore.services.accounts import tombstones
from mailcore.services.audit import Event
from mailcore.services.credentials import credentials, login, passwords, scram
from mailcore.services.notices import notices
from mailcore.services.quota import quota
from mailcore.services.sieve_scripts import filters
from mailcore.store.engine.db import Tx
from mailcore.store.people import accounts as account_store
from mailcore.store.people import addresses as address_store
from mailcore.store.people import closing as closing_store
from mailcore.store.people import credentials as credential_store

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
RESERVED = frozenset(
    {
        "abuse", "admin", "administrator", "alumni", "alumnimail", "anonymous", "autoconfig", "autodiscover",
        "daemon", "desk", "dmarc", "ftp", "help", "hjelp", "hostmaster", "imap", "info", "mail", "mailer-daemon",
        "marketing", "news", "newsletter", "no-reply", "nobody", "noc", "noreply", "operator", "oracle", "orakel", "postmaster",
        "root", "sales", "security", "smtp", "srs", "ssladmin", "support", "sysadmin", "tls-rpt", "usenet", "uucp",
        "webmaster", "www",
    }
)  # fmt: skip
FOLDERS = (
    ("INBOX", ""),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Junk", "\\Junk"),
    ("Trash", "\\Trash"),
    ("Archive", "\\Archive"),
)
ROLES = ("", "desk", "admin")
_BATCH = 100


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to create; `password` may be a hash, `quota` is in octets, None = the site's default.

    `addresses` are those that it has besides its name at the site's domain, in parts.
    """

    name: str
    display_name: str = ""
    person: str | None = None
    quota: int | None = None
    password: str | None = None
    contact: str = ""
    language: str = "nb"
    addresses: tuple[tuple[str, str], ...] = ()


def check_name(name: str, *, reserved: bool = False) -> str:
    """Return the name as it is saved.  Raises InvalidName, AccountExists (for `reserved` ones unless allowed)."""
    name = name.strip().lower()
    if not NAME.fullmatch(name) or ".." in name or name[-1] in "._-":
        raise InvalidName(
            f"{name!r} cannot be a user name; use 2 to 32 of a-z, 0-9, dot, hyphen and underscore, a letter or digit at both ends"
        )
    if name in RESERVED and not reserved:
        raise AccountExists(f"{name} is reserved")
    return name


def is_free(core: Core, tx: Tx, name: str, person: str | None = None) -> bool:
    """Say if somebody may have this name: the name of an erased account only the same person (N11)."""
    domain = core.config.domain.lower()
    if account_store.find_account(tx, name) is not None:
        return False
    return not address_store.was_ever_address(tx, name, domain) or tombstones.may_return(core, tx, name, domain, person)


def add_account(
    core: Core,
    name: str,
    *,
    display_name: str = "",
    person: str | None = None,
    quota: int | None = None,
    password: str | None = None,
    contact: str = "",
    language: str = "nb",
    reserved: bool = False,
    actor: str = "",
) -> Account:
    """Create an account with its address, mailboxes, generated script and welcome message.

    Raises:
        InvalidName, AccountExists: the name or the person cannot be used.
    """
    name = check_name(name, reserved=reserved)
    new_account = NewAccount(name, display_name, person or None, quota, password, contact, language)
    hashed = hash_if_plain(password)
    account = core.db.write(lambda tx: create_account(core, tx, new_account, hashed, actor=actor))
    if password is not None and hashed != password:  # else SCRAM, which is offered to all, would not know it
        scram.save_account_verifier(core, account.id, password, hashed or "")
    return account


def ensure_postmaster(core: Core) -> None:
    """Create `postmaster@` and `abuse@` if missing (RFC 2142, RFC 5321 section 4.5.1): one mailbox, no password at first."""

    def store(tx: Tx) -> None:
        if not is_free(core, tx, "postmaster"):
            return
        account = create_account(core, tx, NewAccount("postmaster", "Postmaster", None, 0, None, "", "en"), None)
        if not address_store.was_ever_address(tx, "abuse", core.config.domain.lower()):
            address_store.insert_address(tx, account.id, "abuse", core.config.domain.lower(), core.clock.seconds())

    core.db.write(store)


def hash_if_plain(password: str | None) -> str | None:
    """Hash a password, unless it is a hash already; None stays None."""
    if password is None or passwords.is_hash(password):
        return password
    return passwords.hash_password(password)


def create_account(core: Core, tx: Tx, new: NewAccount, hashed: str | None = None, *, actor: str = "") -> Account:
    """Create the account with all that belongs to it; its name has been checked.  Raises AccountExists."""
    if not is_free(core, tx, new.name, new.person):
        raise AccountExists(f"{new.name} is taken, or was somebody's before")
    if new.person and account_store.find_account_of_person(tx, new.person):
        raise AccountExists("this person has an account already")
    if taken := find_taken_address(core, tx, new):
        raise AccountExists(f"{taken} is taken, or was somebody's before")
    now = core.clock.seconds()
    quota = core.config.quota.default_octets if new.quota is None else new.quota
    language = new.language if new.language in notices.LANGUAGES else "nb"
    account = account_store.insert_account(
        tx, new.name, new.display_name, new.person, quota, language, new.contact, now
    )
    domain = core.config.domain.lower()
    if address_store.was_ever_address(tx, new.name, domain):
        closing_store.give_address_back(tx, new.name, domain, account)
        # all that this person had: an address is for life, and nobody else may have them
        closing_store.give_addresses_back(tx, tombstones.mark_person(core, new.person), account)
    else:
        address_store.insert_address(tx, account, new.name, domain, now)
    for localpart, at in new.addresses:
        address_store.insert_address(tx, account, localpart, at, now, origin="site")
    if hashed is not None:
        credential_store.save_password(tx, account, hashed, now, chosen=False)
    for folder, special_use in FOLDERS:
        core.mail.create(tx, account, folder, special_use)
    filters.regenerate(core, tx, account)
    created = account_store.get_account(tx, account)
    _deliver_welcome(core, tx, created)
    audit.note(core, tx, account, Event.ACCOUNT_MADE, actor=actor)
    return account_store.get_account(tx, account)


def find_taken_address(core: Core, tx: Tx, new: NewAccount) -> str:
    """Find the first of its further addresses that is, or was, somebody's; ""."""
    for localpart, domain in new.addresses:
        is_name = domain == core.config.domain.lower() and account_store.find_account(tx, localpart) is not None
        if is_name or address_store.was_ever_address(tx, localpart, domain):
            return f"{localpart}@{domain}"
        if address_store.is_requested(tx, localpart, domain, besides=AccountId(0)):
            return f"{localpart}@{domain}"
    return ""


def _deliver_welcome(core: Core, tx: Tx, account: Account) -> None:
    octets = notices.compose(
        core,
        "welcome",
        account.language,
        account.address(core.config.domain),
        display_name=account.display_name or account.name,
        room=notices.format_room(account.quota, account.language),
        servers=client_settings.describe_servers(core.config),
    )
    inbox = core.mail.mailbox(tx, account.id, "INBOX")
    core.mail.append(
        tx, account.id, inbox.id, core.blobs.prepare(octets), frozenset(), core.clock.now(), enforce_quota=False
    )


def find_account(core: Core, name: str) -> Account:
    """Find an account by user name, with or without our domain, or by another of its addresses.  Raises AccountNotFound."""
    wanted = login.to_local_name(core, name)
    account = core.db.read(lambda tx: _find_by_name(tx, wanted)) if wanted else None
    if account is None:
        raise AccountNotFound(f"there is no account {name}")
    return account


def _find_by_name(tx: Tx, name: str) -> Account | None:
    """Find an account by its user name, else by another of its addresses."""
    if account := account_store.find_account(tx, name):
        return account
    owner = address_store.find_address_of_login(tx, name)
    return account_store.get_account(tx, owner) if owner is not None else None


def load_account(core: Core, account: AccountId) -> Account:
    """Load an account by its id.  Raises AccountNotFound."""
    return core.db.read(lambda tx: account_store.get_account(tx, account))


def list_accounts(core: Core) -> list[Account]:
    """List all accounts."""
    return core.db.read(account_store.list_accounts)


def list_addresses(core: Core, account: AccountId) -> list[str]:
    """List the addresses of an account."""
    return core.db.read(lambda tx: address_store.list_addresses(tx, account))


def get_role(core: Core, account: AccountId) -> str:
    """Return the account's role: empty, `desk` or `admin`."""
    return core.db.read(lambda tx: account_store.get_role(tx, account))


def set_role(core: Core, name: str, role: str, *, actor: str = "") -> Account:
    """Give an account a role, "" to take it away.  Raises InvalidName, AccountNotFound."""
    if role not in ROLES:
        raise InvalidName(f"{role!r} is not a role; there are desk and admin")
    account = find_account(core, name)

    def store(tx: Tx) -> Account:
        before = account_store.get_role(tx, account.id)
        account_store.save_role(tx, account.id, role)
        detail = f"{role or 'none'}, before {before or 'none'}"
        audit.note(core, tx, account.id, Event.ROLE_GIVEN, actor=actor, detail=detail)
        return account_store.get_account(tx, account.id)

    return core.db.write(store)


def set_quota(core: Core, name: str, octets: int, *, actor: str = "") -> Account:
    """Set a quota on behalf of staff; 0 = unlimited."""
    return quota.change_quota(core, find_account(core, name).id, octets, actor=actor)


def set_language(core: Core, account: AccountId, language: str) -> Account:
    """Set the language of pages and notices.  Raises InvalidName."""
    if language not in notices.LANGUAGES:
        raise InvalidName(f"{language!r} is not offered; there are {', '.join(notices.LANGUAGES)}")
    core.db.write(lambda tx: account_store.save_language(tx, account, language))
    return load_account(core, account)


def bind_person(core: Core, name: str, person: str) -> Account:
    """Bind an account that was created without a person id to a person; an id once given stays (N10).

    Raises:
        AccountNotFound.
        AccountExists: the account is somebody's, or the person has another one.
    """

    def change(tx: Tx, account: AccountId) -> None:
        if account_store.get_account(tx, account).person or account_store.find_account_of_person(tx, person):
            raise AccountExists(f"{name} is somebody's, or this person has an account already")
        account_store.save_person(tx, account, person)

    return _change_account(core, name, change, Event.ACCOUNT_BOUND)


def _change_account(core: Core, name: str, change: Callable[[Tx, AccountId], None], event: Event) -> Account:
    account = find_account(core, name)

    def store(tx: Tx) -> Account:
        change(tx, account.id)
        audit.note(core, tx, account.id, event)
        return account_store.get_account(tx, account.id)

    return core.db.write(store)


def create_password_link(core: Core, name: str, *, actor: str = "") -> str:
    """Create a URL that sets the password once: valid 14 days for the first one, else 30 minutes."""
    account = find_account(core, name)
    if account.state != AccountState.ACTIVE:
        raise AccountNotFound(f"{account.name} is closed")

    def store(tx: Tx) -> str:
        holder = credential_store.find_holder(tx, account.name)
        is_first = holder is None or holder.password is None
        audit.note(core, tx, account.id, Event.PASSWORD_LINK_MADE, actor=actor)
        lifetime = credentials.FIRST_SECONDS if is_first else credentials.RESET_SECONDS
        return credentials.create_link(core, tx, account.id, lifetime)

    return core.db.write(store)


def send_password_link(core: Core, account: Account, link: str) -> None:
    """Mail a password link to the contact address."""
    prepared = notices.prepare(
        core,
        "password_link",
        account.language,
        account.contact,
        display_name=account.display_name or account.name,
        user=account.name,
        link=link,
    )
    core.db.write(lambda tx: notices.queue(core, tx, prepared, account.contact, account.id))


def import_accounts(core: Core, new_accounts: Sequence[NewAccount], *, actor: str = "") -> Iterable[Account]:
    """Create many accounts, hashing on all processors; yield each when it is durable.

    Raises:
        AccountExists: of the first that cannot be created; its batch of a hundred is left out.
    """
    with ThreadPoolExecutor(thread_name_prefix="hash") as pool:
        hashes = pool.map(hash_if_plain, (new_account.password for new_account in new_accounts))
        for start in range(0, len(new_accounts), _BATCH):
            batch = new_accounts[start : start + _BATCH]
            hashed = [next(hashes) for _ in batch]

            def store(tx: Tx, batch: Sequence[NewAccount] = batch, hashed: list[str | None] = hashed) -> list[Account]:
                return [
                    create_account(core, tx, new_account, password_hash, actor=actor)
                    for new_account, password_hash in zip(batch, hashed, strict=True)
                ]

            yield from core.db.write(store)
