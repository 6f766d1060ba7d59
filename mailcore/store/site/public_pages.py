"""Pages and incidents as SQL; the rules stand in services/operations/page_views.py and services/operations/service_status.py."""

import secrets

from mailcore.clock import to_time
from mailcore.domain import Incident, PageFacts
from mailcore.store.engine.db import Row, Tx

_INCIDENT = "id,level,nb,nn,en,at,ended_at"


def get_page(tx: Tx, name: str) -> PageFacts:
    row = tx.row("SELECT views,audience,topic FROM page WHERE name=?", name)
    return PageFacts(name, row[0], tuple(row[1].split()), tuple(row[2].split())) if row else PageFacts(name, 0, (), ())


def list_pages(tx: Tx) -> list[PageFacts]:
    rows = tx.rows("SELECT name,views,audience,topic FROM page ORDER BY name")
    return [PageFacts(row[0], row[1], tuple(row[2].split()), tuple(row[3].split())) for row in rows]


def tag_page(tx: Tx, name: str, audience: str, topic: str) -> None:
    tx.run(
        "INSERT INTO page (name,views,audience,topic) VALUES (?,0,?,?)"
        " ON CONFLICT (name) DO UPDATE SET audience=excluded.audience, topic=excluded.topic",
        name,
        audience,
        topic,
    )


def get_day_key(tx: Tx, day: str) -> bytes:
    """Return the secret of that day; the first to ask creates it, and those of days before are deleted."""
    row = tx.row("SELECT value FROM setting WHERE key=?", f"visits {day}")
    if row:
        return bytes.fromhex(row[0])
    tx.run("DELETE FROM setting WHERE key LIKE 'visits %'")
    tx.run("DELETE FROM page_visit")
    key = secrets.token_bytes(32)
    tx.run("INSERT INTO setting (key,value) VALUES (?,?)", f"visits {day}", key.hex())
    return key


def count_visit(tx: Tx, name: str, hashed: str) -> None:
    """Count a visitor once."""
    if tx.run("INSERT INTO page_visit (hash) VALUES (?) ON CONFLICT (hash) DO NOTHING", hashed):
        tx.run(
            "INSERT INTO page (name,views,audience,topic) VALUES (?,1,'','')"
            " ON CONFLICT (name) DO UPDATE SET views=page.views+1",
            name,
        )


# Incidents


def _incident(row: Row) -> Incident:
    words = dict(zip(("nb", "nn", "en"), row[2:5], strict=True))
    return Incident(row[0], row[1], words, to_time(row[5]), to_time(row[6]) if row[6] is not None else None)


def add_incident(tx: Tx, level: str, words: dict[str, str], now: int) -> int:
    return tx.insert(
        "INSERT INTO incident (level,nb,nn,en,at) VALUES (?,?,?,?,?)", level, words["nb"], words["nn"], words["en"], now
    )


def end_incidents(tx: Tx, incident: int | None, now: int) -> int:
    """End an incident, or all that last; return their number."""
    return tx.run(
        "UPDATE incident SET ended_at=? WHERE ended_at IS NULL AND (CAST(? AS INTEGER) IS NULL OR id=?)",
        now,
        incident,
        incident,
    )


def list_current_incidents(tx: Tx) -> list[Incident]:
    return [_incident(row) for row in tx.rows(f"SELECT {_INCIDENT} FROM incident WHERE ended_at IS NULL ORDER BY id")]  # noqa: S608


def list_incidents(tx: Tx, since: int) -> list[Incident]:
    """Return the incidents that last, and those that began after `since`; newest first."""
    rows = tx.rows(f"SELECT {_INCIDENT} FROM incident WHERE ended_at IS NULL OR at>? ORDER BY id DESC LIMIT 100", since)  # noqa: S608
    return [_incident(row) for row in rows]
