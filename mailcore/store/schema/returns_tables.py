"""Envelope senders that were created for forwarded messages."""

from peewee import BigIntegerField, BlobField, IntegerField, Model, TextField


class ReturnRow(Model):
    """`content` is the SHA-256 of the octets as they came in, `sender` the envelope sender that they came with."""

    token = TextField(primary_key=True)
    account_id = IntegerField()
    sender = TextField()
    target = TextField()
    content = BlobField(index=True)
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "srs_return"
