"""Telling the desk of waves of stolen passwords (N30): services/credentials/second_way.py notices them."""

from mailcore.core import Core
from mailcore.services.audit import Event
from mailcore.services.tickets import tickets
from mailcore.store.engine.db import Tx
from mailcore.store.people import audit as store

_TEXT = """Many names were tried from these networks within an hour, as lists of stolen passwords are.
For a day no password alone opens an account from there, unless its owner has used the place before.
There is nothing that you must do."""


def tell_desk(core: Core) -> int:
    """Open a case for the waves that began since the last look; a job.  Returns how many networks there were."""

    def write(tx: Tx) -> int:
        found = store.take_untold(tx, Event.STUFFING, "service")
        if not found:
            return 0
        networks = "\n".join(dict.fromkeys(found))
        text = f"{_TEXT}\n\n{networks}\n"
        tickets.open_ticket(
            core, tx, kind="other", subject="A wave of stolen passwords", text=text, reply_to="", language="en"
        )
        return len(found)

    return core.db.write(write)
