"""A few words of a message, for lists (RFC 8970).  Nothing is raised, whatever the octets."""

import re

from mailcore.mail.reading import structure
from mailcore.mail.reading.lines import lines_of
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body
from mailcore.mail.showing.html_text import from_html
from mailcore.mail.showing.wrapped import unwrap

MOST = 200  # characters (RFC 8970 section 3.2 asks for at most 256)
_LOOKED_AT = 65_536  # octets of a part
_UNWRAPPED = 2**20  # octets of a message that S/MIME wrapped: a list has many lines
_HTML_READ = 4000  # characters of its words
_SPACE = re.compile(r"[\s\u00a0\u200b\u200c\u200d\ufeff\u034f]+")


def preview(octets: Octets) -> str:
    """Return the beginning of what a reader would see; "" if there is no text."""
    opened = unwrap(octets, structure.parse(octets), _UNWRAPPED)
    for part in body.read(opened.octets, opened.root).written:
        if found := _words(opened.octets, part):
            return found
    return ""


def _words(octets: Octets, part: Part) -> str:
    written = body.part_text(octets, part, _LOOKED_AT)
    if part.subtype == "html":
        written = from_html(written, _HTML_READ, bare=True)
    else:  # what is quoted was read before
        own = [line for line in lines_of(written) if not line.startswith(">")]
        written = body.shown_text(part, "\n".join(own))
    shown = "".join(char if char.isprintable() else " " for char in _SPACE.sub(" ", written))
    return shown.strip()[:MOST].strip()
