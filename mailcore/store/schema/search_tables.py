"""Table of accounts whose search index is to be brought up to date."""

from peewee import BigIntegerField, IntegerField, Model


class SearchWishRow(Model):
    """`at` in seconds since 1970: when somebody searched and the index did not know all messages."""

    account = IntegerField(primary_key=True)
    at = BigIntegerField()

    class Meta:
        table_name = "search_wish"
