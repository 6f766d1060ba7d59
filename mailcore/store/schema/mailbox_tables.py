"""Tables that belong to mailboxes: lost subscriptions and annotations."""

from peewee import CompositeKey, IntegerField, Model, TextField


class LostSubscriptionRow(Model):
    """A subscribed name whose mailbox is deleted."""

    account = IntegerField()
    name = TextField()

    class Meta:
        table_name = "lost_subscription"
        primary_key = CompositeKey("account", "name")
        without_rowid = True


class AnnotationRow(Model):
    """METADATA (RFC 5464); mailbox 0 is the account itself.  Entries in lower case."""

    account = IntegerField()
    mailbox = IntegerField()
    entry = TextField()
    value = TextField()  # Latin-1 holds any octets

    class Meta:
        table_name = "annotation"
        primary_key = CompositeKey("account", "mailbox", "entry")
        without_rowid = True
