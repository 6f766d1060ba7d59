"""The schema of mail as peewee models, and its migrations.  Hot paths speak SQL to these tables (store/mail.py)."""

from collections.abc import Callable

from peewee import (
    SQL,
    BlobField,
    BooleanField,
    CompositeKey,
    DatabaseError,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)

from mailcore.errors import Busy, ConfigError
from mailcore.store import (
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
    rereading,
    returns_tables,
    scram_tables,
    search_tables,
    sending_tables,
    site_tables,
    summaries,
    summary_tables,
    sunset_tables,
    ticket_tables,
    transfer_tables,
    watch_tables,
    webmail_tables,
    writing_tables,
)
from mailcore.store.db import Tx
from mailcore.store.skeleton import skeleton


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
    recent = IntegerField(default=1, constraints=[SQL("DEFAULT 1")])  # the first UID that no session has claimed as \Recent

    class Meta:
        indexes = ((("account", "name"), True),)


class Message(Model):
    """`flags` is a sum of store/flags.py's bits; `keywords` holds the others, each between spaces.

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
    """What became of one Envelope for one recipient; feeds trace and audit."""

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
    checks = TextField(default="")  # JSON; see services/traces.py
    rules = TextField(default="")


class Setting(Model):
    """Values that belong to the installation: the schema's version, the SRS secret."""

    key = TextField(primary_key=True)
    value = TextField()


MODELS: list[type[Model]] = [
    Blob, BlobOctets, Mailbox, Message, Change, QueueItem, Attempt, Delivery, Setting, *people_tables.MODELS,
]  # fmt: skip


def all_models() -> list[type[Model]]:
    """Every table of this program, wherever it is declared."""
    found: list[type[Model]] = []
    waiting = [Model]
    for model in waiting:
        waiting += model.__subclasses__()
        if model.__module__.startswith("mailcore."):
            found.append(model)
    return found


def add_tables(*models: type[Model]) -> Callable[[SqliteDatabase], None]:
    """A migration that makes tables which are not there yet."""

    def step(db: SqliteDatabase) -> None:
        with db.bind_ctx(models, bind_refs=False, bind_backrefs=False):
            db.create_tables(models, safe=True)

    return step


def add_column(table: str, column: str, definition: str) -> Callable[[SqliteDatabase], None]:
    """A migration that adds a column, unless the models of a new database brought it already."""

    def step(db: SqliteDatabase) -> None:
        if column not in {found.name for found in db.get_columns(table)}:
            db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{column}" {definition}')

    return step


def _name_domains(db: SqliteDatabase) -> None:
    db.execute_sql("UPDATE queue SET domain=lower(substr(recipient, instr(recipient, '@') + 1)) WHERE domain=''")


def statement(sql: str) -> Callable[[SqliteDatabase], None]:
    """A migration in SQL."""

    def step(db: SqliteDatabase) -> None:
        db.execute_sql(sql)

    return step


def _skeletons(db: SqliteDatabase) -> None:
    """What the addresses that there are look like (store/skeleton.py)."""
    rows = db.execute_sql("SELECT id, localpart FROM address").fetchall()
    for number, localpart in rows:
        db.execute_sql("UPDATE address SET skeleton=? WHERE id=?", (skeleton(localpart), number))


def _learn_keywords(db: SqliteDatabase) -> None:
    """Mailboxes know the keywords of their messages."""
    tx = Tx(db.connection())
    found: dict[int, set[str]] = {}
    for mailbox, keywords in tx.rows("SELECT DISTINCT mailbox, keywords FROM message WHERE keywords<>''"):
        found.setdefault(mailbox, set()).update(keywords.split())
    tx.many("UPDATE mailbox SET keywords=? WHERE id=?", [(" ".join(sorted(words)), box) for box, words in found.items()])


KNOW_RECENT = add_column("mailbox", "recent", "INTEGER NOT NULL DEFAULT 1")

