"""Log-ins elsewhere that belong to an account."""

from peewee import BigIntegerField, CompositeKey, IntegerField, Model, TextField


class ElsewhereRow(Model):
    """`mark` stands for the person there (the subject, or a national number), and tells nothing of it."""

    provider = TextField()
    mark = TextField()
    account_id = IntegerField(index=True)
    linked_at = BigIntegerField()

    class Meta:
        table_name = "elsewhere"
        primary_key = CompositeKey("provider", "mark")
