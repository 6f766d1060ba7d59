"""Take-outs and imports that the portal runs, and how far they are."""

from peewee import AutoField, BigIntegerField, IntegerField, Model, TextField


class TransferRow(Model):
    """`kind` is export or import, `state` is running, done, full, refused; `report` is JSON."""

    id = AutoField()
    account_id = IntegerField(index=True)
    kind = TextField()
    name = TextField(default="")
    state = TextField(default="running")
    done = BigIntegerField(default=0)
    total = BigIntegerField(default=0)
    report = TextField(default="")
    started_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "transfer"
