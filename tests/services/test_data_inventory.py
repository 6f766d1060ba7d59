"""Every column of every table has a purpose and a term, and stands on the privacy page if it tells of people (N41)."""

import importlib
import pkgutil

import peewee

import mailcore.store.schema
from mailcore.services import data_inventory
from mailcore.services.data_inventory import Purpose, Term
from mailcore.store.schema.erasure import AccountField, Anonymise, Delete, Keep


def models() -> dict[str, type[peewee.Model]]:
    found = {}
    for module in pkgutil.iter_modules(mailcore.store.schema.__path__):
        loaded = importlib.import_module(f"mailcore.store.schema.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, peewee.Model) and value.__module__ == loaded.__name__:
                found[value._meta.table_name] = value
    return found


def test_n41_every_column_of_every_table_has_a_purpose_and_a_term():
    stored = {f"{table.name}.{column}" for table in data_inventory.list_tables() for column in table.columns}
    there = {f"{name}.{field.column_name}" for name, model in models().items() for field in model._meta.sorted_fields}
    assert stored ^ there == set(), (
        "say in mailcore/services/data_inventory.py what it is for and how long it is stored"
    )


def test_n41_what_is_stored_of_an_account_is_personal():
    personal = {table.name for table in data_inventory.list_tables() if table.personal}
    impersonal = {"search_wish", "lost_subscription", "setting"}  # a time, a mailbox's name, values of the site
    for name, model in models().items():
        if any(isinstance(field, AccountField) for field in model._meta.sorted_fields):
            assert name in personal | impersonal, name


def test_n41_terms_agree_with_what_erasing_an_account_does():
    for table in data_inventory.list_tables():
        erase = getattr(models()[table.name], "ERASE", None)
        if table.term in (Term.OWNER, Term.ACCOUNT) and erase is not None:
            assert isinstance(erase, Delete | Anonymise) or table.name == "change", (
                table.name
            )  # which goes with its mailbox
        if table.term is Term.NEVER_AGAIN:
            assert isinstance(erase, Keep)


def test_every_purpose_and_term_is_used():
    assert {table.purpose for table in data_inventory.list_tables()} == set(Purpose)
    assert {table.term for table in data_inventory.list_tables()} == set(Term)
