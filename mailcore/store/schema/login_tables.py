"""Tables of log-ins, second factors, recovery codes."""

from peewee import AutoField, BigIntegerField, BooleanField, IntegerField, Model, TextField


class LoginEventRow(Model):
    """Log-ins of one account by one way from one place, together; `place` is an IPv4 address or an IPv6 /64.

    `outcome` is ok, or why a right password did not open the account.
    """

    id = AutoField()
    account_id = IntegerField()
    scope = TextField()
    source = TextField()
    credential = IntegerField(default=0)
    place = TextField()
    agent = TextField(default="")
    outcome = TextField(default="ok")
    first_at = BigIntegerField()
    last_at = BigIntegerField(index=True)
    times = IntegerField(default=1)

    class Meta:
        table_name = "login_event"
        indexes = ((("account_id", "scope", "source", "credential", "place", "agent", "outcome"), True),)


class SecondFactorRow(Model):
    """`kind` is totp or webauthn; `secret` is sealed; `counter` only grows, so nothing is used twice."""

    id = AutoField()
    account_id = IntegerField(index=True)
    kind = TextField()
    label = TextField(default="")
    handle = TextField(default="", index=True)
    secret = TextField()
    counter = BigIntegerField(default=0)
    active = BooleanField(default=False)
    created_at = BigIntegerField()
    last_used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "second_factor"


class RecoveryCodeRow(Model):
    id = AutoField()
    account_id = IntegerField(index=True)
    hash = TextField()
    used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "recovery_code"
