"""SQL inside one transaction, whatever the engine."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, ClassVar

from mailcore.domain import AccountId

Row = tuple[Any, ...]  # Any: SQL columns have no static type
Statement = tuple[str, Sequence[object]]  # a text and its parameters
# transactions below the first have ended, those from the second on had not begun
Horizon = tuple[int, int]


class AccountNotLocked(RuntimeError):
    """A mistake in the program: mail of an account is written by a write that has not locked the account."""


class Outside(Exception):  # noqa: N818 - not an error: it is handled where the transaction was asked for
    """Raised within a transaction that needs what takes long (a download): it ends, `work` runs, and it begins anew.

    So nobody waits for another server with a connection or a lock in hand.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__("something is to be done outside of the transaction")
        self.work = work


class Tx(ABC):
    """SQL inside one transaction.  `changed` collects the accounts to wake after the commit.

    Texts are those of SQLite, with `?` for a parameter, in words that mean the same on both engines (store/engine/dialect.py).

    Args:
        locked: accounts whose mail nobody else writes meanwhile; None = nobody else writes anything.
    """

    __slots__ = ("changed", "locked")
    # raised by the engine where the transaction cannot go on: every write of the group must hear of it
    whole_group: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, locked: Collection[AccountId] | None = ()) -> None:
        self.changed: set[AccountId] = set()
        self.locked = None if locked is None else set(locked)

    def require_lock(self, account: AccountId) -> None:
        """Called by whatever writes mail: numbers of messages and changes are given by one at a time."""
        if self.locked is not None and account not in self.locked:
            raise AccountNotLocked(f"account {account} is not locked; the write is to name it")

    @abstractmethod
    def horizon(self) -> Horizon | None:
        """Return which transactions may still commit; None where they commit in the order of their numbers."""

    @abstractmethod
    def server_time(self) -> float:
        """Return the database's own time, in seconds since 1970: one clock for all nodes."""

    @abstractmethod
    def rows(self, sql: str, *params: object) -> list[Row]: ...

    @abstractmethod
    def row(self, sql: str, *params: object) -> Row | None: ...

    @abstractmethod
    def run(self, sql: str, *params: object) -> int:
        """INSERT, UPDATE or DELETE; gives the number of rows changed."""

    @abstractmethod
    def insert(self, sql: str, *params: object) -> int:
        """INSERT into a table that numbers its rows; gives the `id` of the new row."""

    @abstractmethod
    def many(self, sql: str, params: Iterable[Sequence[object]]) -> None: ...

    def ask(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run statements that do not need each other's answers, in their order, and return the rows of each.

        One round trip, where there is a way to go.  A statement that gives no rows has an empty answer.
        """
        return [self.rows(sql, *params) for sql, params in statements]

    def run_later(self, sql: str, *params: object) -> None:
        """INSERT, UPDATE or DELETE whose result nobody asks for.

        Those that follow one another are one round trip, together with the next statement that is waited for or with the
        commit, and there raises what is wrong with them.
        """
        self.run(sql, *params)

    def run_many_later(self, sql: str, params: Iterable[Sequence[object]]) -> None:
        """The same with each of several sets of parameters."""
        self.many(sql, params)

    def finish(self) -> None:  # noqa: B027 - SQLite leaves nothing
        """Run what was left for later."""

    def _forget_later(self) -> None:  # noqa: B027 - the same
        """Forget what was left for later: it is undone together with what has run."""

    @abstractmethod
    def _command(self, sql: str) -> None:
        """Run a statement about the transaction itself."""

    def begin_part(self) -> None:
        """Begin what can be undone without the rest of the transaction."""
        self._command("SAVEPOINT one")

    def end_part(self) -> None:
        self._command("RELEASE SAVEPOINT one")

    def undo_part(self) -> None:
        self._command("ROLLBACK TO SAVEPOINT one")
        self._command("RELEASE SAVEPOINT one")

    def attempt(self, fn: Callable[[], object]) -> Exception | None:
        """Run `fn`; where it fails, undo what it wrote, and that alone, and return the error.

        What ends the whole transaction (a full disk, a server that is gone, Outside) is raised.
        """
        self._command("SAVEPOINT attempt")
        try:
            fn()
            self.finish()
        except Outside:
            raise
        except self.whole_group:
            raise
        except Exception as problem:
            self._forget_later()
            self._command("ROLLBACK TO SAVEPOINT attempt")
            self._command("RELEASE SAVEPOINT attempt")
            return problem
        self._command("RELEASE SAVEPOINT attempt")
        return None

    @abstractmethod
    def columns(self, table: str) -> set[str]:
        """Return the names of the table's columns, none if there is no such table."""

    @abstractmethod
    def damage(self) -> list[str]:
        """Return what the engine finds wrong with its own pages and indexes."""
