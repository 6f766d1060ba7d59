"""Tables as peewee models."""
