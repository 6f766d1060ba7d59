"""Table of forwarded messages and their results."""

from peewee import AutoField, BigIntegerField, BlobField, IntegerField, Model, TextField


class OnwardRow(Model):
    """One message on its way to a forwarding's target.

    `item` is the queue's number, free for another once this is answered; `content` is the SHA-256 of the octets as they
    came in, which a local copy shares; `state` is waiting, delivered (another server said 250), here (it went to
    somebody of ours), refused or unknown.
    """

    id = AutoField()
    item = IntegerField(index=True)
    account_id = IntegerField()
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
