"""Tables of the webmail's lists (store/webmail/webmail_list.py): indexes of `message`, and what is derived from headers."""

from peewee import BlobField, CompositeKey, IntegerField, Model, TextField


class Line(Model):
    """Sort keys of a message: short, in lower case.  Derived; may be dropped at any time."""

    mailbox = IntegerField()
    uid = IntegerField()
    who = TextField()
    subject = TextField()
    size = IntegerField()
    thread = IntegerField(index=True)

    class Meta:
        primary_key = CompositeKey("mailbox", "uid")
        without_rowid = True
        indexes = (
            (("mailbox", "who", "uid"), False),
            (("mailbox", "subject", "uid"), False),
            (("mailbox", "size", "uid"), False),
            (("mailbox", "thread", "uid"), False),
        )


class Thread(Model):
    """A conversation in a mailbox; `at` is when its newest message came."""

    mailbox = IntegerField()
    thread = IntegerField(index=True)
    at = IntegerField()

    class Meta:
        primary_key = CompositeKey("mailbox", "thread")
        without_rowid = True
        indexes = ((("mailbox", "at", "thread"), False),)


class ThreadId(Model):
    """The conversation of an account to which a Message-ID belongs; `id` is the beginning of its SHA-256."""

    account = IntegerField()
    id = BlobField()
    thread = IntegerField()

    class Meta:
        table_name = "thread_id"
        primary_key = CompositeKey("account", "id")
        without_rowid = True
        indexes = ((("account", "thread"), False),)


class LineState(Model):
    """Progress of a mailbox's lines: all uids up to `uid`, all removals up to `modseq` are known."""

    mailbox = IntegerField(primary_key=True)
    uidvalidity = IntegerField()
    modseq = IntegerField()
    uid = IntegerField()

    class Meta:
        table_name = "line_state"


class MailSetting(Model):
    """A person's settings of the webmail, as JSON."""

    account = IntegerField(primary_key=True)
    data = TextField()

    class Meta:
        table_name = "mail_setting"
