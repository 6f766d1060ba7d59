"""Tables of quota warnings, and of room added for a time."""

from peewee import AutoField, BigIntegerField, IntegerField, Model, TextField


class QuotaStateRow(Model):
    """`level` is the highest percentage warned of and not yet left; `refused_percent` is the usage when mail was refused."""

    account_id = IntegerField(primary_key=True)
    level = IntegerField(default=0)
    refused_percent = IntegerField(null=True)

    class Meta:
        table_name = "quota_state"


class QuotaExtraRow(Model):
    """Octets above the account's own quota until a time; `kind` is loan (taken by the owner) or grant (given by the desk)."""

    id = AutoField()
    account_id = IntegerField(index=True)
    kind = TextField()
    octets = BigIntegerField()
    at = BigIntegerField()
    until = BigIntegerField()
    ended_at = BigIntegerField(null=True)

    class Meta:
        table_name = "quota_extra"
