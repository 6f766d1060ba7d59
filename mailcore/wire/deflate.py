"""A conversation through DEFLATE, both ways (RFC 4978, RFC 1951).  No I/O.

What the peer packed is unpacked in steps that the caller asks for, so that a bomb fills no memory.
"""

import zlib

STEP = 65_536  # octets given at once
_RAW = -zlib.MAX_WBITS  # the peer may look back 32 KiB
_OUR_WINDOW, _OUR_MEMORY, _LEVEL = -12, 5, 3  # 32 KiB of ours a connection; a level more saves little, a window less


class PackedWrongly(ConnectionError):
    """Raised for octets of the peer that are no DEFLATE; the conversation cannot go on."""


class Deflated:
    def __init__(self) -> None:
        self._in = zlib.decompressobj(_RAW)
        self._out = zlib.compressobj(_LEVEL, zlib.DEFLATED, _OUR_WINDOW, _OUR_MEMORY)
        self._packed = bytearray()

    def feed(self, octets: bytes) -> None:
        self._packed += octets

    @property
    def waiting(self) -> int:
        """Count the packed octets that wait."""
        return len(self._packed)

    def unpack(self) -> bytes:
        """Return at most STEP octets; b"" if more is needed from the peer.

        Raises:
            PackedWrongly: the stream is broken or at its end.
        """
        if not self._packed or self._in.eof:
            if self._in.eof:
                raise PackedWrongly
            return b""
        try:
            octets = self._in.decompress(bytes(self._packed), STEP)
        except zlib.error:
            raise PackedWrongly from None
        self._packed[:] = self._in.unconsumed_tail
        return octets

    def pack(self, octets: bytes) -> bytes:
        """Pack octets, complete enough for the peer to read them all now."""
        return self._out.compress(octets) + self._out.flush(zlib.Z_SYNC_FLUSH)
