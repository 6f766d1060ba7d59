"""Types that programs write oddly, as they were meant: for people, who want to read the words.  IMAP tells what is written."""

import re

from mailcore.mail.reading import header

_TOP = frozenset("text multipart message application image audio video font model".split())  # noqa: SIM905
_MULTIPARTS = frozenset("mixed alternative related report signed digest parallel".split())  # noqa: SIM905
_ALIASES = {
    "plain/text": ("text", "plain"),
    "html/text": ("text", "html"),
    "text/htm": ("text", "html"),
    "text/xhtml": ("text", "html"),
    "text/xhtml+xml": ("text", "html"),
}
_WORDS = re.compile(r"[a-z0-9+.-]+")
_LABEL = "content-type"  # which a program wrote twice
MAX_LEAD = 200  # octets


def find_meant(kind: str, subtype: str) -> tuple[str, str]:
    """Return the type that is meant by a valid one, in small letters."""
    return _ALIASES.get(f"{kind}/{subtype}", (kind, subtype))


def guess_meant(value: bytes) -> tuple[str, str] | None:
    """Guess the type that is meant by the value of a Content-Type that is none; None if it says nothing."""
    lead = header.unfold(value[:MAX_LEAD]).partition(b";")[0].decode("latin-1").lower()
    words = [word for word in _WORDS.findall(lead) if word != _LABEL]
    match words:
        case ["html" | "htm" | "xhtml", *_]:
            return "text", "html"
        case ["multipart"]:
            return "multipart", "mixed"
        case [word, *_] if word in _MULTIPARTS:
            return "multipart", word
        case [top, sub, *_] if top in _TOP:
            return find_meant(top, sub)
        case _:
            return None
