"""The tables of people: accounts, their addresses, passwords, links, orders, forwardings, scripts, audit.

Models define the schema only; the SQL stands in people.py.  The database is bound in tables.py.
Times are whole seconds since 1970 UTC.
"""

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    IntegerField,
    Model,
    TextField,
)


class AccountRow(Model):
    id = AutoField()
    name = TextField(unique=True)
    display_name = TextField(default="")
    person = TextField(null=True, unique=True)
    quota = BigIntegerField(default=0)
    used = BigIntegerField(default=0)
    language = TextField(default="nb")
    contact = TextField(default="")
    state = TextField(default="active")
    role = TextField(default="")
    created_at = BigIntegerField()
    closed_at = BigIntegerField(null=True)

    class Meta:
        table_name = "account"


class AddressRow(Model):
    """`account_id` null is a tombstone: the address was somebody's and is never given away again."""

    id = AutoField()
    localpart = TextField()
    domain = TextField()
    account_id = IntegerField(null=True, index=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "address"
        indexes = ((("localpart", "domain"), True),)


class CredentialRow(Model):
    """`generation` grows with every change of the hash, so that no cached log-in outlives it."""

    id = AutoField()
    account_id = IntegerField(index=True)
    kind = TextField(default="password")
    hash = TextField()
    label = TextField(default="")
    generation = IntegerField(default=1)
    created_at = BigIntegerField()
    last_used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "credential"


class TokenRow(Model):
    """A one-time link; only the SHA-256 of the token is saved."""

    id = AutoField()
    hash = TextField(unique=True)
    account_id = IntegerField(index=True)
    purpose = TextField()
    data = TextField(default="")
    expires_at = BigIntegerField()
    used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "token"


class OrderRow(Model):
    id = AutoField()
    key = TextField(unique=True)
    name = TextField()
    display_name = TextField(default="")
    contact = TextField(default="")
    affiliation = TextField(default="")
    state = TextField(default="submitted", index=True)
    language = TextField(default="nb")
    terms = TextField(default="")
    created_at = BigIntegerField()
    decided_at = BigIntegerField(null=True)
    account_id = IntegerField(null=True)
    place = TextField(default="")  # a hash of where it came from, while the name is held

    class Meta:
        table_name = "orders"


class ForwardingRow(Model):
    account_id = IntegerField(primary_key=True)
    target = TextField(default="")
    state = TextField(default="off")
    copy = BooleanField(default=True)
    failures = IntegerField(default=0)
    last_reply = TextField(default="")
    confirmed_at = BigIntegerField(null=True)
    token = TextField(default="")
    unsafe = TextField(default="")
    digest = BooleanField(default=True)
    rolling_days = IntegerField(default=0)

    class Meta:
        table_name = "forwarding"


class ScriptRow(Model):
    id = AutoField()
    account_id = IntegerField()
    name = TextField()
    source = TextField()
    active = BooleanField(default=False)
    origin = TextField(default="personal")
    held = BooleanField(default=False)

    class Meta:
        table_name = "script"
        indexes = ((("account_id", "origin", "name"), True),)


class AuditRow(Model):
    id = AutoField()
    account_id = IntegerField(null=True, index=True)
    at = BigIntegerField()
    actor = TextField(default="")
    event = TextField()
    detail = TextField(default="")

    class Meta:
        table_name = "audit"


class LoginFailureRow(Model):
    id = AutoField()
    account_id = IntegerField(null=True)
    peer = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "login_failure"
        indexes = ((("peer", "at"), False),)


class WebSessionRow(Model):
    id = TextField(primary_key=True)
    account_id = IntegerField(null=True, index=True)
    data = TextField(default="")
    created_at = BigIntegerField()
    expires_at = BigIntegerField(index=True)

    class Meta:
        table_name = "web_session"


class VacationMemoryRow(Model):
    """A sender who has had an automatic reply, and when (RFC 5230 section 4.2)."""

    id = AutoField()
    account_id = IntegerField()
    handle = TextField()
    sender = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "vacation_memory"
        indexes = ((("account_id", "handle", "sender"), True),)
