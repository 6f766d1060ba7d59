"""A zip file that somebody brings: opened if its directory is of a size that we can hold, read as far as it may be mail.

Nothing of it is written to disk under a name of its own.  A zip bomb, of one member or of many that overlap, ends when it has
unpacked to far more than such a file can hold.
"""

import os
import struct
import unicodedata
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from typing import IO

from mailcore.errors import ImportRefused
from mailcore.saying import Saying

MAX_MEMBERS = 300_000  # about 200 MB of memory while it is open
MAX_DIRECTORY = 64 * 2**20  # octets
MAX_TEXT = 4 * 2**20  # octets of a member that is no mail
ALWAYS, RATIO = 2**30, 40  # octets that any file may unpack to, and times its own size beyond; text is seldom above 20
_END, _END_64, _PLACE_64, _MEMBER = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, struct.error,
)  # fmt: skip


class ZipReader:
    """Members by name, in one form of Unicode and without the folder that a person's own zip program put around them."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises ImportRefused."""
        size = _check_directory(file)
        try:
            self._archive = zipfile.ZipFile(file)
            infos = self._archive.infolist()
        except DAMAGED as problem:
            raise ImportRefused(Saying("This zip file was not made by us, or it is damaged.")) from problem
        folder = _common_folder(info.filename for info in infos)
        self._members = {unicodedata.normalize("NFC", info.filename).removeprefix(folder): info for info in infos}
        self._left = ALWAYS + RATIO * size

        self.names = sorted(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def below(self, folder: str) -> list[str]:
        """List the names that begin with `folder`, in order."""
        return self.names[bisect_left(self.names, folder) : bisect_left(self.names, folder + "\U0010ffff")]

    def size(self, name: str) -> int:
        """Return the size that the directory gives; no more is ever read.  Raises KeyError."""
        return self._members[name].file_size

    def text(self, name: str) -> str:
        """Read a member as text.  Raises KeyError, ImportRefused, UnicodeDecodeError."""
        if self.size(name) > MAX_TEXT:
            raise ImportRefused(Saying("%(name)s in the file is too large.", name=name))
        return b"".join(self.read(name, MAX_TEXT)).decode()

    def read(self, name: str, line: int) -> Iterator[bytes]:
        """Read the lines of a member, long ones in pieces of so many octets.  Raises ImportRefused."""
        info = self._members[name]
        if info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):  # others may ask for gigabytes of memory
            raise ImportRefused(
                Saying("This zip file is packed in a way that we do not unpack. Pack it in the usual way (deflate).")
            )
        if info.flag_bits & 1:
            raise ImportRefused(Saying("This zip file has a password. Pack it without one."))
        with self._archive.open(info) as member:
            while piece := member.readline(line):
                self._left -= len(piece)
                if self._left < 0:
                    raise ImportRefused(
                        Saying("This zip file unpacks to far more than it could hold, and reading was stopped.")
                    )
                yield piece


def _check_directory(file: IO[bytes]) -> int:
    """Return the size of the file, after checking the size of its directory before that is read.  Raises ImportRefused."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - 2**16 - 200)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise ImportRefused(Saying("This zip file was not made by us, or it is damaged."))
    ends = start + at
    octets = struct.unpack("<L", tail[at + 12 : at + 16])[0]
    place = tail.rfind(_PLACE_64, 0, at)
    if place >= 0:  # APPNOTE 4.3.14 and 4.3.15: the numbers stand in another record
        before = tail.rfind(_END_64, 0, place)
        if before < 0 or place - before < 56:
            raise ImportRefused(Saying("This zip file was not made by us, or it is damaged."))
        ends, octets = start + before, struct.unpack("<Q", tail[before + 40 : before + 48])[0]
    if octets > MAX_DIRECTORY:
        raise ImportRefused(Saying("This zip file has too many members."))
    file.seek(max(0, ends - octets))
    members = file.read(octets).count(_MEMBER)  # whatever it says of their number
    file.seek(0)
    if members > MAX_MEMBERS:
        raise ImportRefused(Saying("This zip file has too many members."))
    return size


def _common_folder(names: Iterator[str]) -> str:
    """Around everything, when a person unpacked the file and packed it again."""
    for name in names:
        if name.endswith("/alumnimail.json") and name.count("/") == 1 and not name.startswith("__MACOSX/"):
            return unicodedata.normalize("NFC", name.removesuffix("alumnimail.json"))
    return ""
