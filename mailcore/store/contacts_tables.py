"""Whom an account knows, and whom it does not want to hear from."""

from peewee import CompositeKey, IntegerField, Model, TextField


class ContactRow(Model):
    """`address` in lower case; `name` as the owner wrote it."""

    account_id = IntegerField()
    address = TextField()
    name = TextField(default="")
    added_at = IntegerField()

    class Meta:
        table_name = "contact"
        primary_key = CompositeKey("account_id", "address")
        without_rowid = True


class BlockedRow(Model):
    """An address, or `@domain` for everybody there; in lower case."""

    account_id = IntegerField()
    address = TextField()
    added_at = IntegerField()

    class Meta:
        table_name = "blocked_sender"
        primary_key = CompositeKey("account_id", "address")
        without_rowid = True
