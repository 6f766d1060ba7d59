"""All tables of this program as peewee models, by rooms of the store; store/migrations makes the tables.

What the room of people saves stands in `people`, `credentials` and `leaving`.
"""

from peewee import Model

from mailcore.store.schema import (
    credentials,
    delivery,
    forwarding,
    leaving,
    mail,
    newsletters,
    people,
    queue,
    site,
    tickets,
    webmail,
)

ROOMS = (credentials, delivery, forwarding, leaving, mail, newsletters, people, queue, site, tickets, webmail)


def all_models() -> list[type[Model]]:
    """Return all tables of this program."""
    return [
        value
        for room in ROOMS
        for value in vars(room).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    ]
