"""Out-of-office replies as their owners set them in the portal."""

from peewee import BooleanField, IntegerField, Model, TextField


class AwayRow(Model):
    """Days such as 2026-12-24; "" = open."""

    account_id = IntegerField(primary_key=True)
    active = BooleanField(default=False)
    first_day = TextField(default="")
    last_day = TextField(default="")
    subject = TextField(default="")
    text = TextField(default="")

    class Meta:
        table_name = "away"
