"""Names at hand in the administrator's shell: tables without `Row` at their end, and helpers for what is asked often.

Without `write` nothing can be changed: neither through the tables nor through `core`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import Account, QueueItem
from mailcore.errors import NotAllowed
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import AuditFilter, AuditLine
from mailcore.services.credentials import login_log
from mailcore.services.delivery import queue_admin
from mailcore.services.delivery import traces as trace_service
from mailcore.services.operations import attention
from mailcore.store.engine.db import Db
from mailcore.store.people.logins import LoginEvent
from mailcore.store.schema.tables import all_models

Names = dict[str, Any]  # Any: tables, records and functions


class ReadingDb:
    """The database as it is, except that nothing is written."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def __getattr__(self, name: str) -> Any:  # Any: whatever the database has
        if name in ("write", "awrite", "post", "run_apart"):
            raise NotAllowed("this shell reads; start it with --write to change anything")
        return getattr(self._db, name)


def list_tables() -> list[str]:
    """List the names of the tables, as they are at hand."""
    return sorted(model.__name__.removesuffix("Row") for model in all_models())


@contextmanager
def at_hand(core: Core, *, write: bool) -> Iterator[Names]:
    """Bind the tables to the database while the block lasts, and yield everything by name."""
    models = all_models()
    shown = core if write else replace(core, db=cast(Db, ReadingDb(core.db)))
    tables = {model.__name__: model for model in models} | {
        model.__name__.removesuffix("Row"): model for model in models
    }
    with (
        core.db.peewee_database(read_only=not write) as database,
        database.bind_ctx(models, bind_refs=False, bind_backrefs=False),
    ):
        yield {**tables, **_helpers(shown), "core": shown, "when": when, "tables": list_tables}


def when(seconds: int) -> str:
    """Return a saved moment as people read it, in UTC."""
    return f"{to_time(seconds):%Y-%m-%d %H:%M}"


def describe_helpers(names: Names) -> list[str]:
    """Describe each helper in a line."""
    helpers = ("account", "biggest", "last_logins", "log", "queue", "trace", "troubles", "days_ago", "when")
    return [f"{name}: {(names[name].__doc__ or '').partition('.')[0]}" for name in helpers]


def _helpers(core: Core) -> dict[str, Callable[..., Any]]:
    def days_ago(days: float) -> int:
        """Return a moment so many days ago as tables save it: seconds since 1970."""
        return core.clock.seconds() - int(days * 86_400)

    def account(name: str) -> Account:
        """Find an account by user name or address."""
        return accounts.find_account(core, name)

    def biggest(count: int = 10) -> list[Account]:
        """List the accounts that use most room."""
        return sorted(accounts.list_accounts(core), key=lambda one: -one.used)[:count]

    def last_logins(name: str, count: int = 10) -> list[LoginEvent]:
        """List when, how and from where somebody logged in last."""
        return login_log.list_logins(core, account(name).id, count)

    def log(name: str = "", *, actor: str = "", event: str = "", count: int = 20) -> list[AuditLine]:
        """List what was done: to an account, by an agent, of a kind, or all of it."""
        return audit.search_entries(core, AuditFilter(actor, event, name), limit=count)

    def queue(domain: str = "") -> list[QueueItem]:
        """List outgoing mail, to one domain or to all."""
        items = queue_admin.list_queue(core)
        return [item for item in items if item.recipient.rpartition("@")[2].lower() == domain] if domain else items

    def trace(name: str, words: str = "") -> list[trace_service.Trace]:
        """List what happened to the mail of an account lately, with words of sender or subject."""
        return trace_service.search(core, account(name).id, words)

    def troubles() -> list[attention.Finding]:
        """List what needs attention."""
        return attention.list_findings(core)

    return {one.__name__: one for one in (account, biggest, days_ago, last_logins, log, queue, trace, troubles)}
