"""Every command we know, and what must hold for it.  A new command is a new row."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from mailcore.imap.commands import (
    anytime,
    append,
    copy,
    expunge,
    fetch,
    idle,
    listing,
    login,
    mailboxes,
    metadata,
    multisearch,
    news,
    quota,
    search,
    select,
    sort,
    store,
)
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged
from mailcore.imap.status import WrongState
from mailcore.wire.reader import Reader


class Expunges(Enum):
    """Permission to send EXPUNGE with this command's answer (RFC 9051 section 7.5.1)."""

    HOLD = auto()
    TELL = auto()


class State(Enum):
    """States of a session (RFC 9051 section 3).  LOGGED_IN includes SELECTED."""

    ANY = auto()
    STRANGER = auto()
    LOGGED_IN = auto()
    SELECTED = auto()

    def check(self, context: Context) -> None:
        """Check that the session is in this state.  Raises WrongState."""
        if self is State.STRANGER and context.account is not None:
            raise WrongState("you are logged in already")
        if self in (State.LOGGED_IN, State.SELECTED) and context.account is None:
            raise WrongState("log in first")
        if self is State.SELECTED and context.selected is None:
            raise WrongState("select a mailbox first")


@dataclass(frozen=True, slots=True)
class Spec:
    """A row of the table.  `run` returns the tagged answer, or None when it has written it itself."""

    run: Callable[[Context, Reader], Awaitable[Tagged | None]]
    state: State
    expunges: Expunges = Expunges.TELL
    by_uid: bool = False


COMMANDS: dict[bytes, Spec] = {
    b"CAPABILITY": Spec(anytime.capability, State.ANY),
    b"NOOP": Spec(anytime.noop, State.ANY),
    b"LOGOUT": Spec(anytime.logout, State.ANY),
    b"ID": Spec(anytime.identify, State.ANY),
    b"STARTTLS": Spec(login.starttls, State.STRANGER),
    b"LOGIN": Spec(login.login, State.STRANGER),
    b"AUTHENTICATE": Spec(login.authenticate, State.STRANGER),
    b"ENABLE": Spec(anytime.enable, State.LOGGED_IN),
    b"COMPRESS": Spec(anytime.compress, State.LOGGED_IN),
    b"IDLE": Spec(idle.idle, State.LOGGED_IN),
    b"NOTIFY": Spec(news.notify, State.LOGGED_IN),
    b"ESEARCH": Spec(multisearch.esearch, State.LOGGED_IN, Expunges.HOLD),
    b"CANCELUPDATE": Spec(news.cancelupdate, State.SELECTED),
    b"NAMESPACE": Spec(mailboxes.namespace, State.LOGGED_IN),
    b"LIST": Spec(listing.list_mailboxes, State.LOGGED_IN),
    b"LSUB": Spec(listing.lsub, State.LOGGED_IN),
    b"STATUS": Spec(mailboxes.status, State.LOGGED_IN),
    b"CREATE": Spec(mailboxes.create, State.LOGGED_IN),
    b"DELETE": Spec(mailboxes.delete, State.LOGGED_IN),
    b"RENAME": Spec(mailboxes.rename, State.LOGGED_IN),
    b"SUBSCRIBE": Spec(mailboxes.subscribe, State.LOGGED_IN),
    b"UNSUBSCRIBE": Spec(mailboxes.unsubscribe, State.LOGGED_IN),
    b"SELECT": Spec(select.select, State.LOGGED_IN),
    b"EXAMINE": Spec(select.examine, State.LOGGED_IN),
    b"APPEND": Spec(append.append, State.LOGGED_IN),
    b"REPLACE": Spec(append.replace, State.SELECTED),
    b"UID REPLACE": Spec(append.replace, State.SELECTED, by_uid=True),
    b"GETMETADATA": Spec(metadata.getmetadata, State.LOGGED_IN),
    b"SETMETADATA": Spec(metadata.setmetadata, State.LOGGED_IN),
    b"GETQUOTA": Spec(quota.getquota, State.LOGGED_IN),
    b"GETQUOTAROOT": Spec(quota.getquotaroot, State.LOGGED_IN),
    b"CHECK": Spec(anytime.noop, State.SELECTED),
    b"CLOSE": Spec(select.close, State.SELECTED),
    b"UNSELECT": Spec(select.unselect, State.SELECTED),
    b"EXPUNGE": Spec(expunge.expunge, State.SELECTED),
    b"UID EXPUNGE": Spec(expunge.uid_expunge, State.SELECTED, by_uid=True),
    b"FETCH": Spec(fetch.fetch, State.SELECTED, Expunges.HOLD),
    b"UID FETCH": Spec(fetch.fetch, State.SELECTED, by_uid=True),
    b"STORE": Spec(store.store, State.SELECTED, Expunges.HOLD),
    b"UID STORE": Spec(store.store, State.SELECTED, by_uid=True),
    b"SEARCH": Spec(search.search, State.SELECTED, Expunges.HOLD),
    b"UID SEARCH": Spec(search.search, State.SELECTED, by_uid=True),
    b"SORT": Spec(sort.sort, State.SELECTED, Expunges.HOLD),
    b"UID SORT": Spec(sort.sort, State.SELECTED, by_uid=True),
    b"THREAD": Spec(sort.thread, State.SELECTED, Expunges.HOLD),
    b"UID THREAD": Spec(sort.thread, State.SELECTED, by_uid=True),
    b"COPY": Spec(copy.copy, State.SELECTED),
    b"UID COPY": Spec(copy.copy, State.SELECTED, by_uid=True),
    b"MOVE": Spec(copy.move, State.SELECTED),
    b"UID MOVE": Spec(copy.move, State.SELECTED, by_uid=True),
}
