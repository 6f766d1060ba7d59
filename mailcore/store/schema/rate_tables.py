"""Tables of rates (how often something happened lately) and of greylisting."""

from peewee import BigIntegerField, IntegerField, Model, TextField


class RateRow(Model):
    """`count` since `started_at`; another window begins when it is over."""

    key = TextField(primary_key=True)
    started_at = BigIntegerField(index=True)
    count = IntegerField()

    class Meta:
        table_name = "rate"


class GreyRow(Model):
    """A network, a sender and a recipient that were seen together; `passed_at` is 0 until they came again."""

    key = TextField(primary_key=True)
    first_at = BigIntegerField()
    passed_at = BigIntegerField(default=0)
    seen_at = BigIntegerField(index=True)

    class Meta:
        table_name = "grey"
