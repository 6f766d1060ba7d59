"""Whole vCards of an address book, and what changed since when, as SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx
from mailcore.store.webmail.address_book import spell_key

KEEP_SECONDS = 180 * 86_400  # of a deleted card; a program that was away for longer reads the whole book
SOME = 200  # names in one statement


@dataclass(frozen=True, slots=True)
class CardRef:
    """A card by its name in the book; `etag` changes with its text, and is "" for one that was deleted."""

    name: str
    etag: str


@dataclass(frozen=True, slots=True)
class StoredCard:
    name: str
    etag: str
    uid: str
    text: str


@dataclass(frozen=True, slots=True)
class Book:
    """`seq` is the number of the last change; those after `oldest` are known one by one."""

    seq: int = 0
    oldest: int = 0
    cards: int = 0
    characters: int = 0


def read_book(tx: Tx, account: AccountId) -> Book:
    row = tx.row("SELECT seq,oldest,cards,characters FROM address_book WHERE account_id=?", account)
    return Book(*row) if row else Book()


def find_card(tx: Tx, account: AccountId, name: str) -> StoredCard | None:
    row = tx.row("SELECT name,etag,uid,text FROM card WHERE account_id=? AND name=? AND etag<>''", account, name)
    return StoredCard(*row) if row else None


def find_card_by_uid(tx: Tx, account: AccountId, uid: str) -> StoredCard | None:
    row = tx.row("SELECT name,etag,uid,text FROM card WHERE account_id=? AND uid=? AND etag<>'' LIMIT 1", account, uid)
    return StoredCard(*row) if row else None


def find_card_of(tx: Tx, account: AccountId, address: str) -> StoredCard | None:
    """Return the card in which an address stands."""
    row = tx.row(
        "SELECT c.name,c.etag,c.uid,c.text FROM contact k JOIN card c ON c.account_id=k.account_id AND c.name=k.card"
        " WHERE k.account_id=? AND k.address=? AND c.etag<>''",
        account,
        address,
    )
    return StoredCard(*row) if row else None


def list_refs(tx: Tx, account: AccountId) -> list[CardRef]:
    rows = tx.rows("SELECT name,etag FROM card WHERE account_id=? AND etag<>'' ORDER BY seq", account)
    return [CardRef(row[0], row[1]) for row in rows]


def list_cards(tx: Tx, account: AccountId, names: Sequence[str] | None = None) -> list[StoredCard]:
    """Return whole cards, oldest change first; `names` None = all."""
    if names is None:
        rows = tx.rows("SELECT name,etag,uid,text FROM card WHERE account_id=? AND etag<>'' ORDER BY seq", account)
        return [StoredCard(*row) for row in rows]
    cards: list[StoredCard] = []
    for start in range(0, len(names), SOME):
        some = names[start : start + SOME]
        marks = ",".join("?" * len(some))
        sql = f"SELECT name,etag,uid,text FROM card WHERE account_id=? AND etag<>'' AND name IN ({marks}) ORDER BY seq"  # noqa: S608
        cards += [StoredCard(*row) for row in tx.rows(sql, account, *some)]
    return cards


def list_changed(tx: Tx, account: AccountId, since: int, most: int) -> list[tuple[CardRef, int]]:
    """Return the cards that changed after `since` with the number of their change, oldest first."""
    rows = tx.rows(
        f"SELECT name,etag,seq FROM card WHERE account_id=? AND seq>? ORDER BY seq LIMIT {most:d}",  # noqa: S608
        account,
        since,
    )
    return [(CardRef(row[0], row[1]), row[2]) for row in rows]


def save_card(tx: Tx, account: AccountId, card: StoredCard, now: int) -> None:
    old = find_card(tx, account, card.name)
    tx.run(
        "INSERT INTO card (account_id,name,uid,etag,text,seq,changed_at) VALUES (?,?,?,?,?,?,?)"
        " ON CONFLICT (account_id,name) DO UPDATE SET uid=excluded.uid, etag=excluded.etag, text=excluded.text,"
        " seq=excluded.seq, changed_at=excluded.changed_at",
        account,
        card.name,
        card.uid,
        card.etag,
        card.text,
        _count_change(tx, account, 0 if old else 1, len(card.text) - (len(old.text) if old else 0)),
        now,
    )


def delete_card(tx: Tx, account: AccountId, name: str, now: int) -> None:
    """Delete a card and its addresses; its name is remembered for KEEP_SECONDS."""
    old = find_card(tx, account, name)
    if old is None:
        return
    tx.run(
        "UPDATE card SET uid='', etag='', text='', seq=?, changed_at=? WHERE account_id=? AND name=?",
        _count_change(tx, account, -1, -len(old.text)),
        now,
        account,
        name,
    )
    tx.run("DELETE FROM contact WHERE account_id=? AND card=?", account, name)
    forgotten = "FROM card WHERE account_id=? AND etag='' AND changed_at<?"
    row = tx.row(f"SELECT max(seq) {forgotten}", account, now - KEEP_SECONDS)  # noqa: S608
    if row is not None and row[0] is not None:
        tx.run(f"DELETE {forgotten}", account, now - KEEP_SECONDS)  # noqa: S608
        tx.run("UPDATE address_book SET oldest=? WHERE account_id=?", row[0], account)


def _count_change(tx: Tx, account: AccountId, cards: int, characters: int) -> int:
    row = tx.row(
        "INSERT INTO address_book (account_id,seq,oldest,cards,characters) VALUES (?,1,0,?,?)"
        " ON CONFLICT (account_id) DO UPDATE SET seq=address_book.seq+1, cards=address_book.cards+excluded.cards,"
        " characters=address_book.characters+excluded.characters RETURNING seq",
        account,
        cards,
        characters,
    )
    return int(row[0]) if row else 0


def save_addresses(
    tx: Tx, account: AccountId, card: str, addresses: Iterable[str], name: str, note: str, now: int
) -> None:
    """Let the address book find a card by its addresses; one that stands in another card stays with that.

    An address that the card no longer has is forgotten, unless the owner has written to it.
    """
    wanted = tuple(addresses)
    for row in tx.rows("SELECT address,times FROM contact WHERE account_id=? AND card=?", account, card):
        if row[0] in wanted:
            continue
        if row[1]:
            tx.run("UPDATE contact SET card='', collected=1 WHERE account_id=? AND address=?", account, row[0])
        else:
            tx.run("DELETE FROM contact WHERE account_id=? AND address=?", account, row[0])
    for address in wanted:
        tx.run(
            "INSERT INTO contact (account_id,address,name,note,key,collected,times,used_at,added_at,card)"
            " VALUES (?,?,?,?,?,0,0,0,?,?) ON CONFLICT (account_id,address) DO UPDATE SET name=excluded.name,"
            " note=excluded.note, key=excluded.key, collected=0, card=excluded.card WHERE contact.card IN ('',excluded.card)",
            account,
            address,
            name,
            note,
            spell_key(name, address),
            now,
            card,
        )


def list_without_card(tx: Tx, account: AccountId, most: int) -> list[tuple[str, str, str]]:
    """Return (address, name, note) of contacts that were entered before there were cards."""
    rows = tx.rows(
        f"SELECT address,name,note FROM contact WHERE account_id=? AND collected=0 AND card='' ORDER BY address LIMIT {most:d}",  # noqa: S608
        account,
    )
    return [(row[0], row[1], row[2]) for row in rows]
