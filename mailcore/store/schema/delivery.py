"""Delivery: scripts, filters and out-of-office replies by which mail is filed; its results; what the spam filter is to learn."""

from peewee import AutoField, BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Delete


class ScriptRow(Model):
    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
    name = TextField()
    source = TextField()
    active = BooleanField(default=False)
    origin = TextField(default="personal")
    held = BooleanField(default=False)

    class Meta:
        table_name = "script"
        indexes = ((("account_id", "origin", "name"), True),)


class FilterRuleRow(Model):
    """`conditions` and `actions` are JSON: lists of lists of the fields of FilterCondition and FilterAction."""

    ERASE = Delete()

    account_id = AccountField()
    position = IntegerField()
    name = TextField()
    conditions = TextField()
    actions = TextField()
    every = BooleanField()
    enabled = BooleanField()

    class Meta:
        table_name = "filter_rule"
        primary_key = CompositeKey("account_id", "position")


class AwayRow(Model):
    """Days such as 2026-12-24; "" = open."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    active = BooleanField(default=False)
    first_day = TextField(default="")
    last_day = TextField(default="")
    subject = TextField(default="")
    text = TextField(default="")

    class Meta:
        table_name = "away"


class VacationMemoryRow(Model):
    """A sender who has had an automatic reply, and when (RFC 5230 section 4.2)."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
    handle = TextField()
    sender = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "vacation_memory"
        indexes = ((("account_id", "handle", "sender"), True),)


class Delivery(Model):
    """Result of delivering one Envelope to one recipient; feeds trace and audit."""

    ERASE = Delete()

    account_id = AccountField(index=True)
    at = IntegerField()
    sender = TextField()
    address = TextField()
    outcome = TextField()
    detail = TextField()
    blob = IntegerField()
    subject = BlobField(default=b"")  # as written, as is `author`
    author = BlobField(default=b"")
    message_id = TextField(default="")
    content = BlobField(default=b"")  # the octets' SHA-256
    size = IntegerField(default=0)
    checks = TextField(default="")  # JSON; see services/delivery/traces.py
    rules = TextField(default="")


class LearnRow(Model):
    """`kind` is spam or ham."""

    blob = IntegerField(unique=True)
    kind = TextField()
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "learn"


class SpamSignRow(Model):
    """How often a sign of mail was in spam and in other mail (store/delivery/spam_signs.py)."""

    ERASE = Delete()

    account_id = AccountField()
    sign = IntegerField()
    spam = IntegerField()
    ham = IntegerField()
    at = IntegerField()
    weight = IntegerField(default=0)

    class Meta:
        table_name = "spam_sign"
        primary_key = CompositeKey("account_id", "sign")
        without_rowid = True


class SpamTotalRow(Model):
    """How many messages these counts are of."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    spam = IntegerField()
    ham = IntegerField()

    class Meta:
        table_name = "spam_total"


class SpamVoteRow(Model):
    """An owner's word on a message, spam or ham, and the one that was learned, if any; `left` has no word yet, and a day."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
    blob = IntegerField()
    kind = TextField()
    learned = TextField()
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "spam_vote"
        indexes = ((("account_id", "blob"), True),)


class SenderHistoryRow(Model):
    """How mail of a sender ended here, in thousandths of messages; `sender` is a number (mail/judging/history.py)."""

    sender = IntegerField(primary_key=True)
    spam = IntegerField()
    ham = IntegerField()
    at = IntegerField(index=True)

    class Meta:
        table_name = "sender_history"
