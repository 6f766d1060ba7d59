"""The octets after DATA (RFC 5321 section 4.5.2): found in blocks, never line by line.  No I/O.

Only CRLF "." CRLF ends a message.  A bare CR or LF refuses the whole of it, because two servers that disagree on
where a message ends let a sender smuggle a second one in.
"""

from mailcore.errors import TooLarge

END = b"\r\n.\r\n"


class BareLineEnd(Exception):
    """A CR without LF or a LF without CR."""


class DataReader:
    """Feed blocks until `feed` gives the rest back, then take `octets`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._too_large = False
        self._held = bytearray(b"\r\n")  # the command's own line end: a dot may come first

    def feed(self, block: bytes) -> bytes | None:
        """What came after the end, or None when the end has not come.

        A message above the limit is read to its end all the same, so that we stay in step, but not kept.
        """
        held = self._held
        searched = max(0, len(held) - len(END) + 1)
        held += block
        end = held.find(END, searched)
        if end >= 0:
            rest = bytes(held[end + len(END) :])
            del held[end + 2 :]
            return rest
        if len(held) > 2 * self._limit + 65536:  # stuffed dots may double it
            self._too_large = True
            del held[: -len(END) + 1]
        return None

    def octets(self) -> bytes:
        """The message without stuffed dots; raises TooLarge, BareLineEnd."""
        if self._too_large:
            raise TooLarge("while reading")
        octets = bytes(self._held)
        self._held = bytearray()
        if not octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r"):
            raise BareLineEnd
        octets = octets.replace(b"\r\n.", b"\r\n")[2:]
        if len(octets) > self._limit:
            raise TooLarge("while reading")
        return octets
