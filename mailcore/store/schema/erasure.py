"""Erasure of an account, table by table: each model with an AccountField says as ERASE what happens to its rows.

store/people/closing.py makes its statements from these.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from peewee import IntegerField, Model


class AccountField(IntegerField):
    """A column that refers to an account: `account_id`, for whom the row is; any other name is a role, such as `assignee_id`."""


@dataclass(frozen=True, slots=True)
class Delete:
    """The rows go with the account."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The rows stay as they are, for a reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Anonymise:
    """The rows stay; columns that tell of the person get these values."""

    values: Mapping[str, str | int | None]


Erase = Delete | Keep | Anonymise


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its values; the account is the last parameter."""

    sql: str
    values: tuple[str | int | None, ...] = ()


def account_columns(model: type[Model]) -> list[str]:
    """Return the columns of a table that refer to accounts."""
    return [field.column_name for field in model._meta.sorted_fields if isinstance(field, AccountField)]


def erase_of(model: type[Model]) -> Erase:
    """Return what a table that refers to accounts says."""
    erase: Erase = model.ERASE  # type: ignore[attr-defined]  # a test sees to it
    return erase


def erasing_statements(models: Iterable[type[Model]]) -> list[Statement]:
    """Return what erases an account from all tables that refer to one."""
    return [
        statement
        for model in models
        if account_columns(model) and (statement := _statement(model._meta.table_name, erase_of(model)))
    ]


def _statement(table: str, erase: Erase) -> Statement | None:
    match erase:
        case Delete():
            return Statement(f"DELETE FROM {table} WHERE account_id=?")  # noqa: S608 - our own names
        case Anonymise(values):
            columns = ", ".join(f"{column}=?" for column in values)
            return Statement(f"UPDATE {table} SET {columns} WHERE account_id=?", tuple(values.values()))  # noqa: S608
        case Keep():
            return None
