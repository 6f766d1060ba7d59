"""Message octets, stored once under their SHA-256.

Small blobs stand in the database and share its group commit; larger ones stand in files or in a bucket (store/objects),
durable before the row that names them (order 1: blob before row).  The border was measured: see docs/performance.md; which
side of it a blob is on is said by its row in `blob_octets`, so that the border may be moved.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mailcore.errors import Busy, OctetsMissing
from mailcore.mail.asking.derived import Derived, derive
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets, forget
from mailcore.store.engine.db import Outside, Row, Statement, Tx
from mailcore.store.mail import summaries
from mailcore.store.mail.blob_ranges import BlobRanges
from mailcore.store.mail.blob_sweep import take_orphan
from mailcore.store.mail.spool import Spool
from mailcore.store.objects.contract import Objects

INSIDE = 128 * 1024  # octets; up to here a blob stands in the database, if the configuration says nothing else
TRIES = 10  # to save a row that others delete and make at the same time


@dataclass(slots=True)
class Prepared:
    """Octets ready to be named by a row: hashed, parsed once, and stored already if large.

    What came in through a file stays there: `octets` is then the file, mapped.  What only passes through the queue is
    `bare`: what mailboxes need to know of it is derived when first asked for.
    """

    name: bytes
    message: Message
    _derived: Derived | None = field(default=None, init=False)

    @property
    def octets(self) -> Octets:
        return self.message.octets

    @property
    def derived(self) -> Derived:
        if self._derived is None:
            self._derived = derive(self.message)
            forget(self.octets)
        return self._derived

    @property
    def is_bare(self) -> bool:
        return self._derived is None

    @property
    def size(self) -> int:
        return len(self.octets)


@dataclass(frozen=True, slots=True)
class Saved:
    """Octets that have their row, for a transaction that names them many times.

    `counted` is False for a newsletter of the service, which takes nobody's room (store/mail/uncounted.py).
    """

    id: int
    size: int
    counted: bool = True


class Blobs:
    """Blobs of one installation.

    Args:
        objects: what holds the large ones.
        spool: a folder on this machine, on the file system of the objects or of what is kept of them here.
        inside: up to so many octets a blob stands in the database.
    """

    def __init__(self, objects: Objects, spool: Path, inside: int = INSIDE) -> None:
        self.objects, self.inside = objects, inside
        self._spool, self._ranges = spool, BlobRanges(objects)

    def prepare(self, octets: bytes, *, bare: bool = False, message: Message | None = None) -> Prepared:
        """Hash, parse, derive unless `bare`, and store a large blob.

        Args:
            message: what was read of these octets already.

        Raises:
            Busy: it cannot be stored; nothing was saved.
        """
        name = hashlib.sha256(octets).digest()
        if len(octets) > self.inside:
            self.objects.put(name, octets)
        return _made(name, message or Message(octets), bare)

    def spool(self, border: int) -> Spool:
        """Create a spool for an incoming message, of which `border` octets may stay in memory."""
        return Spool(self._spool, border)

    def prepare_spool(self, spool: Spool, *, bare: bool = False, message: Message | None = None) -> Prepared:
        """The same as `prepare` for what was spooled: its file becomes the blob, without a copy.

        Raises:
            Busy: it cannot be stored; nothing was saved.
        """
        octets = spool.octets()
        if isinstance(octets, bytes) or len(octets) <= self.inside:
            prepared = self.prepare(octets[:], bare=bare, message=message if isinstance(octets, bytes) else None)
            spool.discard()
            return prepared
        prepared = _made(spool.name(), message or Message(octets), bare)
        try:
            spool.close()
            if spool.path is None:
                raise Busy("the spool is gone")
            self.objects.adopt(prepared.name, spool.path, octets)
        except OSError as problem:
            raise Busy(f"the blob store cannot be written: {problem.strerror}") from problem
        finally:
            spool.discard()
        return prepared

    def sweep_spool(self, grace_seconds: int = 86_400) -> None:
        """Remove what a killed process left of messages that never were taken."""
        for path in self._spool.glob("in-*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - grace_seconds:
                    path.unlink()

    def save(self, tx: Tx, prepared: Prepared, now: int) -> int:
        """Return the id of the blob's row, which is created if these octets are new."""
        for _ in range(TRIES):
            blob = self.finish_saving(tx, prepared, tx.ask(self.begin_saving(prepared, now)))
            if blob is not None:
                return blob
        raise Busy("the row of a message comes and goes")

    def begin_saving(self, prepared: Prepared, now: int) -> list[Statement]:
        """Return what finds the row and creates it where there is none (`Tx.ask`, `finish_saving`)."""
        known = None if prepared.is_bare else prepared.derived
        fields = (known.envelope, known.body, known.structure) if known else (b"", b"", b"")
        row = prepared.name, prepared.size, prepared.message.header.block, *fields, now
        return [(_FIND, (prepared.name,)), (_CREATE, row)]

    def finish_saving(self, tx: Tx, prepared: Prepared, answers: Sequence[Sequence[Row]]) -> int | None:
        """Write what belongs to a new row and return its id; None if others created or deleted it in this moment."""
        found, created = answers
        if created:
            return self._fill(tx, prepared, created[0][0])
        if not found:
            return None
        blob, structure, dead_at = found[0]
        if dead_at is not None and not _revive(tx, blob):
            return None
        if not structure and not prepared.is_bare:
            _save_derived(tx, blob, prepared.derived)
        return int(blob)

    def _fill(self, tx: Tx, prepared: Prepared, blob: int) -> int:
        if not prepared.is_bare:
            summaries.save_summary(tx, blob, prepared.derived.summary)
        if prepared.size <= self.inside:
            tx.run_later("INSERT INTO blob_octets (blob,octets) VALUES (?,?)", blob, prepared.octets)
        elif take_orphan(tx, prepared.name) or self.objects.is_lost(prepared.name, prepared.size):
            self.objects.put(prepared.name, prepared.octets)  # it was an older one, which a sweep takes or took
        return blob

    def find(self, tx: Tx, name: bytes) -> int | None:
        """Return the row of these octets, by their SHA-256."""
        found = tx.row("SELECT id FROM blob WHERE name=?", name)
        return int(found[0]) if found else None

    def octets(self, tx: Tx, blob: int) -> bytes:
        return self.mapped(tx, blob)[:]

    def mapped(self, tx: Tx, blob: int) -> Octets:
        """The same; those of a large blob stay in their file, which is mapped.

        Raises:
            Outside: they are to be brought here first; the transaction begins anew.
        """
        row = tx.row("SELECT octets FROM blob_octets WHERE blob=?", blob)
        if row is not None:
            return bytes(row[0])
        row = tx.row("SELECT name FROM blob WHERE id=?", blob)
        if row is None:
            raise OctetsMissing(f"blob {blob} has no row")
        octets = self.objects.near(name := bytes(row[0]))
        if octets is None:
            raise Outside(partial(self.objects.fetch, [name]))
        return octets

    def mapped_many(self, tx: Tx, blobs: Sequence[int]) -> list[Octets]:
        """The same of several, in their order."""
        there: dict[int, Octets] = {blob: bytes(octets) for blob, octets in _list_of(tx, _OCTETS, blobs)}
        if len(there) < len(blobs):
            names: dict[int, bytes] = dict(_list_of(tx, _NAMES, [blob for blob in blobs if blob not in there]))
            near = {blob: self.objects.near(bytes(name)) for blob, name in names.items()}
            if far := [bytes(names[blob]) for blob, octets in near.items() if octets is None]:
                raise Outside(partial(self.objects.fetch, far))
            there |= {blob: octets for blob, octets in near.items() if octets is not None}
        try:
            return [there[blob] for blob in blobs]
        except KeyError as missing:
            raise OctetsMissing(f"blob {missing} has no row") from None

    def mapped_range(self, tx: Tx, blob: int, start: int, stop: int) -> Octets:
        """Return octets as long as the blob's, of which only those from `start` to before `stop` are sure to be right.

        Raises:
            Outside: as `mapped`.
        """
        row = tx.row(_FAR, blob) if self.objects.is_far else None
        if row is not None:
            octets = self.objects.near(name := bytes(row[0]))
            if octets is None:
                octets = self._ranges.find(name, row[1], start, stop)
            if octets is not None:
                return octets
        return self.mapped(tx, blob)

    def size(self, tx: Tx, blob: int) -> int:
        row = tx.row("SELECT size FROM blob WHERE id=?", blob)
        return int(row[0]) if row else 0

    def header(self, tx: Tx, blob: int) -> bytes:
        found = tx.row("SELECT header FROM blob WHERE id=?", blob)
        return bytes(found[0]) if found else b""


