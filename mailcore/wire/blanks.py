"""Blanks of a command as its grammar has them: one between words, none beside parentheses or at the end (RFC 9051 section 9).

Some programs write more of them, and other servers overlook it.  Within quotes and literals all stay.
"""

import re

# A quoted string is one piece, also one that never ends.
_PIECE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|\( ++| ++\)| {2,}+', re.DOTALL)


def tidy_blanks(parts: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the parts of a CommandLine without blanks that mean nothing; literals are the odd ones."""
    if not any(map(_has_spare, parts[::2])) and not parts[-1].endswith(b" "):
        return parts
    tidied = [part if at % 2 else _PIECE.sub(_piece, part) for at, part in enumerate(parts)]
    tidied[-1] = tidied[-1].rstrip(b" ")
    return tuple(tidied)


def _has_spare(text: bytes) -> bool:
    return b"  " in text or b"( " in text or b" )" in text


def _piece(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else found[0].strip(b" ") or b" "
