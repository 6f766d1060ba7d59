"""Tables of people as the directory last gave them, and of reminders to those who leave."""

from peewee import BigIntegerField, BooleanField, IntegerField, Model, TextField


class AffiliationRow(Model):
    """`kinds` are apart by spaces; `until` is a day such as 2027-12-31, or ""; `gone_at` when the entry vanished."""

    person = TextField(primary_key=True)
    login = TextField()
    kinds = TextField(default="")
    until = TextField(default="")
    present = BooleanField(default=True, index=True)
    seen_at = BigIntegerField()
    gone_at = BigIntegerField(null=True)

    class Meta:
        table_name = "affiliation"


class LeavingRow(Model):
    """The last reminder to somebody who leaves: -90, -30, -7, 0, gone, or twice (a year)."""

    account_id = IntegerField(primary_key=True)
    step = TextField()
    told_at = BigIntegerField()

    class Meta:
        table_name = "leaving"