_FIND = "SELECT id, length(structure), dead_at FROM blob WHERE name=?"
_CREATE = (
    "INSERT INTO blob (name,size,header,envelope,body,structure,stored_at) VALUES (?,?,?,?,?,?,?)"
    " ON CONFLICT (name) DO NOTHING RETURNING id"
)
_OCTETS = "SELECT blob, octets FROM blob_octets WHERE blob"
# one whose octets are not in the database, whatever its size: `blobs_inside` may have been another then
_FAR = "SELECT name, size FROM blob WHERE id=? AND NOT EXISTS (SELECT 1 FROM blob_octets o WHERE o.blob=blob.id)"
_NAMES = "SELECT id, name FROM blob WHERE id"


def _list_of(tx: Tx, sql: str, blobs: Sequence[int]) -> list[Row]:
    """Run one statement for a set of blobs."""
    return tx.rows(f"{sql} IN (SELECT value FROM json_each(?))", json.dumps(sorted(set(blobs))))  # noqa: S608 - our own words


def _revive(tx: Tx, blob: int) -> bool:
    """Take the mark of death away; False if the row was deleted meanwhile, or somebody else took it."""
    return tx.run("UPDATE blob SET dead_at=NULL WHERE id=? AND dead_at IS NOT NULL", blob) > 0


def _save_derived(tx: Tx, blob: int, derived: Derived) -> None:
    tx.run(
        "UPDATE blob SET envelope=?, body=?, structure=? WHERE id=?",
        derived.envelope,
        derived.body,
        derived.structure,
        blob,
    )
    summaries.save_summary(tx, blob, derived.summary)


def _made(name: bytes, message: Message, bare: bool) -> Prepared:
    prepared = Prepared(name, message)
    _ = message.root
    if not bare:
        _ = prepared.derived
    forget(message.octets)
    return prepared
