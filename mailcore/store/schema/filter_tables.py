"""The simple filters of the portal."""

from peewee import BooleanField, CompositeKey, IntegerField, Model, TextField


class FilterRuleRow(Model):
    """`conditions` and `actions` are JSON: lists of lists of the fields of FilterCondition and FilterAction."""

    account_id = IntegerField()
    position = IntegerField()
    name = TextField()
    conditions = TextField()
    actions = TextField()
    every = BooleanField()
    enabled = BooleanField()

    class Meta:
        table_name = "filter_rule"
        primary_key = CompositeKey("account_id", "position")
