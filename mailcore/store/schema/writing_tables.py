"""Tables of what is being written in the webmail, and of what waits to be sent."""

from peewee import BlobField, CompositeKey, IntegerField, Model, TextField


class Writing(Model):
    """`data` is the form as JSON; `draft` the uid of its copy in Drafts, or 0.

    States: open, waiting (until `send_at`), sending (leased until `send_at`), failed (`problem` is the error's name).
    """

    account = IntegerField(index=True)
    data = TextField()
    draft = IntegerField(default=0)
    state = TextField(default="open")
    send_at = IntegerField(default=0)
    problem = TextField(default="")
    changed_at = IntegerField()

    class Meta:
        indexes = ((("state", "send_at"), False),)


class WritingFile(Model):
    """A file that goes along; its octets stand in pieces, so that a large one is no large row."""

    writing = IntegerField(index=True)
    name = TextField()
    type = TextField()
    size = IntegerField()

    class Meta:
        table_name = "writing_file"


class WritingPiece(Model):
    file = IntegerField()
    number = IntegerField()
    octets = BlobField()

    class Meta:
        table_name = "writing_piece"
        primary_key = CompositeKey("file", "number")
