"""Whom an account knows, and whom it does not want to hear from."""

from peewee import CompositeKey, IntegerField, Model, TextField


class ContactRow(Model):
    """`address` in lower case; `name` as the owner wrote it.

    `key` is name and address folded, with a space before each word, so that beginnings are found; `collected` means
    found in sent mail, not entered by hand; `times` it was written to, last at `used_at`.
    """

    account_id = IntegerField()
    address = TextField()
    name = TextField(default="")
    added_at = IntegerField()
    note = TextField(default="")
    key = TextField(default="")
    collected = IntegerField(default=0)
    times = IntegerField(default=0)
    used_at = IntegerField(default=0)

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
