"""Messages that their owners called spam or not spam, until the filter has learned them."""

from peewee import BigIntegerField, IntegerField, Model, TextField


class LearnRow(Model):
    """`kind` is spam or ham."""

    blob = IntegerField(unique=True)
    kind = TextField()
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "learn"
