"""Puts mail into mailboxes, and reads all of it."""

import io
import zipfile
from datetime import UTC, datetime


def put(core, account, mailbox, octets, flags=(), at=datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC), prefix=b""):
    def write(tx):
        box = next((b for b in core.mail.mailboxes(tx, account.id) if b.name == mailbox), None)
        box = box or core.mail.create(tx, account.id, mailbox)
        core.mail.append(tx, account.id, box.id, core.blobs.prepare(octets), frozenset(flags), at, prefix=prefix)

    core.db.write(write)


def stored_files(blobs):
    """The files of large messages."""
    return sorted(blobs.objects.paths())


def everything(core, account):
    """Mailbox: set of (octets, flags, internal date)."""

    def read(tx):
        return {
            (box.name, box.special_use): sorted(
                (core.mail.octets(tx, box.id, info.uid), sorted(info.flags), info.internal_date)
                for info in core.mail.infos(tx, box.id, [(1, 2**31)])
            )
            for box in core.mail.mailboxes(tx, account.id)
        }

    return core.db.read(read)


def zip_of(**members):
    """A zip file of its members; `__` in a name stands for `/`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in members.items():
            archive.writestr(name.replace("__", "/").replace("_json", ".json"), octets)
    return file