# Append only, one line each; number n brings the schema to n.
MIGRATIONS: list[Callable[[SqliteDatabase], object]] = [
    add_tables(*MODELS),
    add_tables(affiliation_tables.AffiliationRow),
    add_tables(away_tables.AwayRow),
    add_tables(job_tables.JobRow),
    *(add_column("queue", name, "TEXT NOT NULL DEFAULT ''") for name in ("notify", "ret", "orcpt", "envid")),
    add_column("queue", "require_tls", "INTEGER NOT NULL DEFAULT 0"),
    add_tables(onward_tables.OnwardRow),
    add_tables(*ticket_tables.MODELS),
    add_tables(filter_tables.FilterRuleRow),
    add_tables(scram_tables.ScramRow),
    add_tables(quota_tables.QuotaStateRow, quota_tables.QuotaExtraRow),
    add_tables(*login_tables.MODELS),
    add_column("credential", "scopes", "TEXT NOT NULL DEFAULT ''"),
    add_column("credential", "chosen", "INTEGER NOT NULL DEFAULT 0"),
    add_column("account", "epoch", "INTEGER NOT NULL DEFAULT 0"),
    add_column("login_failure", "tag", "TEXT NOT NULL DEFAULT ''"),
    add_column("mailbox", "purged", "INTEGER NOT NULL DEFAULT 0"),
    add_tables(mailbox_tables.LostSubscriptionRow, mailbox_tables.AnnotationRow),
    add_column("forwarding", "unsafe", "TEXT NOT NULL DEFAULT ''"),
    add_column("forwarding", "digest", "INTEGER NOT NULL DEFAULT 1"),
    add_column("forwarding", "rolling_days", "INTEGER NOT NULL DEFAULT 0"),
    add_tables(probe_tables.ProbeRow),
    add_tables(*queue_tables.MODELS),
    *(add_column("queue", name, "TEXT NOT NULL DEFAULT ''") for name in ("domain", "leased_by")),
    _name_domains,
    add_tables(summary_tables.SummaryRow),
    add_column("message", "zone", "INTEGER NOT NULL DEFAULT 0"),
    add_column("mailbox", "keywords", "TEXT NOT NULL DEFAULT ''"),
    # the first unseen message of a large mailbox is found without a walk
    statement("CREATE INDEX IF NOT EXISTS message_unseen ON message (mailbox, uid) WHERE flags & 1 = 0"),
    lambda db: summaries.fill(Tx(db.connection())),
    add_column("message", "saved_at", "INTEGER NOT NULL DEFAULT 0"),
    add_tables(*site_tables.MODELS),
    *(add_column("delivery", name, "BLOB NOT NULL DEFAULT x''") for name in ("subject", "author", "content")),
    *(add_column("delivery", name, "TEXT NOT NULL DEFAULT ''") for name in ("message_id", "checks", "rules")),
    add_column("delivery", "size", "INTEGER NOT NULL DEFAULT 0"),
    statement("CREATE INDEX IF NOT EXISTS delivery_at ON delivery (at)"),
    add_tables(*rate_tables.MODELS),
    add_tables(returns_tables.ReturnRow),
    add_tables(*forwardings_tables.MODELS),
    add_tables(search_tables.SearchWishRow),
    add_tables(contacts_tables.ContactRow, contacts_tables.BlockedRow),
    add_tables(learn_tables.LearnRow),
    add_tables(transfer_tables.TransferRow),
    add_tables(sending_tables.SendingHoldRow),
    add_tables(*reach_tables.MODELS),
    *(add_column("web_session", name, "TEXT NOT NULL DEFAULT ''") for name in ("source", "place", "agent")),
    add_column("web_session", "ended_at", "INTEGER"),
    add_tables(affiliation_tables.LeavingRow),
    add_tables(*closing_tables.MODELS),
    add_column("address", "former", "INTEGER"),
    add_column("address", "mark", "TEXT NOT NULL DEFAULT ''"),
    *(add_column("affiliation", name, "INTEGER NOT NULL DEFAULT 0") for name in ("blocked", "returned", "checked_at")),
    add_tables(*webmail_tables.MODELS),
    webmail_tables.add_message_indexes,
    add_tables(identity_tables.IdentityRow),
    *(add_column("contact", name, "TEXT NOT NULL DEFAULT ''") for name in ("note", "key")),
    *(add_column("contact", name, "INTEGER NOT NULL DEFAULT 0") for name in ("collected", "times", "used_at")),
    add_tables(*writing_tables.MODELS),
    statement("DELETE FROM summary"),  # the usual fields have their marks in front now
    lambda db: summaries.fill(Tx(db.connection())),
    *(add_column("orders", name, "TEXT NOT NULL DEFAULT ''") for name in ("person", "proof", "token")),
    add_column("orders", "confirmed", "INTEGER NOT NULL DEFAULT 0"),
    add_tables(elsewhere_tables.ElsewhereRow),
    add_column("address", "skeleton", "TEXT NOT NULL DEFAULT ''"),
    _skeletons,
    statement("CREATE INDEX IF NOT EXISTS address_skeleton ON address (skeleton)"),
    _learn_keywords,
    add_tables(*sunset_tables.MODELS),
    add_column("ticket_message", "header", "TEXT NOT NULL DEFAULT ''"),
    # a day of somebody's guesses must not make each log-in walk through them
    statement("CREATE INDEX IF NOT EXISTS login_failure_account ON login_failure (account_id, at)"),
    statement("CREATE INDEX IF NOT EXISTS login_failure_at ON login_failure (at)"),
    webmail_tables.forget_lines,
    # only removals are read by mailbox; a newsletter would dirty a page of the index for each mailbox
    statement("DROP INDEX IF EXISTS change_mailbox_modseq"),
    statement("CREATE INDEX IF NOT EXISTS change_removals ON change (mailbox, modseq) WHERE kind='remove'"),
    add_tables(*watch_tables.MODELS),
    webmail_tables.forget_lines,  # what is no message id joins nobody now
    KNOW_RECENT,
    statement("UPDATE mailbox SET recent=uidnext"),  # nobody's old mail is new
    add_column("orders", "place", "TEXT NOT NULL DEFAULT ''"),
    statement("CREATE INDEX IF NOT EXISTS reach_lowered ON reach (lower(address))"),
    add_column("script", "held", "INTEGER NOT NULL DEFAULT 0"),
    rereading.begin,  # charsets, addresses and parts are read otherwise
]


def migrate(db: SqliteDatabase) -> int:
    """Bring the schema to this program's version and return that; each step commits by itself.

    Raises:
        ConfigError: the database was made by a newer version of the program.
        Busy: it cannot be read or written.
    """
    try:
        return _migrate(db)
    except DatabaseError as problem:
        raise Busy(f"the database cannot be brought up to date: {problem}") from problem


def _migrate(db: SqliteDatabase) -> int:
    db.execute_sql("CREATE TABLE IF NOT EXISTS setting (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)")
    version = _version(db)
    if version > len(MIGRATIONS):
        raise ConfigError("the database is of a newer version of Alumnimail; what is older cannot write to it")
    while version < len(MIGRATIONS):
        with db.atomic("IMMEDIATE"):
            version = _version(db)  # another program may have begun in the same moment
            if version < len(MIGRATIONS):
                MIGRATIONS[version](db)
                version += 1
                db.execute_sql("INSERT OR REPLACE INTO setting VALUES ('schema', ?)", (str(version),))
    return len(MIGRATIONS)


def _version(db: SqliteDatabase) -> int:
    found = db.execute_sql("SELECT value FROM setting WHERE key='schema'").fetchone()
    return int(found[0]) if found else 0
