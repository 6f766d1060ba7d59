"""The announced end of the service: when, and whom it has reached."""

from peewee import AutoField, BigIntegerField, BlobField, CompositeKey, IntegerField, Model, TextField


class SunsetRow(Model):
    """`ends`: the last day, YYYY-MM-DD; `successor`: where people turn afterwards; nb, nn, en: why, in a few words."""

    id = AutoField()
    ends = TextField()
    successor = TextField(default="")
    nb = TextField(default="")
    nn = TextField(default="")
    en = TextField(default="")
    announced_at = BigIntegerField()
    withdrawn_at = BigIntegerField(null=True)

    class Meta:
        table_name = "sunset"


class SunsetPersonRow(Model):
    """`step`: the last milestone notified, in days before the end; `how` it was read: button, mailbox or desk."""

    account_id = IntegerField()
    sunset_id = IntegerField()
    step = IntegerField()
    first_at = BigIntegerField()
    told_at = BigIntegerField()
    next_at = BigIntegerField(null=True)
    read_at = BigIntegerField(null=True)
    how = TextField(default="")
    letter_at = BigIntegerField(null=True)
    new_address = TextField(default="")

    class Meta:
        table_name = "sunset_person"
        primary_key = CompositeKey("account_id", "sunset_id")
        indexes = ((("sunset_id", "next_at"), False),)


class SunsetNoticeRow(Model):
    """A notice that lies in somebody's box, by the name of its octets."""

    account_id = IntegerField()
    sunset_id = IntegerField()
    blob = BlobField()

    class Meta:
        table_name = "sunset_notice"
        primary_key = CompositeKey("account_id", "blob")
