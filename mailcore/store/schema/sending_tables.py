"""Accounts that may not send for the time being."""

from peewee import BigIntegerField, IntegerField, Model, TextField


class SendingHoldRow(Model):
    """`reason` is for the desk."""

    account = IntegerField(primary_key=True)
    at = BigIntegerField()
    reason = TextField()

    class Meta:
        table_name = "sending_hold"
