"""How messages begin, for lists whose owner wants to see it.

A message never changes, so what was read once is remembered by its SHA-256; strangers send what takes long to read, so a list
stops reading when it has had its time and shows the rest without.
"""

import time
from collections import OrderedDict
from threading import Lock

from mailcore.core import Core
from mailcore.domain import MailboxId
from mailcore.mail.showing.preview import preview
from mailcore.store.engine.db import Tx
from mailcore.store.webmail import lists as store

MOST_SHOWN = 100  # characters
MAX_READ = 2**20  # octets of a message that is read for this
READ_SECONDS = 0.5  # of processor time, for a whole list; fifty ordinary messages take a fiftieth
REMEMBERED = 10_000  # messages, in each process

_known: OrderedDict[bytes, str] = OrderedDict()
_lock = Lock()


def list_snippets(core: Core, mailbox: MailboxId, uids: list[int]) -> dict[int, str]:
    """Return how these messages begin, by uid; those without text, too large or too slow are not in it."""

    def read(tx: Tx) -> dict[int, str]:
        until = time.thread_time() + READ_SECONDS
        found: dict[int, str] = {}
        for uid, blob, name, size in store.list_blobs(tx, mailbox, uids):
            text = _recall(name)
            if text is None and size <= MAX_READ and time.thread_time() < until:
                text = _shortened(preview(core.blobs.octets(tx, blob)))
                _remember(name, text)
            if text:
                found[uid] = text
        return found

    return core.db.read(read)


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1].rstrip()}…"


def _recall(name: bytes) -> str | None:
    with _lock:
        if name in _known:
            _known.move_to_end(name)
        return _known.get(name)


def _remember(name: bytes, text: str) -> None:
    with _lock:
        _known[name] = text
        if len(_known) > REMEMBERED:
            _known.popitem(last=False)
