"""All tables of this program as peewee models, a module for each room of the store; store/migrations makes the tables."""

from peewee import Model

from mailcore.store.schema import delivery, forwarding, mail, people, queue, site, tickets, webmail

ROOMS = (delivery, forwarding, mail, people, queue, site, tickets, webmail)


def all_models() -> list[type[Model]]:
    """Return all tables of this program."""
    return [
        value
        for room in ROOMS
        for value in vars(room).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    ]
