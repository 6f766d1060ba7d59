"""What the directory said of each person when it was last read."""

from peewee import BigIntegerField, BooleanField, Model, TextField


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
