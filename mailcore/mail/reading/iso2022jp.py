"""Japanese mail (ISO-2022-JP, RFC 1468, RFC 1554, RFC 2237) as programs write it.

Python's codecs know neither the rows that NEC and IBM added and everybody uses (a circled 1, Roman numerals, names with a
ladder-like 高), nor half-width katakana after ESC ( I.  Here the characters of JIS X 0208 go through cp932, which holds
all of them: the three encodings differ by arithmetic alone.
"""

import re

_ESCAPE = re.compile(rb"\x1b(?:\([BJIH]|\$\(?[@ABCD]|\$[@AB]|\.[AF])")
# what follows an escape, by its octets
_ONE, _KANA, _TWO, _JIS0212, _GB, _KS = "one", "kana", "two", "jis0212", "gb", "ks"
_SETS = {
    b"\x1b(B": _ONE, b"\x1b(J": _ONE, b"\x1b(H": _ONE, b"\x1b(I": _KANA, b"\x1b$@": _TWO, b"\x1b$B": _TWO,
    b"\x1b$(@": _TWO, b"\x1b$(B": _TWO, b"\x1b$(D": _JIS0212, b"\x1b$A": _GB, b"\x1b$(A": _GB, b"\x1b$(C": _KS,
}  # fmt: skip


def decode(octets: bytes, errors: str = "strict") -> str:
    """Decode any of these sets.  Raises UnicodeDecodeError where an octet is in none, unless `errors` is "replace"."""
    found: list[str] = []
    kind, at = _ONE, 0
    for escape in _ESCAPE.finditer(octets):
        found.append(_in_set(octets[at : escape.start()], kind, errors))
        kind, at = _SETS.get(escape[0], kind), escape.end()
    found.append(_in_set(octets[at:], kind, errors))
    return "".join(found)


def _in_set(octets: bytes, kind: str, errors: str) -> str:
    if not octets:
        return ""
    if kind == _ONE:
        if b"\x0e" in octets:  # katakana between SO and SI
            first, _, rest = octets.partition(b"\x0e")
            kana, _, rest = rest.partition(b"\x0f")
            return _in_set(first, _ONE, errors) + _in_set(kana, _KANA, errors) + _in_set(rest, _ONE, errors)
        return octets.decode("cp932", errors)  # half-width katakana as 8-bit, as some programs send them
    if kind == _KANA:
        return bytes(octet | 0x80 if 0x21 <= octet <= 0x5F else octet for octet in octets).decode("cp932", errors)
    out: list[str] = []
    # a line end between two octets, or before the escape back, ends the set for that line only
    for piece in re.split(rb"([\x00-\x20]+)", octets):
        out.append(piece.decode("ascii") if piece[:1] <= b"\x20" else _pairs(piece, kind, errors))
    return "".join(out)


def _pairs(octets: bytes, kind: str, errors: str) -> str:
    odd = "\ufffd" if len(octets) % 2 else ""
    octets = octets[: len(octets) // 2 * 2]
    if kind == _TWO:
        return _shifted(octets).decode("cp932", errors) + odd
    high = bytes(octet | 0x80 for octet in octets)
    if kind == _JIS0212:
        high = b"".join(b"\x8f" + high[at : at + 2] for at in range(0, len(high), 2))
        return high.decode("euc_jp", errors) + odd
    return high.decode("gb18030" if kind == _GB else "cp949", errors) + odd


def _shifted(octets: bytes) -> bytes:
    """Pairs of JIS X 0208 as Shift_JIS writes them."""
    found = bytearray()
    for at in range(0, len(octets), 2):
        first, second = octets[at] & 0x7F, octets[at + 1] & 0x7F
        row = first - 0x21
        found.append((row >> 1) + (0x81 if row < 0x3E else 0xC1))
        if row & 1:
            found.append(second + 0x7E)
        else:
            found.append(second + (0x1F if second < 0x60 else 0x20))
    return bytes(found)


_EUC = re.compile(rb"[\x00-\x7f]+|(?:[\xa1-\xfe][\xa1-\xfe])+|(?:\x8e[\xa1-\xdf])+|(?:\x8f[\xa1-\xfe]{2})+")


def decode_euc(octets: bytes) -> str:
    """EUC-JP with the same additions.  Raises UnicodeDecodeError."""
    found: list[str] = []
    at = 0
    for run in _EUC.finditer(octets):
        if run.start() != at:
            break
        at = run.end()
        piece = run[0]
        if piece[0] < 0x80:
            found.append(piece.decode("ascii"))
        elif piece[0] == 0x8E:
            found.append(piece.replace(b"\x8e", b"").decode("cp932"))
        elif piece[0] == 0x8F:
            found.append(piece.decode("euc_jp"))
        else:
            found.append(_shifted(piece).decode("cp932"))
    if at != len(octets):
        raise UnicodeDecodeError("euc_jp", octets, at, at + 1, "invalid sequence")
    return "".join(found)
