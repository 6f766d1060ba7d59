"""Table of periodic jobs: when each is due, and which process has leased it."""

from peewee import BigIntegerField, Model, TextField


class JobRow(Model):
    """`next_at` and `leased_until` in seconds since 1970; `problem` is why the last turn failed, or ""."""

    name = TextField(primary_key=True)
    next_at = BigIntegerField(default=0)
    leased_until = BigIntegerField(default=0)
    problem = TextField(default="")

    class Meta:
        table_name = "job"
