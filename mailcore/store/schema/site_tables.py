"""Tables of the public pages: how often they were seen, for whom they are, and incidents."""

from peewee import AutoField, BigIntegerField, IntegerField, Model, TextField


class PageRow(Model):
    """`audience` and `topic` are words of services/operations/page_views.py, apart by spaces."""

    name = TextField(primary_key=True)
    views = IntegerField(default=0)
    audience = TextField(default="")
    topic = TextField(default="")

    class Meta:
        table_name = "page"


class PageVisitRow(Model):
    """A keyed hash of visitor and page; the key lives for a day, so nobody is known again tomorrow."""

    hash = TextField(primary_key=True)

    class Meta:
        table_name = "page_visit"


class IncidentRow(Model):
    """`level` is info, warn or bad; `ended_at` is null while it lasts."""

    id = AutoField()
    level = TextField()
    nb = TextField()
    nn = TextField()
    en = TextField()
    at = BigIntegerField()
    ended_at = BigIntegerField(null=True, index=True)

    class Meta:
        table_name = "incident"
