"""Tables of the webmail's lists (store/webmail_list.py): indexes of `message`, and what is derived from headers."""

from peewee import BlobField, CompositeKey, IntegerField, Model, SqliteDatabase, TextField


class Line(Model):
    """What an order asks of a message: short keys in lower case.  Derived; may be dropped at any time."""

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
    """Which conversation of an account a Message-ID belongs to; `id` is the beginning of its SHA-256."""

    account = IntegerField()
    id = BlobField()
    thread = IntegerField()

    class Meta:
        table_name = "thread_id"
        primary_key = CompositeKey("account", "id")
        without_rowid = True
        indexes = ((("account", "thread"), False),)


class LineState(Model):
    """How far the lines of a mailbox are known: all uids up to `uid`, all removals up to `modseq`."""

    mailbox = IntegerField(primary_key=True)
    uidvalidity = IntegerField()
    modseq = IntegerField()
    uid = IntegerField()

    class Meta:
        table_name = "line_state"


class MailSetting(Model):
    """What a person chose in the webmail, as JSON."""

    account = IntegerField(primary_key=True)
    data = TextField()

    class Meta:
        table_name = "mail_setting"


MODELS: tuple[type[Model], ...] = (Line, Thread, ThreadId, LineState, MailSetting)


def add_message_indexes(db: SqliteDatabase) -> None:
    """A migration: what the list is read by.  Unread and flagged messages are few, and so are their entries."""
    db.execute_sql("CREATE INDEX IF NOT EXISTS message_by_date ON message (mailbox, internal_date, uid)")
    db.execute_sql("CREATE INDEX IF NOT EXISTS message_unread ON message (mailbox, internal_date, uid) WHERE flags&1=0")
    db.execute_sql(
        "CREATE INDEX IF NOT EXISTS message_flagged ON message (mailbox, internal_date, uid) WHERE flags&4<>0"
    )


def forget_lines(db: SqliteDatabase) -> None:
    """A migration: keys of lists come from summaries now, so those that there are would stand out of order."""
    for sql in ("DELETE FROM line", "DELETE FROM thread", "DELETE FROM line_state"):
        db.execute_sql(sql)
