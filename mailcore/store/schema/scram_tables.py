"""SCRAM verifiers beside the passwords they were derived from (RFC 5803 tells what they hold)."""

from peewee import IntegerField, Model, TextField


class ScramRow(Model):
    """Good only while `generation` is that of the credential.  `sealed` holds StoredKey and ServerKey."""

    credential_id = IntegerField(primary_key=True)
    account_id = IntegerField(index=True)
    generation = IntegerField()
    iterations = IntegerField()
    sealed = TextField()

    class Meta:
        table_name = "scram"
