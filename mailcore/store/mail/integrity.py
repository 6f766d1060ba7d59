"""Is everything as it must be?  What `alumnimail check` asks of the database and the blobs."""

from mailcore.store.engine.db import Tx
from mailcore.store.mail.uncounted import IS_UNCOUNTED


def list_wrong_quotas(tx: Tx) -> list[tuple[int, str, int, int]]:
    """Return the accounts whose count differs: id, name, octets counted, octets found."""
    found: list[tuple[int, str, int, int]] = tx.rows(
        "SELECT * FROM (SELECT a.id, a.name, a.used, (SELECT COALESCE(SUM(m.size),0) FROM message m JOIN mailbox b"  # noqa: S608
        f" ON b.id=m.mailbox WHERE b.account_id=a.id AND NOT {IS_UNCOUNTED}) AS real FROM account a) AS counted WHERE used<>real"
    )
    return found


def mend_quota(tx: Tx, account: int, octets: int) -> None:
    tx.run("UPDATE account SET used=? WHERE id=?", octets, account)


def list_wrong_mailboxes(tx: Tx) -> list[tuple[int, str]]:
    """Return the mailboxes whose counters, uidnext or modseq contradict their messages."""
    found: list[tuple[int, str]] = tx.rows(
        "SELECT b.id, b.name FROM mailbox b LEFT JOIN (SELECT mailbox, count(*) n,"
        " SUM(CASE WHEN flags&1=0 THEN 1 ELSE 0 END) u, SUM(size) s,"
        " MAX(uid) top, MAX(modseq) mod FROM message GROUP BY mailbox) m ON m.mailbox=b.id WHERE b.messages<>COALESCE(n,0)"
        " OR b.unseen<>COALESCE(u,0) OR b.octets<>COALESCE(s,0) OR b.uidnext<=COALESCE(top,0) OR b.modseq<COALESCE(mod,0)"
    )
    return found


def mend_mailbox(tx: Tx, mailbox: int) -> None:
    tx.run(
        "UPDATE mailbox SET messages=(SELECT count(*) FROM message m WHERE m.mailbox=mailbox.id),"
        " unseen=(SELECT count(*) FROM message m WHERE m.mailbox=mailbox.id AND flags&1=0),"
        " octets=(SELECT COALESCE(SUM(size),0) FROM message m WHERE m.mailbox=mailbox.id),"
        " uidnext=MAX(uidnext,1+(SELECT COALESCE(MAX(uid),0) FROM message m WHERE m.mailbox=mailbox.id)),"
        " modseq=MAX(modseq,(SELECT COALESCE(MAX(m.modseq),0) FROM message m WHERE m.mailbox=mailbox.id)) WHERE id=?",
        mailbox,
    )


def list_lost_rows(tx: Tx) -> list[int]:
    """Return the blobs that a message or queue item names and that have no row."""
    rows = tx.rows(
        "SELECT DISTINCT r.blob FROM (SELECT blob FROM message UNION SELECT blob FROM queue) r"
        " LEFT JOIN blob b ON b.id=r.blob WHERE b.id IS NULL"
    )
    return [row[0] for row in rows]


def list_outside(tx: Tx) -> list[tuple[int, bytes, int]]:
    """Return the blobs whose octets do not stand in the database: id, name and size."""
    rows = tx.rows(
        "SELECT b.id, b.name, b.size FROM blob b WHERE NOT EXISTS (SELECT 1 FROM blob_octets o WHERE o.blob=b.id)"
    )
    return [(blob, bytes(name), size) for blob, name, size in rows]


def check_database(tx: Tx) -> list[str]:
    return tx.damage()
