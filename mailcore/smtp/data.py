"""The octets after DATA (RFC 5321 section 4.5.2) and BDAT (RFC 3030): found in blocks, never line by line.  No I/O.

Only CRLF "." CRLF ends what follows DATA.  A bare CR or LF refuses the whole message, by DATA or BDAT, because two
servers that disagree on where a message ends let a sender smuggle a second one in.
"""

END = b"\r\n.\r\n"


class DataReader:
    """Reader of a message that comes in blocks: `feed` it until it returns the rest; `take_octets` now and then, and at the end.

    What is held begins with a CRLF that was taken already (at first the command's own), so that a dot may come first;
    after a piece of a line that is longer than what may be held, it does not.
    """

    def __init__(self) -> None:
        self._held = bytearray(b"\r\n")
        self._after_line = True
        self._ended = False
        self.bare = False  # a CR without LF or a LF without CR was seen

    @property
    def held(self) -> int:
        return len(self._held)

    def feed(self, block: bytes) -> bytes | None:
        """Take a block in; return the octets after the end, or None if the end has not come."""
        held = self._held
        searched = max(0, len(held) - len(END) + 1)
        held += block
        end = held.find(END, searched)
        if end < 0:
            return None
        rest = bytes(held[end + len(END) :])
        del held[end + 2 :]
        self._ended = True
        return rest

    def take_octets(self) -> bytes:
        """Return the message's octets that are certain by now, without stuffed dots."""
        held = self._held
        if self._ended:
            ready, self._held = held, bytearray()
        else:
            cut = held.rfind(b"\r\n")
            if cut > 0 or (cut == 0 and len(held) < 8):
                ready = held[: cut + 2] if cut else held[:2]
                del held[:cut]
            else:  # one long line; its last octets may be the beginning of an end
                cut = len(held) - len(END)
                if cut < 3:
                    return b""
                cut -= held[cut - 1] == 13
                ready = held[:cut]
                del held[:cut]
        after_line, self._after_line = self._after_line, held.startswith(b"\r\n")
        octets = bytes(ready)
        if not octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r"):
            self.bare = True
        if after_line:
            return octets.replace(b"\r\n.", b"\r\n")[2:]
        return octets.replace(b"\r\n.", b"\r\n")


class LineEnds:
    """Check over pieces that every CR has its LF and every LF its CR."""

    def __init__(self) -> None:
        self._cr = False
        self.bare = False

    def see(self, octets: bytes) -> None:
        if not octets:
            return
        whole = b"\r" + octets if self._cr else octets
        self._cr = whole.endswith(b"\r")
        if self._cr:
            whole = whole[:-1]
        if not whole.count(b"\n") == whole.count(b"\r\n") == whole.count(b"\r"):
            self.bare = True

    def end(self) -> None:
        self.bare |= self._cr
