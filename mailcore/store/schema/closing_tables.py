"""Accounts that were closed: what is needed to undo it, and to tell a new address to those who were written to."""

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, Model, TextField


class ClosingRow(Model):
    """`forwarding`: mail was passed on, and will have to be agreed to anew.  `erased_at` when mail and data were erased."""

    account_id = IntegerField(primary_key=True)
    closed_at = BigIntegerField()
    new_address = TextField(default="")
    forwarding = BooleanField(default=False)
    erased_at = BigIntegerField(null=True)

    class Meta:
        table_name = "closing"


class CorrespondentRow(Model):
    """Somebody whom the owner has written to, by a mark that tells nothing else."""

    account_id = IntegerField()
    mark = TextField()

    class Meta:
        table_name = "correspondent"
        primary_key = CompositeKey("account_id", "mark")
