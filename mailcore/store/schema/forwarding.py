"""Forwardings: targets, questions to them, messages on their way there and what came of them, copies that may expire."""

from peewee import AutoField, BigIntegerField, BlobField, BooleanField, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Delete


class ForwardingRow(Model):
    ERASE = Delete()

    account_id = AccountField(primary_key=True)
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


class ForwardingQuestionRow(Model):
    """A target that was asked again; only the SHA-256 of the link's token is saved."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    hash = TextField(index=True)
    target = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "forwarding_question"


class HeldBackRow(Model):
    """A message that was not forwarded, until the next digest; `reason` is keep or junk."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    at = BigIntegerField()
    author = TextField()
    subject = TextField()
    reason = TextField()

    class Meta:
        table_name = "held_back"


class KeptCopyRow(Model):
    """The local copy of a forwarded message, as it was when it came: a change of any kind changes `modseq`."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
    mailbox = IntegerField()
    uid = IntegerField()
    modseq = BigIntegerField()
    content = BlobField()
    at = BigIntegerField()

    class Meta:
        table_name = "kept_copy"
        indexes = ((("account_id", "at"), False),)


class OnwardRow(Model):
    """One message on its way to a forwarding's target.

    `item` is the queue's number, free for another once this is answered; `content` is the SHA-256 of the octets as they
    came in, which a local copy shares; `state` is waiting, delivered (another server said 250), here (it went to
    somebody of ours), refused or unknown.
    """

    ERASE = Delete()

    id = AutoField()
    item = IntegerField(index=True)
    account_id = AccountField()
    content = BlobField()
    target = TextField()
    at = BigIntegerField(index=True)
    state = TextField(default="waiting")
    host = TextField(default="")
    code = IntegerField(default=0)
    reply = TextField(default="")
    answered_at = BigIntegerField(null=True)

    class Meta:
        table_name = "onward"
        indexes = ((("account_id", "content"), False), (("account_id", "at"), False))


class ProbeRow(Model):
    """`found` is "" (not reported yet), inbox, spam or missing; `item` is the queue's number when it was sent."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    target = TextField()
    code = TextField()
    item = IntegerField()
    at = BigIntegerField()
    found = TextField(default="")
    told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "probe"


class ReturnRow(Model):
    """`content` is the SHA-256 of the octets as they came in, `sender` the envelope sender that they came with."""

    ERASE = Delete()

    token = TextField(primary_key=True)
    account_id = AccountField()
    sender = TextField()
    target = TextField()
    content = BlobField(index=True)
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "srs_return"


class ComplaintRow(Model):
    """A forwarded message that its owner called spam at the target; `token` is that of its envelope sender."""

    ERASE = Delete()

    token = TextField(primary_key=True)
    account_id = AccountField(index=True)
    at = BigIntegerField()

    class Meta:
        table_name = "complaint"
