"""Test messages to a forwarding's target, and what its owner found there."""

from peewee import AutoField, BigIntegerField, IntegerField, Model, TextField


class ProbeRow(Model):
    """`found` is "" (not reported yet), inbox, spam or missing; `item` is the queue's number when it was sent."""

    id = AutoField()
    account_id = IntegerField(index=True)
    target = TextField()
    code = TextField()
    item = IntegerField()
    at = BigIntegerField()
    found = TextField(default="")
    told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "probe"
