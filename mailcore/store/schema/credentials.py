"""Ways in: passwords, tokens, second factors, contact addresses, sessions, and the log of log-ins.

Times are whole seconds since 1970 UTC.
"""

from peewee import AutoField, BigIntegerField, BooleanField, CompositeKey, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Delete


class CredentialRow(Model):
    """`generation` grows with every change of the hash, so that no cached log-in outlives it."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    kind = TextField(default="password")
    hash = TextField()
    label = TextField(default="")
    generation = IntegerField(default=1)
    created_at = BigIntegerField()
    last_used_at = BigIntegerField(null=True)
    scopes = TextField(default="")
    chosen = BooleanField(default=False)
    breached = BooleanField(default=False)  # it stands in a list of breaches, and its owner was told

    class Meta:
        table_name = "credential"


class ScramRow(Model):
    """Good only while `generation` is that of the credential.  `sealed` holds StoredKey and ServerKey."""

    ERASE = Delete()

    credential_id = IntegerField(primary_key=True)
    account_id = AccountField(index=True)
    generation = IntegerField()
    iterations = IntegerField()
    sealed = TextField()

    class Meta:
        table_name = "scram"


class TokenRow(Model):
    """A one-time link; only the SHA-256 of the token is saved."""

    ERASE = Delete()

    id = AutoField()
    hash = TextField(unique=True)
    account_id = AccountField(index=True)
    purpose = TextField()
    data = TextField(default="")
    expires_at = BigIntegerField()
    used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "token"


class SecondFactorRow(Model):
    """`kind` is totp, webauthn or passkey; `secret` is sealed; `counter` only grows, so nothing is used twice."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
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
    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    hash = TextField()
    used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "recovery_code"


class RecoveryRow(Model):
    """Recovery at the desk that waits for a second agent."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    agent = TextField()
    proof = TextField(default="")
    send_to = TextField(default="")
    ticket = IntegerField(null=True)
    state = TextField(default="waiting")
    created_at = BigIntegerField()

    class Meta:
        table_name = "recovery"


class ReachRow(Model):
    """An outside address that its owner has proved to read; `asked_at`: the last letter that only asks if it is still there."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
    address = TextField()
    verified_at = BigIntegerField()
    asked_at = BigIntegerField(default=0)

    class Meta:
        table_name = "reach"
        indexes = ((("account_id", "address"), True),)


class LostContactRow(Model):
    """A contact address whose server said that there is no such mailbox: it proves nothing until it is confirmed anew."""

    ERASE = Delete()

    account_id = AccountField(index=False)
    address = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "lost_contact"
        primary_key = CompositeKey("account_id", "address")


class WebSessionRow(Model):
    ERASE = Delete()

    id = TextField(primary_key=True)
    account_id = AccountField(null=True, index=True)
    data = TextField(default="")
    created_at = BigIntegerField()
    expires_at = BigIntegerField(index=True)
    source = TextField(default="")
    place = TextField(default="")
    agent = TextField(default="")
    ended_at = BigIntegerField(null=True)

    class Meta:
        table_name = "web_session"


class PushSubscriptionRow(Model):
    """A browser that is told when mail has come: `endpoint` is where its push service takes the word.

    `told`: messages of INBOX below this UID have been told of.  `due_at`: before it, nothing is sent.
    """

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    endpoint = TextField(unique=True)
    agent = TextField()
    created_at = IntegerField()
    told = IntegerField()
    due_at = IntegerField()
    failures = IntegerField()

    class Meta:
        table_name = "push_subscription"


class LoginEventRow(Model):
    """Log-ins of one account by one way from one place, together; `place` is an IPv4 address or an IPv6 /64.

    `outcome` is ok, or why a right password did not open the account.
    """

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
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


class LoginFailureRow(Model):
    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(null=True)
    peer = TextField()
    at = BigIntegerField()
    tag = TextField(default="")

    class Meta:
        table_name = "login_failure"
        indexes = ((("peer", "at"), False),)


class ElsewhereRow(Model):
    """`mark` stands for the person there (the subject, or a national number), and tells nothing of it."""

    ERASE = Delete()

    provider = TextField()
    mark = TextField()
    account_id = AccountField(index=True)
    linked_at = BigIntegerField()

    class Meta:
        table_name = "elsewhere"
        primary_key = CompositeKey("provider", "mark")


class ApiTokenRow(Model):
    """A token by which a program of the university asks; only its hash is here."""

    label = TextField()
    hash = TextField(unique=True)
    scope = TextField()
    created_at = BigIntegerField()
    last_used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "api_token"
