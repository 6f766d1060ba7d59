"""Ready texts: what an owner writes again and again, put into a message by its name."""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import InvalidName, TooMany
from mailcore.mail.reading.lines import lines_of
from mailcore.store.engine.db import Tx
from mailcore.store.webmail import ready_texts as store
from mailcore.store.webmail.ready_texts import ReadyText

MAX_TEXTS, MAX_NAME, MAX_TEXT = 50, 60, 10_000  # characters
_SIGNATURE, _FORWARDED = ("-- ", "--"), "-----"
__all__ = ["ReadyText"]


def list_texts(core: Core, account: AccountId) -> list[ReadyText]:
    return core.db.read(lambda tx: store.list_texts(tx, account))


def save_text(core: Core, account: AccountId, name: str, text: str, before: str = "") -> None:
    """Save a text; one of the same name is replaced.

    Args:
        before: the name that it had.

    Raises:
        InvalidName: it has no name or no words.
        TooMany
    """
    name, text = " ".join(name.split())[:MAX_NAME], "\n".join(lines_of(text[:MAX_TEXT])).strip("\n")
    if not name or not text.strip():
        raise InvalidName("a text needs a name and words")

    def write(tx: Tx) -> None:
        if before and before != name:
            store.delete_text(tx, account, before)
        names = {one.name for one in store.list_texts(tx, account)}
        if len(names | {name}) > MAX_TEXTS:
            raise TooMany(f"at most {MAX_TEXTS} texts are kept")
        store.save_text(tx, account, ReadyText(name, text))

    core.db.write(write)


def delete_text(core: Core, account: AccountId, name: str) -> None:
    core.db.write(lambda tx: store.delete_text(tx, account, name))


def insert_text(body: str, text: str) -> str:
    """Put a text behind what was written, and before the signature, a quote or a forwarded message."""
    lines = lines_of(body)
    end = next(
        (at for at, line in enumerate(lines) if line in _SIGNATURE or line.startswith((">", _FORWARDED))), len(lines)
    )
    if end < len(lines) and lines[end].startswith(">") and end and lines[end - 1].rstrip().endswith(":"):
        end -= 1  # the line that introduces the quote
    own, rest = "\n".join(lines[:end]).strip("\n"), "\n".join(lines[end:])
    return "\n\n".join(filter(None, (own, text.strip("\n"), rest))) + ("" if rest else "\n")
