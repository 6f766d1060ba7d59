"""Help cases: tickets, what was written in them, and the files that came along.

Times are whole seconds since 1970 UTC.  A ticket's row stays when its content is erased, so that no number is used twice.
"""

from peewee import AutoField, BigIntegerField, BlobField, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Anonymise


class TicketRow(Model):
    """`token` stands in the address help+TOKEN@domain and in the link of people who are not logged in."""

    ERASE = Anonymise({"account_id": None})

    id = AutoField()
    token = TextField(unique=True)
    kind = TextField()
    subject = TextField(default="")
    state = TextField(index=True)
    language = TextField(default="nb")
    reply_to = TextField(default="")
    account_id = AccountField(null=True, index=True)
    assignee_id = AccountField(null=True)
    merged_into = IntegerField(null=True)
    created_at = BigIntegerField()
    changed_at = BigIntegerField(index=True)

    class Meta:
        table_name = "ticket"


class TicketNoticeRow(Model):
    """The first letter of a ticket, while it is due."""

    ticket_id = IntegerField(primary_key=True)
    name = TextField()
    recipient = TextField()

    class Meta:
        table_name = "ticket_notice"


class TicketMessageRow(Model):
    """`author` is person, desk, note (seen by the desk alone) or service; `message_id` of mail that came or went."""

    id = AutoField()
    ticket_id = IntegerField(index=True)
    at = BigIntegerField()
    author = TextField()
    name = TextField(default="")
    text = TextField()
    message_id = TextField(default="", index=True)
    header = TextField(default="")  # of the mail that it came with, cut; for the desk

    class Meta:
        table_name = "ticket_message"


class TicketFileRow(Model):
    id = AutoField()
    message_id = IntegerField(index=True)
    name = TextField()
    type = TextField()
    size = IntegerField()
    octets = BlobField()

    class Meta:
        table_name = "ticket_file"


class TicketSourceRow(Model):
    """A recent writer, as a keyed hash of address or peer: for the rate, removed after a day."""

    id = AutoField()
    source = TextField(index=True)
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "ticket_source"
