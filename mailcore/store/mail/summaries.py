"""The summary of each blob: written with it, read by lists, SEARCH, SORT and THREAD."""

from mailcore.mail.asking.summary import Summary
from mailcore.store.engine.db import Tx

COLUMNS = (
    "sent_at,sent_day,is_answer,base,subject,sender,recipient,cc,bcc,from_key,to_key,cc_key,from_name,to_name,"
    "message_id,refs,usual"
)
_INSERT = f"INSERT INTO summary (blob,{COLUMNS}) VALUES (?{',?' * 17})"  # noqa: S608 - our own columns


def save_summary(tx: Tx, blob: int, s: Summary) -> None:
    tx.run_later(
        _INSERT,
        blob,
        s.sent_at,
        s.sent_day,
        int(s.is_answer),
        s.base,
        s.subject,
        s.sender,
        s.recipient,
        s.cc,
        s.bcc,
        s.from_key,
        s.to_key,
        s.cc_key,
        s.from_name,
        s.to_name,
        s.message_id,
        s.references,
        s.usual,
    )
