"""The installation: its settings, jobs, transfers and slow writes, counts of what strangers do, the public pages."""

from peewee import AutoField, BigIntegerField, CompositeKey, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Delete


class Setting(Model):
    """Values that belong to the installation, such as the SRS secret."""

    key = TextField(primary_key=True)
    value = TextField()


class JobRow(Model):
    """`next_at` and `leased_until` in seconds since 1970; `problem` is why the last turn failed, or ""."""

    name = TextField(primary_key=True)
    next_at = BigIntegerField(default=0)
    leased_until = BigIntegerField(default=0)
    problem = TextField(default="")
    leased_by = TextField(default="")

    class Meta:
        table_name = "job"


class NodeRow(Model):
    """A node of a cluster; the times are the database's, in seconds since 1970."""

    name = TextField(primary_key=True)
    version = TextField()
    started_at = BigIntegerField()
    seen_at = BigIntegerField()

    class Meta:
        table_name = "node"


class SharedFileRow(Model):
    """A file of the data folder that all nodes have, sealed under the cluster's key."""

    name = TextField(primary_key=True)
    sealed = TextField()

    class Meta:
        table_name = "shared_file"


class SlowWriteRow(Model):
    """Writes that held up all others, by caller (`module:function`) and hour since 1970; `longest` in milliseconds."""

    caller = TextField()
    hour = IntegerField()
    count = IntegerField()
    longest = IntegerField()

    class Meta:
        table_name = "slow_write"
        primary_key = CompositeKey("caller", "hour")


class FigureRow(Model):
    """A count for the plots; `grain` is hour or day, `at` its beginning, in seconds since 1970."""

    name = TextField()
    label = TextField()
    grain = TextField()
    at = BigIntegerField()
    count = BigIntegerField()

    class Meta:
        table_name = "figure"
        primary_key = CompositeKey("name", "label", "grain", "at")


class TransferRow(Model):
    """`kind` is export or import, `state` is running, done, full, refused; `report` is JSON."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    kind = TextField()
    name = TextField(default="")
    state = TextField(default="running")
    done = BigIntegerField(default=0)
    total = BigIntegerField(default=0)
    report = TextField(default="")
    started_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "transfer"


class MailFetchRow(Model):
    """Mail on its way from another server (store/site/fetches.py).

    `sealed` is the password there, or the tokens of a consent at `provider`; "" when it is over.
    """

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    host = TextField()
    port = IntegerField()
    login = TextField()
    sealed = TextField()
    state = TextField()
    folders = TextField()
    problem = TextField()
    messages = IntegerField()
    there = IntegerField()
    left_out = IntegerField()
    failures = IntegerField()
    leased_until = BigIntegerField()
    next_at = BigIntegerField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    provider = TextField(default="")

    class Meta:
        table_name = "mail_fetch"
        indexes = ((("state", "next_at"), False),)


class WebhookRow(Model):
    """A program that is told of changes; its key is sealed, and so is the former one while that still counts.

    `kinds` apart by spaces; `next_at`: its server is left alone until then; `missed` changes were not saved for it.
    """

    id = AutoField()
    label = TextField()
    url = TextField()
    kinds = TextField()
    sealed = TextField(default="")
    former = TextField(default="")
    former_until = BigIntegerField(default=0)
    state = TextField(default="on")
    failures = IntegerField(default=0)
    missed = IntegerField(default=0)
    next_at = BigIntegerField(default=0)
    leased_until = BigIntegerField(default=0)
    created_at = BigIntegerField()

    class Meta:
        table_name = "webhook"


class WebhookDeliveryRow(Model):
    """A change on its way to a webhook (store/site/webhooks.py); `body` is JSON, saved with the change itself."""

    ERASE = Delete()

    id = AutoField()
    webhook_id = IntegerField()
    account_id = AccountField(null=True, index=True)
    event = TextField()
    kind = TextField()
    body = TextField()
    state = TextField(default="waiting")
    tries = IntegerField(default=0)
    next_at = BigIntegerField()
    created_at = BigIntegerField()
    answer = TextField(default="")
    answered_at = BigIntegerField(null=True)

    class Meta:
        table_name = "webhook_delivery"
        indexes = ((("webhook_id", "state", "next_at"), False),)


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


class TryRow(Model):
    """`what` is a hash of who did what; saved for as long as it counts."""

    id = AutoField()
    what = TextField()
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "tried"
        indexes = ((("what", "at"), False),)


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
