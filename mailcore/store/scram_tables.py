"""SCRAM verifiers beside the passwords they were derived from (RFC 5803 tells what they hold)."""

from peewee import BlobField, IntegerField, Model


class ScramRow(Model):
    """Good only while `generation` is that of the credential; all of one account have the same salt and iterations."""

    credential_id = IntegerField(primary_key=True)
    account_id = IntegerField(index=True)
    generation = IntegerField()
    salt = BlobField()
    iterations = IntegerField()
    stored_key = BlobField()
    server_key = BlobField()

    class Meta:
        table_name = "scram"
