"""The webmail: its lists, drafts, address book and settings."""

from peewee import BlobField, BooleanField, CompositeKey, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Delete


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

    ERASE = Delete()

    account_id = AccountField()
    id = BlobField()
    thread = IntegerField()

    class Meta:
        table_name = "thread_id"
        primary_key = CompositeKey("account_id", "id")
        without_rowid = True
        indexes = ((("account_id", "thread"), False),)


class LineState(Model):
    """Progress of a mailbox's lines: all uids up to `uid`, all removals up to `modseq` are known."""

    mailbox = IntegerField(primary_key=True)
    uidvalidity = IntegerField()
    modseq = IntegerField()
    uid = IntegerField()

    class Meta:
        table_name = "line_state"


class ContactRow(Model):
    """`address` in lower case; `name` as the owner wrote it.

    `key` is name and address folded, with a space before each word, so that beginnings are found; `collected` means
    found in sent mail, not entered by hand; `times` it was written to, last at `used_at`.  `card` is the name of the card
    that the address stands in, "" while there is none.
    """

    ERASE = Delete()

    account_id = AccountField()
    address = TextField()
    name = TextField(default="")
    added_at = IntegerField()
    note = TextField(default="")
    key = TextField(default="")
    collected = IntegerField(default=0)
    times = IntegerField(default=0)
    used_at = IntegerField(default=0)
    card = TextField(default="")

    class Meta:
        table_name = "contact"
        primary_key = CompositeKey("account_id", "address")
        without_rowid = True


class CardRow(Model):
    """A whole vCard of an address book; `name` is the last part of its address for CardDAV, `seq` its last change.

    A deleted one stays for a while with an empty `etag` and `text`, so that programs hear of it.
    """

    ERASE = Delete()

    account_id = AccountField()
    name = TextField()
    uid = TextField(default="")
    etag = TextField()
    text = TextField()
    seq = IntegerField()
    changed_at = IntegerField()

    class Meta:
        table_name = "card"
        primary_key = CompositeKey("account_id", "name")
        indexes = ((("account_id", "seq"), False), (("account_id", "uid"), False))


class AddressBookRow(Model):
    """Counter of the changes to an account's cards: `seq` is the last one, those after `oldest` are still known.

    `cards` and `characters` say what there is now.
    """

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    seq = IntegerField()
    oldest = IntegerField(default=0)
    cards = IntegerField(default=0)
    characters = IntegerField(default=0)

    class Meta:
        table_name = "address_book"


class BlockedRow(Model):
    """An address, or `@domain` for everybody there; in lower case."""

    ERASE = Delete()

    account_id = AccountField()
    address = TextField()
    added_at = IntegerField()

    class Meta:
        table_name = "blocked_sender"
        primary_key = CompositeKey("account_id", "address")
        without_rowid = True


class IdentityRow(Model):
    """A name, an address of the account (with a plus part, perhaps) and a signature."""

    ERASE = Delete()

    account_id = AccountField(index=True)
    name = TextField(default="")
    address = TextField()
    signature = TextField(default="")
    reply_to = TextField(default="")
    first = BooleanField(default=False)

    class Meta:
        table_name = "identity"


class Writing(Model):
    """`data` is the form as JSON; `draft` the uid of its copy in Drafts, or 0.

    States: open, waiting (until `send_at`), sending (leased until `send_at`), failed (`problem` is the error's name).
    """

    ERASE = Delete()

    account_id = AccountField(index=True)
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


class MailSetting(Model):
    """A person's settings of the webmail, as JSON."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    data = TextField()

    class Meta:
        table_name = "mail_setting"


class ReadyText(Model):
    """A text of the owner's own to begin a message with."""

    ERASE = Delete()

    account_id = AccountField()
    name = TextField()
    text = TextField()

    class Meta:
        table_name = "ready_text"
        primary_key = CompositeKey("account_id", "name")
        without_rowid = True


class Snoozed(Model):
    """A message that goes back to INBOX at `due_at`, where it is still in that mailbox then."""

    ERASE = Delete()

    account_id = AccountField()
    mailbox = IntegerField()
    uidvalidity = IntegerField()
    uid = IntegerField()
    due_at = IntegerField(index=True)

    class Meta:
        table_name = "snoozed"
        primary_key = CompositeKey("account_id", "mailbox", "uid")
        without_rowid = True
