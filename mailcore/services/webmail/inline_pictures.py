"""Pictures that came along with HTML, found by what it calls them: Content-ID (RFC 2392), Content-Location (RFC 2557), name.

Whatever their type, their disposition and where in the message they stand (RFC 2387 says related; programs say otherwise):
what is a picture by its own octets may be put in.
"""

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote

from mailcore.mail.reading import header, text
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body, files, pictures

MAX_PICTURE = 4 * 2**20  # encoded octets of one
MAX_PAGE = 6 * 2**20  # characters that all of them add to one page: a picture may stand in it many times
_BRACKETED = re.compile(r"<([^<>]*)>")
_PLACE = re.compile(r"(?i)(?:cid|mid):(.*)", re.DOTALL)


class InlinePictures:
    """Looked up by the address that HTML has for them; decoded when asked for, within MAX_PAGE."""

    def __init__(self, octets: Octets, root: Part) -> None:
        self._octets = octets
        self._parts: dict[str, Part] = {}
        self._made: dict[int, str | None] = {}
        self._room = MAX_PAGE
        for names in (_identifiers, _places):  # an identifier goes before a name
            for leaf in body.leaves(root):
                if leaf.type != "message" and leaf.subtype != "html" and leaf.size <= MAX_PICTURE:
                    for name in names(leaf):
                        self._parts.setdefault(name, leaf)

    def get(self, address: str) -> str | None:
        """A data: address for `cid:...`, or for another address that a picture came with."""
        if not self._parts:
            return None
        address = "".join(address.split())
        found = _PLACE.fullmatch(address)
        wanted = found[1].rpartition("/")[2] if found and address[:1] in "mM" else found[1] if found else address
        part = self._parts.get(_key(wanted)) or self._parts.get(_key(unquote(wanted)))
        if part is None:
            return None
        if part.header_start not in self._made:
            self._made[part.header_start] = self._as_data(part)
        made = self._made[part.header_start]
        if made is None or len(made) > self._room:
            return None
        self._room -= len(made)
        return made

    def _as_data(self, part: Part) -> str | None:
        octets = text.transfer_decoded(self._octets, part)
        kind = pictures.kind_of(octets)
        return f"data:{kind};base64,{base64.b64encode(octets).decode('ascii')}" if kind else None


def _identifiers(leaf: Part) -> Iterator[str]:
    if leaf.id and (found := header.decode(leaf.id).strip()):
        bracketed = _BRACKETED.search(found)
        name = _key(bracketed[1] if bracketed else found.strip("<>"))
        yield name
        yield _key(unquote(name))


def _places(leaf: Part) -> Iterator[str]:
    if leaf.location and (found := "".join(header.decode(leaf.location).split()).strip('<>"')):
        yield _key(found)
    if body.is_named(leaf):  # some programs write the file's name behind cid:
        yield _key(files.name_of(leaf))


def _key(name: str) -> str:
    return "".join(name.split()).casefold()
