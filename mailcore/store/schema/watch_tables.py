"""Table of slow writes, by which the service watches itself."""

from peewee import CompositeKey, IntegerField, Model, TextField


class SlowWriteRow(Model):
    """Writes that held up all others, by caller (`module:function`) and hour since 1970; `longest` in milliseconds."""

    caller = TextField()
    hour = IntegerField()
    count = IntegerField()
    longest = IntegerField()

    class Meta:
        table_name = "slow_write"
        primary_key = CompositeKey("caller", "hour")
