"""Walks through a table that grows with the installation: a turn of a job looks at a portion of it, and the next goes on.

A small installation is one portion.  A large one is walked through in TURNS turns, however large it is.
"""

from dataclasses import dataclass

from mailcore.store.engine.tx import Tx
from mailcore.store.engine.values import get_value, save_value

LEAST = 10_000  # ids in a portion, if there are so many
TURNS = 10


@dataclass(frozen=True, slots=True)
class Portion:
    """Rows of a table with ids above `after`, up to `until`; `top` is the highest that there is."""

    walk: str
    after: int
    until: int
    top: int

    @property
    def is_last(self) -> bool:
        return self.until >= self.top

    @property
    def is_whole(self) -> bool:
        """The table has no other, so that there is no place to remember."""
        return self.after == 0 and self.is_last


def find_portion(tx: Tx, table: str, walk: str) -> Portion:
    """Return the portion that is next on a walk of that name through the ids of a table."""
    row = tx.row(f"SELECT MAX(id) FROM {table}")  # noqa: S608 - our own names
    top = int(row[0] or 0) if row else 0
    after = int(get_value(tx, walk) or 0)
    return Portion(walk, after, after + max(LEAST, top // TURNS + 1), top)


def save_portion(tx: Tx, portion: Portion) -> None:
    """Let the walk go on behind that portion, or begin anew where it was the last."""
    save_value(tx, portion.walk, str(0 if portion.is_last else portion.until))
