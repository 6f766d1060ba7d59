"""Text as lines, and as one line: what ends a line in mail is CRLF, LF or CR and nothing else.

`str.splitlines` knows eight more ends (VT, FF, FS, GS, RS, NEL, U+2028, U+2029): a stranger who writes one of them would
begin lines in what we write about him.
"""

import re

from mailcore.mail.reading.charsets import to_scalars

_END = re.compile(r"\r\n|\n|\r")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def lines_of(text: str) -> list[str]:
    """Split into lines without their ends; an end at the very end begins no further line."""
    if not text:
        return []
    lines = _END.split(text) if "\r" in text else text.split("\n")
    return lines if lines[-1] else lines[:-1]


def one_line(text: str) -> str:
    """Text for a field or a sentence: what is a control or ends a line for anybody is a space, and it is all scalars."""
    if text.isprintable():  # most are: no controls, no other ends of lines, no surrogates
        return text.strip()
    return to_scalars(_UNWRITABLE.sub(" ", text)).strip()
