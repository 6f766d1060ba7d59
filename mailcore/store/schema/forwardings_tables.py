"""Beside the forwardings: questions once a year, messages that were not forwarded, copies that may expire."""

from peewee import AutoField, BigIntegerField, BlobField, IntegerField, Model, TextField


class ForwardingQuestionRow(Model):
    """A target that was asked again; only the SHA-256 of the link's token is saved."""

    account_id = IntegerField(primary_key=True)
    hash = TextField(index=True)
    target = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "forwarding_question"


class HeldBackRow(Model):
    """A message that was not forwarded, until the next digest; `reason` is keep or junk."""

    id = AutoField()
    account_id = IntegerField(index=True)
    at = BigIntegerField()
    author = TextField()
    subject = TextField()
    reason = TextField()

    class Meta:
        table_name = "held_back"


class KeptCopyRow(Model):
    """The local copy of a forwarded message, as it was when it came: a change of any kind changes `modseq`."""

    id = AutoField()
    account_id = IntegerField()
    mailbox = IntegerField()
    uid = IntegerField()
    modseq = BigIntegerField()
    content = BlobField()
    at = BigIntegerField()

    class Meta:
        table_name = "kept_copy"
        indexes = ((("account_id", "at"), False),)
