"""The mail store: the only package that imports peewee."""
