"""The message within an S/MIME signature that wraps it: CMS SignedData (RFC 5652 section 5, RFC 8551 section 3.5.2), in BER.

Only the way to the content is walked; nothing is verified.  Whatever the octets are, the answer is the content or None.
"""

_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_SEQUENCE, _SET, _INTEGER, _OBJECT_ID, _EXPLICIT = 0x30, 0x31, 0x02, 0x06, 0xA0
_OCTETS, _OCTETS_IN_PIECES = 0x04, 0x24
_MAX_DEPTH, _MAX_PIECES = 20, 2**20
_END = b"\0\0"


class _Broken(Exception):
    """It is none, or it ends too early."""


def find_signed_content(octets: bytes) -> bytes | None:
    """Return the MIME entity that was signed."""
    try:
        at = _enter(octets, 0, _SEQUENCE)
        if not octets.startswith(_SIGNED_DATA, at):
            return None
        at = _enter(octets, at + len(_SIGNED_DATA), _EXPLICIT)
        at = _enter(octets, at, _SEQUENCE)
        for tag in (_INTEGER, _SET):  # version, algorithms
            _enter(octets, at, tag)
            at = _after(octets, at)
        at = _enter(octets, at, _SEQUENCE)
        _enter(octets, at, _OBJECT_ID)
        at = _enter(octets, _after(octets, at), _EXPLICIT)
        return b"".join(_pieces(octets, at))
    except _Broken:
        return None


def _read(octets: bytes, at: int) -> tuple[int, int, int]:
    """Return tag, where the content begins and where it ends; -1 for an end that is marked by two zeros."""
    if at + 2 > len(octets) or octets[at] & 0x1F == 0x1F:
        raise _Broken
    tag, length, at = octets[at], octets[at + 1], at + 2
    if length == 0x80:
        return tag, at, -1
    if length > 0x80:
        size = length & 0x7F
        if size > 5 or at + size > len(octets):
            raise _Broken
        length, at = int.from_bytes(octets[at : at + size]), at + size
    if at + length > len(octets):
        raise _Broken
    return tag, at, at + length


def _enter(octets: bytes, at: int, wanted: int) -> int:
    """Return where the content of the element at `at` begins."""
    tag, start, _ = _read(octets, at)
    if tag != wanted:
        raise _Broken
    return start


def _after(octets: bytes, at: int, depth: int = 0) -> int:
    """Return where the element at `at` ends."""
    _, start, end = _read(octets, at)
    if end >= 0:
        return end
    if depth == _MAX_DEPTH:
        raise _Broken
    for _ in range(_MAX_PIECES):
        if octets.startswith(_END, start):
            return start + 2
        start = _after(octets, start, depth + 1)
    raise _Broken


def _pieces(octets: bytes, at: int, depth: int = 0) -> list[bytes]:
    """Read an OCTET STRING, which may stand in pieces."""
    tag, start, end = _read(octets, at)
    if tag == _OCTETS and end >= 0:
        return [octets[start:end]]
    if tag != _OCTETS_IN_PIECES or depth == _MAX_DEPTH:
        raise _Broken
    found: list[bytes] = []
    while (start < end if end >= 0 else not octets.startswith(_END, start)) and len(found) < _MAX_PIECES:
        after = _after(octets, start)
        if 0 <= end < after:  # a piece that reaches beyond the whole would be read once more behind it
            raise _Broken
        found += _pieces(octets, start, depth + 1)
        start = after
    return found
