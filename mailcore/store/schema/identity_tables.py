"""The names that an account writes under."""

from peewee import BooleanField, IntegerField, Model, TextField


class IdentityRow(Model):
    """A name, an address of the account (with a plus part, perhaps) and a signature."""

    account = IntegerField(index=True)
    name = TextField(default="")
    address = TextField()
    signature = TextField(default="")
    reply_to = TextField(default="")
    first = BooleanField(default=False)

    class Meta:
        table_name = "identity"
