"""Message octets, stored once under their SHA-256.

Small blobs stand in the database and share its group commit; larger ones are files, durable before the row
that names them (order 1: blob before row).  The border was measured: see docs/performance.md.
"""

import contextlib
import hashlib
import mmap
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailcore.errors import Busy
from mailcore.mail.asking.derived import Derived, derive
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets, forget
from mailcore.store.engine.db import Tx
from mailcore.store.mail import summaries
from mailcore.store.mail.spool import Spool

RETURN_SECONDS = 5 * 86_400  # for so long other servers try (RFC 5321 section 4.5.4.1)
TURNS = 24  # of the sweep, until it has seen all files
_UNFINISHED = ".new-"
INSIDE = 128 * 1024  # octets; up to here a blob stands in the database


@dataclass(slots=True)
class Prepared:
    """Octets ready to be named by a row: hashed, parsed once, and on disk already if large.

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
    """Octets that have their row, for a transaction that names them many times."""

    id: int
    size: int


class Blobs:
    """Blobs of one installation; files lie under `root` as ab/cd/<sha256>."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: set[Path] = set()  # folders that are on disk for sure
        root.mkdir(parents=True, exist_ok=True)

    def prepare(self, octets: bytes, *, bare: bool = False, message: Message | None = None) -> Prepared:
        """Hash, parse, derive unless `bare`, and put a large blob on disk.

        Args:
            message: what was read of these octets already.

        Raises:
            Busy: disk full or not writable; nothing was saved.
        """
        name = hashlib.sha256(octets).digest()
        if len(octets) > INSIDE:
            self._put_file(name, octets)
        return _made(name, message or Message(octets), bare)

    def spool(self, border: int) -> Spool:
        """Create a spool for an incoming message, of which `border` octets may stay in memory."""
        return Spool(self._root / "spool", border)

    def keep(self, spool: Spool, *, bare: bool = False, message: Message | None = None) -> Prepared:
        """The same as `prepare` for what was spooled: its file becomes the blob, without a copy.

        Raises:
            Busy: disk full or not writable; nothing was saved.
        """
        octets = spool.octets()
        if isinstance(octets, bytes) or len(octets) <= INSIDE:
            prepared = self.prepare(octets[:], bare=bare, message=message if isinstance(octets, bytes) else None)
            spool.discard()
            return prepared
        prepared = _made(spool.name(), message or Message(octets), bare)
        try:
            spool.close()
            if spool.path is None:
                raise Busy("the spool is gone")
            if not _is_there(self.path(prepared.name), len(octets)):
                self._place(spool.path, self.path(prepared.name))
        except OSError as problem:
            raise Busy("the blob store cannot be written") from problem
        finally:
            spool.discard()
        return prepared

    def sweep_spool(self, grace_seconds: int = 86_400) -> None:
        """Remove what a killed process left of messages that never were taken."""
        for path in (self._root / "spool").glob("in-*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - grace_seconds:
                    path.unlink()

    def save(self, tx: Tx, prepared: Prepared, now: int) -> int:
        """Return the id of the blob's row, which is created if these octets are new."""
        found = tx.row("SELECT id, length(structure) FROM blob WHERE name=?", prepared.name)
        if found:
            # A sweep may be about to take an old blob: its clock starts again.
            tx.run("UPDATE blob SET stored_at=? WHERE id=? AND stored_at<?", now, found[0], now - 3600)
            if not found[1] and not prepared.is_bare:
                d = prepared.derived
                tx.run(
                    "UPDATE blob SET envelope=?, body=?, structure=? WHERE id=?",
                    d.envelope,
                    d.body,
                    d.structure,
                    found[0],
                )
                summaries.save_summary(tx, found[0], d.summary)
            return int(found[0])
        known = None if prepared.is_bare else prepared.derived
        blob = tx.insert(
            "INSERT INTO blob (name,size,header,envelope,body,structure,stored_at) VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT (name) DO NOTHING",
            prepared.name,
            prepared.size,
            prepared.message.header.block,
            *((known.envelope, known.body, known.structure) if known else (b"", b"", b"")),
            now,
        )
        if not blob:  # another process has saved the same octets since we looked; we waited for its commit
            return self.save(tx, prepared, now)
        if known:
            summaries.save_summary(tx, blob, known.summary)
        if prepared.size <= INSIDE:
            tx.run("INSERT INTO blob_octets (blob,octets) VALUES (?,?)", blob, prepared.octets)
        elif not _is_there(self.path(prepared.name), prepared.size):
            self._put_file(prepared.name, prepared.octets)  # it was an older one, and a sweep took it a moment ago
        return blob

    def find(self, tx: Tx, name: bytes) -> int | None:
        """Return the row of these octets, by their SHA-256."""
        found = tx.row("SELECT id FROM blob WHERE name=?", name)
        return int(found[0]) if found else None

    def octets(self, tx: Tx, blob: int) -> bytes:
        found = tx.row("SELECT o.octets, b.name FROM blob b LEFT JOIN blob_octets o ON o.blob=b.id WHERE b.id=?", blob)
        if found is None:
            raise Busy(f"blob {blob} has no row")
        if found[0] is not None:
            return bytes(found[0])
        try:
            return self.path(found[1]).read_bytes()
        except OSError as problem:
            raise Busy(f"blob {blob} cannot be read") from problem

    def mapped(self, tx: Tx, blob: int) -> Octets:
        """The same; those of a large blob stay in their file, which is mapped."""
        row = tx.row("SELECT octets FROM blob_octets WHERE blob=?", blob)
        if row is not None:
            return bytes(row[0])
        named = tx.row("SELECT name FROM blob WHERE id=?", blob)
        if named is None:
            raise Busy(f"blob {blob} has no row")
        try:
            with self.path(named[0]).open("rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as problem:
            raise Busy(f"blob {blob} cannot be read") from problem

    def size(self, tx: Tx, blob: int) -> int:
        row = tx.row("SELECT size FROM blob WHERE id=?", blob)
        return int(row[0]) if row else 0

    def header(self, tx: Tx, blob: int) -> bytes:
        found = tx.row("SELECT header FROM blob WHERE id=?", blob)
        return bytes(found[0]) if found else b""

    def path(self, name: bytes) -> Path:
        text = name.hex()
        return self._root / text[:2] / text[2:4] / text

    def files(self) -> Iterator[Path]:
        return self._root.glob("??/??/*")

    def sweep(self, tx: Tx, now: int, grace_seconds: int = 86_400) -> list[bytes]:
        """Remove the rows of blobs that nothing names; give the names, whose files have a day left after the commit."""
        old = tx.rows(
            "SELECT id, name FROM blob b WHERE stored_at<? AND NOT EXISTS (SELECT 1 FROM message m WHERE m.blob=b.id)"
            " AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.blob=b.id)"
            # a report may still return what was forwarded without a copy
            " AND NOT EXISTS (SELECT 1 FROM srs_return r WHERE r.content=b.name AND r.at>?)",
            now - grace_seconds,
            now - RETURN_SECONDS,
        )
        for blob, _ in old:
            tx.run("DELETE FROM blob_octets WHERE blob=?", blob)
            tx.run("DELETE FROM summary WHERE blob=?", blob)
            tx.run("DELETE FROM blob WHERE id=?", blob)
        return [bytes(name) for _, name in old]

    def touch(self, names: list[bytes]) -> None:
        """Files whose rows are deleted begin their last day: a backup may be about to read them."""
        for name in names:
            with contextlib.suppress(OSError):
                os.utime(self.path(name))

    def old_files(self, turn: int, age_seconds: int) -> list[Path]:
        """Files that nobody has written or touched for so long, of a TURNS-th of the folders."""
        before = time.time() - age_seconds
        folders = [
            folder for number, folder in enumerate(sorted(self._root.glob("??"))) if number % TURNS == turn % TURNS
        ]
        return [path for folder in folders for path in folder.glob("??/*") if _mtime(path) < before]

    def orphans(self, tx: Tx, paths: Sequence[Path]) -> list[Path]:
        """Return the files that no row names, and those that a killed process had not written to their end."""

        def is_named(path: Path) -> bool:
            try:
                name = bytes.fromhex(path.name)
            except ValueError:
                return not path.name.startswith(_UNFINISHED)
            return self.find(tx, name) is not None

        return [path for path in paths if not is_named(path)]

    def remove_orphans(self, tx: Tx, paths: Sequence[Path], age_seconds: int) -> int:
        """Remove orphans within the transaction, so that no row comes to name one meanwhile; return their number."""
        before = time.time() - age_seconds
        gone = [path for path in self.orphans(tx, paths) if _mtime(path) < before]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def _put_file(self, name: bytes, octets: Octets) -> None:
        target = self.path(name)
        try:
            if _is_there(target, len(octets)):
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=_UNFINISHED)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(octets)
                    file.flush()
                    os.fsync(file.fileno())
                self._place(Path(temporary), target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as problem:
            raise Busy("the blob store cannot be written") from problem

    def _place(self, file: Path, target: Path) -> None:
        """Give a synced file its name for good; raises OSError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
        _sync_folder(target.parent)
        if target.parent not in self._known:  # somebody, perhaps another process, made it and may not have synced it
            _sync_folder(target.parent.parent)
            _sync_folder(self._root)
            self._known.add(target.parent)


def _made(name: bytes, message: Message, bare: bool) -> Prepared:
    prepared = Prepared(name, message)
    _ = message.root
    if not bare:
        _ = prepared.derived
    forget(message.octets)
    return prepared


def _mtime(path: Path) -> float:
    """Return the time of a file's last change; now, if it was removed."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _is_there(target: Path, size: int) -> bool:
    """Does a whole blob stand there already?  Then a sweep's clock starts again."""
    if not target.exists() or target.stat().st_size != size:
        return False
    os.utime(target)
    return True


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
