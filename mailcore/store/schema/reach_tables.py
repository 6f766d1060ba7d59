"""Addresses by which people are reached outside, recovery at the desk, counts of what strangers do."""

from peewee import AutoField, BigIntegerField, IntegerField, Model, TextField


class ReachRow(Model):
    """An outside address that its owner has proved to read."""

    id = AutoField()
    account_id = IntegerField()
    address = TextField()
    verified_at = BigIntegerField()

    class Meta:
        table_name = "reach"
        indexes = ((("account_id", "address"), True),)


class RecoveryRow(Model):
    """Recovery at the desk that waits for a second agent."""

    id = AutoField()
    account_id = IntegerField(index=True)
    agent = TextField()
    proof = TextField(default="")
    send_to = TextField(default="")
    ticket = IntegerField(null=True)
    state = TextField(default="waiting")
    created_at = BigIntegerField()

    class Meta:
        table_name = "recovery"


class TryRow(Model):
    """`what` is a hash of who did what; saved for as long as it counts."""

    id = AutoField()
    what = TextField()
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "tried"
        indexes = ((("what", "at"), False),)
