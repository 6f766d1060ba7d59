"""Mail at rest: blobs and what is derived of them, mailboxes, messages, the change log; quota.

Hot paths speak SQL to these tables (store/mail/messages.py).
"""

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CompositeKey,
    IntegerField,
    Model,
    TextField,
)

from mailcore.store.schema.erasure import AccountField, Delete, Keep


class Blob(Model):
    """Immutable octets and what is derived from them once.  Derived parts first: octets may be long.

    `dead_at`: when a sweep saw that nothing names it (store/mail/blob_sweep.py), in seconds since 1970.
    """

    name = BlobField(unique=True)
    size = IntegerField()
    header = BlobField()
    envelope = BlobField()
    body = BlobField()
    structure = BlobField()
    stored_at = IntegerField()
    dead_at = IntegerField(null=True)


class BlobOctets(Model):
    """The octets of small blobs; those of large ones stand in store/objects."""

    blob = IntegerField(primary_key=True)
    octets = BlobField()

    class Meta:
        table_name = "blob_octets"


class UncountedBlobRow(Model):
    """A newsletter of the service, which counts against nobody's quota; the row goes with that of the blob."""

    blob = IntegerField(primary_key=True)

    class Meta:
        table_name = "uncounted_blob"


class OrphanRow(Model):
    """Octets outside of the database that no row names, and what became of them (store/mail/blob_sweep.py)."""

    name = BlobField(primary_key=True)
    free_at = IntegerField()
    doomed_at = IntegerField(null=True)
    removed_at = IntegerField(null=True)

    class Meta:
        table_name = "orphan"


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


class TextMark(Model):
    """A mark of a blob's text (mail/showing/text_marks.py).  Derived; may be dropped at any time."""

    blob = IntegerField(primary_key=True)
    version = IntegerField()
    mark = BlobField()

    class Meta:
        table_name = "text_mark"


class Mailbox(Model):
    ERASE = Delete()

    account_id = AccountField()
    name = TextField()
    uidvalidity = IntegerField()
    uidnext = IntegerField(default=1)
    modseq = IntegerField(default=1)
    messages = IntegerField(default=0)
    unseen = IntegerField(default=0)
    octets = IntegerField(default=0)
    special_use = TextField(default="")
    subscribed = BooleanField(default=True)
    purged = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])  # up to this modseq the change log is cut
    keywords = TextField(default="")
    # the first UID that no session has claimed as \Recent
    recent = IntegerField(default=1, constraints=[SQL("DEFAULT 1")])

    class Meta:
        indexes = ((("account_id", "name"), True),)


class Message(Model):
    """`flags` is a sum of store/mail/flags.py's bits; `keywords` holds the others, each between spaces.

    `internal_date` in seconds since 1970; `zone` in minutes east of Greenwich, as given with it.
    """

    mailbox = IntegerField()
    uid = IntegerField()
    flags = IntegerField()
    keywords = TextField()
    modseq = IntegerField()
    internal_date = IntegerField()
    size = IntegerField()
    blob = IntegerField(index=True)
    prefix = BlobField()
    zone = IntegerField(default=0)
    saved_at = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])  # when it came into this mailbox

    class Meta:
        primary_key = CompositeKey("mailbox", "uid")
        without_rowid = True
        indexes = ((("mailbox", "modseq"), False),)


class Change(Model):
    """The change log.  `uids` is a set such as `3:9,12` of what was removed; the other kinds only say that there is news."""

    ERASE = Keep("tells other processes what went; cut with the rest of the change log")

    account_id = AccountField()
    mailbox = IntegerField()
    modseq = IntegerField()
    kind = TextField()
    uids = TextField()


class LostSubscriptionRow(Model):
    """A subscribed name whose mailbox is deleted."""

    ERASE = Delete()

    account_id = AccountField()
    name = TextField()

    class Meta:
        table_name = "lost_subscription"
        primary_key = CompositeKey("account_id", "name")
        without_rowid = True


class AnnotationRow(Model):
    """METADATA (RFC 5464); mailbox 0 is the account itself.  Entries in lower case."""

    ERASE = Delete()

    account_id = AccountField()
    mailbox = IntegerField()
    entry = TextField()
    value = TextField()  # Latin-1 holds any octets

    class Meta:
        table_name = "annotation"
        primary_key = CompositeKey("account_id", "mailbox", "entry")
        without_rowid = True


class SearchWishRow(Model):
    """`at` in seconds since 1970: when somebody searched and the index did not know all messages."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    at = BigIntegerField()

    class Meta:
        table_name = "search_wish"


class QuotaStateRow(Model):
    """`level` is the highest percentage warned of and not yet left; `refused_percent` is the usage when mail was refused."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    level = IntegerField(default=0)
    refused_percent = IntegerField(null=True)

    class Meta:
        table_name = "quota_state"


class QuotaExtraRow(Model):
    """Octets above the account's own quota until a time; `kind` is loan (taken by the owner) or grant (given by the desk)."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    kind = TextField()
    octets = BigIntegerField()
    at = BigIntegerField()
    until = BigIntegerField()
    ended_at = BigIntegerField(null=True)

    class Meta:
        table_name = "quota_extra"
