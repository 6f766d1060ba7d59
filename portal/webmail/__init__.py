"""Mail in the browser."""

from portal.webmail import (
    boxes,
    finding,
    invitations,
    lists,
    lists_left,
    live,
    people,
    pushing,
    reading,
    snoozing,
    texts,
    writing,
)
from portal.webmail.views import blueprint

__all__ = [
    "blueprint",
    "boxes",
    "finding",
    "invitations",
    "lists",
    "lists_left",
    "live",
    "people",
    "pushing",
    "reading",
    "snoozing",
    "texts",
    "writing",
]
