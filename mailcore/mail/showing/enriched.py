"""text/enriched (RFC 1896) and its elder text/richtext (RFC 1341) as plain text: commands gone, lines as they are meant."""

import re

_PIECE = re.compile(r"<<|<(/?)([A-Za-z0-9-]{1,60})>")
# of text/richtext, where ends of lines say nothing and "<" is a command (RFC 1341 section 7.1.3)
_ALONE = {"nl": "\n", "paragraph": "\n\n", "lt": "<"}
_UNSEEN = ("param", "comment")


def from_enriched(written: str, *, richtext: bool = False) -> str:
    """Return the words.  Linear in the characters, and any text has some.

    Args:
        written: lines that end with LF.
    """
    if not richtext:
        # of several ends of lines one is none, and one alone is a blank (RFC 1896 section 3)
        written = re.sub(r"\n+", lambda ends: "\n" * (len(ends[0]) - 1) or " ", written)
    out, at, hidden = list[str](), 0, ""
    for piece in _PIECE.finditer(written):
        name = (piece[2] or "").lower()
        if not hidden:
            text = written[at : piece.start()]
            out.append(" ".join(text.split("\n")) if richtext else text)
            out.append("<" if piece[0] == "<<" else _ALONE.get(name, "") if richtext and not piece[1] else "")
            hidden = name if name in _UNSEEN and not piece[1] else ""
        elif name == hidden and piece[1]:
            hidden = ""
        at = piece.end()
    return "".join((*out, "" if hidden else written[at:])).strip(" ")
