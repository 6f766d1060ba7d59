"""Table of the summaries that mail/asking/summary.py reads of blobs; small columns first, as lists scan them."""

from peewee import BigIntegerField, BlobField, BooleanField, IntegerField, Model, TextField


class SummaryRow(Model):
    """`blob` is the blob's id.  NULL: the message has no such field."""

    blob = IntegerField(primary_key=True)
    sent_at = BigIntegerField(null=True)
    sent_day = IntegerField(null=True)
    is_answer = BooleanField()
    base = TextField()
    from_key = TextField()
    to_key = TextField()
    cc_key = TextField()
    from_name = TextField()
    to_name = TextField()
    message_id = TextField()
    refs = TextField()
    subject = TextField(null=True)
    sender = TextField(null=True)
    recipient = TextField(null=True)
    cc = TextField(null=True)
    bcc = TextField(null=True)
    usual = BlobField(null=True)

    class Meta:
        table_name = "summary"
