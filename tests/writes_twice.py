"""Each write runs twice, the first time undone, as PostgreSQL may ask for after a deadlock: `pytest --writes-twice`.

So a write that changes anything but what its transaction writes, such as a list outside, is found by whatever test looks.
"""

import contextlib
from typing import Any

from mailcore.store.engine.db import Connection, Db, Tx, Write

UNDONE = "SAVEPOINT undone", "ROLLBACK TO SAVEPOINT undone", "RELEASE SAVEPOINT undone"


def call_twice(_db: Db, connection: Connection, tx: Tx, write: Write) -> Any:  # Any: as `Db._call`
    begin, undo, end = UNDONE
    connection.execute(begin)
    with contextlib.suppress(Exception):  # the second run says what becomes of it
        first = type(tx)(connection, write.of)  # type: ignore[arg-type, call-arg]  # each engine's own
        write.fn(first)
        first.finish()
    connection.execute(undo)
    connection.execute(end)
    return write.fn(tx)


def switch_on() -> None:
    setattr(Db, "_call", call_twice)  # noqa: B010 - mypy wants the parameters' own names
