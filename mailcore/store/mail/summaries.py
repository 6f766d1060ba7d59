"""The summary of each blob: written with it, read by lists, SEARCH, SORT and THREAD."""

from mailcore.mail.asking.summary import Summary
from mailcore.store.engine.db import Tx

COLUMNS = (
    "sent_at,sent_day,is_answer,base,subject,sender,recipient,cc,bcc,from_key,to_key,cc_key,from_name,to_name,"
    "message_id,refs,usual"
)
_INSERT = f"INSERT INTO summary (blob,{COLUMNS}) VALUES (?{',?' * 17})"  # noqa: S608 - our own columns


def save(tx: Tx, blob: int, s: Summary) -> None:
    tx.run(
        _INSERT, blob, s.sent_at, s.sent_day, int(s.is_answer), _kept(s.base), _kept(s.subject), _kept(s.sender),
        _kept(s.recipient), _kept(s.cc), _kept(s.bcc), _kept(s.from_key), _kept(s.to_key), _kept(s.cc_key),
        _kept(s.from_name), _kept(s.to_name), _kept(s.message_id), _kept(s.references), s.usual,
    )  # fmt: skip


def _kept(text: str | None) -> str | None:
    """Lone surrogates, from octets that are no text, cannot be saved as UTF-8; NUL would end the text for SQL."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
