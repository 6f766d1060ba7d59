"""SQL inside one transaction, whatever the engine."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from mailcore.domain import AccountId

Row = tuple[Any, ...]  # Any: SQL columns have no static type


class Tx(ABC):
    """SQL inside one transaction.  `changed` collects the accounts to wake after the commit.

    Texts are those of SQLite, with `?` for a parameter, in words that mean the same on both engines (store/engine/dialect.py).
    """

    __slots__ = ("changed",)

    def __init__(self) -> None:
        self.changed: set[AccountId] = set()

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

    @abstractmethod
    def columns(self, table: str) -> set[str]:
        """Return the names of the table's columns, none if there is no such table."""

    @abstractmethod
    def damage(self) -> list[str]:
        """Return what the engine finds wrong with its own pages and indexes."""
