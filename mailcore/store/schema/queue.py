"""The queue: items and attempts, destinations that rest, policies of other domains, results that reports give."""

from peewee import AutoField, BigIntegerField, BlobField, BooleanField, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Keep


class QueueItem(Model):
    ERASE = Keep("mail that was accepted goes its way")

    sender = TextField()
    recipient = TextField()
    domain = TextField(default="")
    blob = IntegerField(index=True)
    prefix = BlobField()
    account_id = AccountField(null=True)
    origin = TextField()
    state = TextField(default="waiting")
    tries = IntegerField(default=0)
    created_at = IntegerField()
    next_at = IntegerField()
    leased_until = IntegerField(default=0)
    leased_by = TextField(default="")
    last_reply = TextField(default="")
    delay_told = BooleanField(default=False)
    notify = TextField(default="")
    ret = TextField(default="")
    orcpt = TextField(default="")
    envid = TextField(default="")
    require_tls = BooleanField(default=False)
    mail_id = TextField(default="")

    class Meta:
        table_name = "queue"
        indexes = ((("state", "next_at"), False),)


class Attempt(Model):
    item = IntegerField(index=True)
    at = IntegerField()
    host = TextField()
    code = IntegerField()
    reply = TextField()


class DestinationRow(Model):
    """A domain that could not be reached: nothing is tried there before `until`."""

    domain = TextField(primary_key=True)
    failures = IntegerField()
    until = BigIntegerField()
    reply = TextField()

    class Meta:
        table_name = "destination"


class StsRow(Model):
    """An MTA-STS policy as it was fetched; `hosts` are parted by spaces."""

    domain = TextField(primary_key=True)
    policy_id = TextField()
    mode = TextField()
    hosts = TextField()
    expires_at = BigIntegerField()

    class Meta:
        table_name = "sts_policy"


class TlsResultRow(Model):
    """Connections of one day to one host of a domain with one result; `result` is empty for those that went well."""

    id = AutoField()
    day = TextField()
    domain = TextField()
    policy = TextField()
    host = TextField()
    result = TextField()
    count = IntegerField(default=0)

    class Meta:
        table_name = "tls_result"
        indexes = ((("day", "domain", "policy", "host", "result"), True),)


class DmarcResultRow(Model):
    """Messages of one day for the report to an author's domain (RFC 7489 section 7.2)."""

    id = AutoField()
    day = TextField()
    domain = TextField()
    ip = TextField()
    author = TextField()
    envelope = TextField()
    disposition = TextField()
    spf_aligned = IntegerField()
    dkim_aligned = IntegerField()
    spf = TextField()
    dkim = TextField()
    count = IntegerField(default=0)

    class Meta:
        table_name = "dmarc_result"
        indexes = (
            (
                (
                    "day",
                    "domain",
                    "ip",
                    "author",
                    "envelope",
                    "disposition",
                    "spf_aligned",
                    "dkim_aligned",
                    "spf",
                    "dkim",
                ),
                True,
            ),
        )
