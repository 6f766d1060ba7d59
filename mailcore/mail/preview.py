"""A few words of a message, for lists (RFC 8970).  Nothing is raised, whatever the octets."""

import re

from mailcore.mail import structure, text
from mailcore.mail.octets import Octets

MOST = 200  # characters (RFC 8970 section 3.2 asks for at most 256)
_LOOKED_AT = 65_536  # octets of a part
_HIDDEN = re.compile(r"(?is)<(style|script|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_ENTITY = re.compile(r"&(?:nbsp|#160|#xa0);")
_SPACE = re.compile(r"[\s\u00a0\u200b\u200c\u200d\ufeff\u034f]+")


def preview(octets: Octets) -> str:
    """The beginning of what a reader would see; "" if there is no text."""
    leaves = [part for part in structure.leaves(structure.parse(octets)) if part.type == "text" and not _attached(part)]
    for subtype in ("plain", "html"):
        for part in leaves:
            if part.subtype == subtype and (found := _words(octets, part)):
                return found
    return ""


def _attached(part: structure.Part) -> bool:
    return part.disposition is not None and part.disposition[0] == "attachment"


def _words(octets: Octets, part: structure.Part) -> str:
    written = text.part_text(octets, part, _LOOKED_AT)
    if part.subtype == "html":
        written = _ENTITY.sub(" ", _TAG.sub(" ", _HIDDEN.sub(" ", written)))
        written = written.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    else:  # what is quoted was read before
        own = [line for line in written.splitlines() if not line.startswith(">")]
        written = "\n".join(own)
    shown = "".join(char if char.isprintable() else " " for char in _SPACE.sub(" ", written))
    return shown.strip()[:MOST].strip()
