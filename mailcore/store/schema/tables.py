"""The schema of mail as peewee models; store/migrations makes the tables.  Hot paths speak SQL to them (store/mail/mail.py)."""

import sys

from peewee import (
    SQL,
    BlobField,
    BooleanField,
    CompositeKey,
    IntegerField,
    Model,
    TextField,
)

from mailcore.store.schema import (
    affiliation_tables,
    away_tables,
    closing_tables,
    contacts_tables,
    elsewhere_tables,
    filter_tables,
    forwardings_tables,
    identity_tables,
    job_tables,
    learn_tables,
    login_tables,
    mailbox_tables,
    onward_tables,
    people_tables,
    probe_tables,
    queue_tables,
    quota_tables,
    rate_tables,
    reach_tables,
    returns_tables,
    scram_tables,
    search_tables,
    sending_tables,
    site_tables,
    summary_tables,
    sunset_tables,
    ticket_tables,
    transfer_tables,
    watch_tables,
    webmail_tables,
    writing_tables,
)


class Blob(Model):
    """Immutable octets and what is derived from them once.  Derived parts first: octets may be long."""

    name = BlobField(unique=True)
    size = IntegerField()
    header = BlobField()
    envelope = BlobField()
    body = BlobField()
    structure = BlobField()
    stored_at = IntegerField()


class BlobOctets(Model):
    """The octets of small blobs; those of large ones are files."""

    blob = IntegerField(primary_key=True)
    octets = BlobField()

    class Meta:
        table_name = "blob_octets"


class Mailbox(Model):
    account = IntegerField()
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
        indexes = ((("account", "name"), True),)


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

    account = IntegerField()
    mailbox = IntegerField()
    modseq = IntegerField()
    kind = TextField()
    uids = TextField()


class QueueItem(Model):
    sender = TextField()
    recipient = TextField()
    domain = TextField(default="")
    blob = IntegerField(index=True)
    prefix = BlobField()
    account = IntegerField(null=True)
    origin = TextField()
    state = TextField(default="waiting")
    tries = IntegerField(default=0)
    created_at = IntegerField()
    next_at = IntegerField()
    leased_until = IntegerField(default=0)
    leased_by = TextField(default="")
    last_reply = TextField(default="")
    delay_told = BooleanField(default=False)
    notify = TextField(default="")
    ret = TextField(default="")
    orcpt = TextField(default="")
    envid = TextField(default="")
    require_tls = BooleanField(default=False)

    class Meta:
        table_name = "queue"
        indexes = ((("state", "next_at"), False),)


class Attempt(Model):
    item = IntegerField(index=True)
    at = IntegerField()
    host = TextField()
    code = IntegerField()
    reply = TextField()


class Delivery(Model):
    """Result of delivering one Envelope to one recipient; feeds trace and audit."""

    account = IntegerField(index=True)
    at = IntegerField()
    sender = TextField()
    address = TextField()
    outcome = TextField()
    detail = TextField()
    blob = IntegerField()
    subject = BlobField(default=b"")  # as written, as is `author`
    author = BlobField(default=b"")
    message_id = TextField(default="")
    content = BlobField(default=b"")  # the octets' SHA-256
    size = IntegerField(default=0)
    checks = TextField(default="")  # JSON; see services/delivery/traces.py
    rules = TextField(default="")


class Setting(Model):
    """Values that belong to the installation, such as the SRS secret."""

    key = TextField(primary_key=True)
    value = TextField()


# modules that declare tables beside this one
MODULES = (
    affiliation_tables, away_tables, closing_tables, contacts_tables, elsewhere_tables, filter_tables,
    forwardings_tables, identity_tables, job_tables, learn_tables, login_tables, mailbox_tables, onward_tables,
    people_tables, probe_tables, queue_tables, quota_tables, rate_tables, reach_tables, returns_tables,
    scram_tables, search_tables, sending_tables, site_tables, summary_tables, sunset_tables, ticket_tables,
    transfer_tables, watch_tables, webmail_tables, writing_tables,
)  # fmt: skip


def all_models() -> list[type[Model]]:
    """Return all tables of this program."""
    return [
        value
        for module in (sys.modules[__name__], *MODULES)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    ]
