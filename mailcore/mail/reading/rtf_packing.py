"""RTF as Outlook packs it (MS-OXRTFCP): a window of 4096 octets that begins with the commonest words of RTF.

Each octet of flags says of the next eight pieces if they are octets or places in the window.  What it becomes is bounded.
"""

import struct

_HEAD = struct.Struct("<LLLL")
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
_SIZE = 4096
_BEGIN = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans Serif"
    b"SymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpacked_rtf(octets: bytes, most: int) -> bytes:
    """Unpack a text; b"" for octets of another kind.  One that breaks ends there.

    Args:
        most: octets of the whole.
    """
    if len(octets) < _HEAD.size:
        return b""
    _, size, kind, _ = _HEAD.unpack_from(octets)
    size = min(size, most)
    if kind == _PLAIN:
        return octets[_HEAD.size : _HEAD.size + size]
    return _unpack(octets, size) if kind == _PACKED else b""


def _unpack(octets: bytes, size: int) -> bytes:
    window = bytearray(_BEGIN.ljust(_SIZE, b"\0"))
    place, at, out = len(_BEGIN), _HEAD.size, bytearray()
    while at < len(octets) and len(out) < size:
        flags, at = octets[at], at + 1
        for bit in range(8):
            if at >= len(octets) or len(out) >= size:
                break
            if not flags >> bit & 1:
                piece, at = octets[at : at + 1], at + 1
                window[place] = piece[0]
                place = (place + 1) % _SIZE
                out += piece
                continue
            if at + 2 > len(octets):
                return bytes(out)
            token, at = octets[at] << 8 | octets[at + 1], at + 2
            start, length = token >> 4, (token & 15) + 2
            if start == place:  # the end
                return bytes(out)
            for step in range(length):
                octet = window[(start + step) % _SIZE]
                window[place] = octet
                place = (place + 1) % _SIZE
                out.append(octet)
    return bytes(out[:size])
