"""The end of an account and of the service: reminders, closing, the sunset, and moving out.

Times are whole seconds since 1970 UTC.
"""

from peewee import AutoField, BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Delete, Keep


class LeavingRow(Model):
    """The last reminder to somebody who leaves: -90, -30, -7, 0, gone, or twice (a year)."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    step = TextField()
    told_at = BigIntegerField()

    class Meta:
        table_name = "leaving"


class PresenceRow(Model):
    """The last sign of an owner, and what they were told since: services/accounts/sleeping.py.

    `regions` are parts of the world from which the account was opened, apart by spaces; `networks` are those of its owner, as
    services/credentials/usual_networks.py writes them.
    """

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    seen_at = BigIntegerField(index=True)
    step = TextField(default="")
    told_at = BigIntegerField(null=True)
    regions = TextField(default="")
    networks = TextField(default="")

    class Meta:
        table_name = "presence"


class ClosingRow(Model):
    """`forwarding`: mail was passed on, and will have to be agreed to anew.  `erased_at` when mail and data were erased."""

    ERASE = Keep("when it was closed and erased; the new address is forgotten after its time")

    account_id = AccountField(primary_key=True)
    closed_at = BigIntegerField()
    new_address = TextField(default="")
    forwarding = BooleanField(default=False)
    erased_at = BigIntegerField(null=True)

    class Meta:
        table_name = "closing"


class CorrespondentRow(Model):
    """Somebody whom the owner has written to, by a mark that tells nothing else."""

    ERASE = Keep("is told the new address; forgotten after its time")

    account_id = AccountField()
    mark = TextField()

    class Meta:
        table_name = "correspondent"
        primary_key = CompositeKey("account_id", "mark")


class SunsetRow(Model):
    """`ends`: the last day, YYYY-MM-DD; `successor`: where people turn afterwards; nb, nn, en: why, in a few words."""

    id = AutoField()
    ends = TextField()
    successor = TextField(default="")
    nb = TextField(default="")
    nn = TextField(default="")
    en = TextField(default="")
    announced_at = BigIntegerField()
    withdrawn_at = BigIntegerField(null=True)

    class Meta:
        table_name = "sunset"


class SunsetPersonRow(Model):
    """`step`: the last milestone notified, in days before the end; `how` it was read: button, mailbox or desk."""

    ERASE = Delete()

    account_id = AccountField()
    sunset_id = IntegerField()
    step = IntegerField()
    first_at = BigIntegerField()
    told_at = BigIntegerField()
    next_at = BigIntegerField(null=True)
    read_at = BigIntegerField(null=True)
    how = TextField(default="")
    letter_at = BigIntegerField(null=True)
    new_address = TextField(default="")

    class Meta:
        table_name = "sunset_person"
        primary_key = CompositeKey("account_id", "sunset_id")
        indexes = ((("sunset_id", "next_at"), False),)


class SunsetNoticeRow(Model):
    """A notice that lies in somebody's box, by the name of its octets."""

    ERASE = Delete()

    account_id = AccountField()
    sunset_id = IntegerField()
    blob = BlobField()

    class Meta:
        table_name = "sunset_notice"
        primary_key = CompositeKey("account_id", "blob")


class MovingDayRow(Model):
    """An owner's way out: `state` of the scan of their mail is "", running or done; `until` is a day, or ""."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    state = TextField(default="")
    done = IntegerField(default=0)
    total = IntegerField(default=0)
    leased_until = BigIntegerField(default=0)
    scanned_at = BigIntegerField(default=0)
    until = TextField(default="")
    new_address = TextField(default="")
    subject = TextField(default="")
    letter = TextField(default="")

    class Meta:
        table_name = "moving_day"
        indexes = ((("state", "leased_until"), False),)


class MovingBoxRow(Model):
    """All messages of the mailbox up to `uid` are counted."""

    ERASE = Delete()

    account_id = AccountField()
    mailbox = IntegerField()
    uid = IntegerField()

    class Meta:
        table_name = "moving_box"
        primary_key = CompositeKey("account_id", "mailbox")
        without_rowid = True


class MovingServiceRow(Model):
    """Evidence of a host, or of a mailing list: points of its best message, and how many messages are likely of a service.

    `junk` counts those that stand in Junk; `linked` says that the page was looked for.
    """

    ERASE = Delete()

    account_id = AccountField()
    key = TextField()
    host = TextField()
    name = TextField()
    address = TextField()
    best = IntegerField()
    likely = IntegerField()
    junk = IntegerField()
    messages = IntegerField()
    accounts = IntegerField()
    purchases = IntegerField()
    banks = IntegerField()
    publics = IntegerField()
    newsletters = IntegerField()
    first_at = BigIntegerField()
    last_at = BigIntegerField()
    mailbox = IntegerField()
    uid = IntegerField()
    link = TextField(default="")
    linked = IntegerField(default=0)
    done = IntegerField(default=0)

    class Meta:
        table_name = "moving_service"
        primary_key = CompositeKey("account_id", "key")
        without_rowid = True


class MovingPersonRow(Model):
    """Somebody who wrote or was written to; `state` is "", chosen, sent or failed."""

    ERASE = Delete()

    account_id = AccountField()
    address = TextField()
    name = TextField()
    received = IntegerField()
    written = IntegerField()
    last_at = BigIntegerField()
    state = TextField(default="")
    changed_at = BigIntegerField(default=0)

    class Meta:
        table_name = "moving_person"
        primary_key = CompositeKey("account_id", "address")
        without_rowid = True
        indexes = ((("state", "account_id"), False),)
