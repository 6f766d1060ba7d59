"""Newsletters: topics, their editors, consent, and what was sent.

Times are whole seconds since 1970 UTC.
"""

from peewee import AutoField, BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Delete


class TopicRow(Model):
    """A topic of newsletters with its name in three languages; `ended_at` is null while it lasts.

    `slug` stands in its address and its List-Id; `reply_to` is where readers' answers go, "" = the help desk.
    """

    id = AutoField()
    nb = TextField()
    nn = TextField()
    en = TextField()
    created_at = BigIntegerField()
    ended_at = BigIntegerField(null=True)
    slug = TextField(default="")
    reply_to = TextField(default="")

    class Meta:
        table_name = "topic"


class TopicEditorRow(Model):
    """An owner who may write and send newsletters of a topic."""

    ERASE = Delete()

    topic_id = IntegerField()
    account_id = AccountField(index=True)
    at = BigIntegerField()

    class Meta:
        table_name = "topic_editor"
        primary_key = CompositeKey("topic_id", "account_id")


class ConsentRow(Model):
    """The owner agreed to a topic; `wording` is the question that they said yes to."""

    ERASE = Delete()

    account_id = AccountField()
    topic_id = IntegerField(index=True)
    at = BigIntegerField()
    wording = TextField()

    class Meta:
        table_name = "consent"
        primary_key = CompositeKey("account_id", "topic_id")


class NewsletterRow(Model):
    """A newsletter of a topic (store/site/newsletters.py); `actor` is the user name of its last editor.

    `position` is the last account that has it, or that was passed by; the counts are of subscribers, and of replies to the
    copies that were forwarded.
    """

    id = AutoField()
    topic_id = IntegerField(index=True)
    language = TextField()
    subject = TextField()
    text = TextField()
    state = TextField()
    actor = TextField()
    created_at = BigIntegerField()
    changed_at = BigIntegerField()
    send_at = BigIntegerField(null=True)
    begun_at = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True)
    position = IntegerField(default=0)
    filed = IntegerField(default=0)
    forwarded = IntegerField(default=0)
    unsent = IntegerField(default=0)
    delivered = IntegerField(default=0)
    refused = IntegerField(default=0)
    returned = IntegerField(default=0)
    complaints = IntegerField(default=0)
    corrected = IntegerField(default=0)
    is_correcting = BooleanField(default=False)
    leased_until = BigIntegerField(default=0)

    class Meta:
        table_name = "newsletter"
        indexes = ((("state", "send_at"), False),)


class NewsletterEditionRow(Model):
    """The message of a newsletter: the first as it was sent, each other a correction; `content` is its SHA-256."""

    newsletter_id = IntegerField()
    number = IntegerField()
    blob = IntegerField(index=True)
    content = BlobField(index=True)
    message_id = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "newsletter_edition"
        primary_key = CompositeKey("newsletter_id", "number")
