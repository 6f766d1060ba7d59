"""A person's settings for reading and writing in the webmail."""

import json
from dataclasses import asdict, dataclass, fields, replace

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import InvalidName, TooMany
from mailcore.store.engine.db import Tx
from mailcore.store.webmail import mail_settings as store

UNDO_SECONDS = (0, 10, 30)
MAX_SEARCHES, MAX_NAME, MAX_QUERY = 30, 60, 500  # characters


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search with a name, shown beside the mailboxes; `query` is what was typed."""

    name: str
    query: str


@dataclass(frozen=True, slots=True)
class MailSettings:
    """`threads`: lists show conversations.  `html_first`: a message opens as its sender designed it.

    `undo_seconds`: how long a sent message waits in case its writer thinks better of it.
    `snippets`: lists show how each message begins.  `searches` are kept by name, in the order of their names.
    """

    threads: bool = False
    html_first: bool = False
    undo_seconds: int = 10
    snippets: bool = False
    searches: tuple[SavedSearch, ...] = ()


def read_settings(core: Core, account: AccountId) -> MailSettings:
    return core.db.read(lambda tx: _read(tx, account))


def save_settings(core: Core, account: AccountId, wish: MailSettings) -> None:
    """Save how mail is shown and sent; searches are saved one by one."""
    core.db.write(lambda tx: _save(tx, account, replace(wish, searches=_read(tx, account).searches)))


def save_search(core: Core, account: AccountId, name: str, query: str) -> None:
    """Save a search; one of the same name is replaced.  Raises InvalidName, TooMany."""
    name, query = " ".join(name.split())[:MAX_NAME], " ".join(query.split())[:MAX_QUERY]
    if not name or not query:
        raise InvalidName("a search needs a name and something to search for")

    def write(tx: Tx) -> None:
        settings = _read(tx, account)
        others = [one for one in settings.searches if one.name != name]
        if len(others) >= MAX_SEARCHES:
            raise TooMany(f"at most {MAX_SEARCHES} searches are kept")
        searches = sorted([*others, SavedSearch(name, query)], key=lambda one: one.name.casefold())
        _save(tx, account, replace(settings, searches=tuple(searches)))

    core.db.write(write)


def delete_search(core: Core, account: AccountId, name: str) -> None:
    def write(tx: Tx) -> None:
        settings = _read(tx, account)
        _save(tx, account, replace(settings, searches=tuple(one for one in settings.searches if one.name != name)))

    core.db.write(write)


def _read(tx: Tx, account: AccountId) -> MailSettings:
    data = json.loads(store.get_settings(tx, account) or "{}")
    known = {field.name for field in fields(MailSettings)}
    values = {name: value for name, value in data.items() if name in known}
    values["searches"] = tuple(SavedSearch(**one) for one in values.get("searches", ()))
    return MailSettings(**values)


def _save(tx: Tx, account: AccountId, settings: MailSettings) -> None:
    store.save_settings(tx, account, json.dumps(asdict(settings)))
