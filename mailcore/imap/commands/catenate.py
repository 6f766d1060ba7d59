"""CATENATE (RFC 4469): a message put together from texts and from parts of messages that are here."""

from mailcore.errors import MailboxNotFound, TooLarge
from mailcore.imap import urls
from mailcore.imap.context import Context, exists_or_none
from mailcore.imap.sections import Source, cut
from mailcore.imap.status import Refused, TryCreate
from mailcore.store.engine.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem

Piece = bytes | urls.Url | urls.BadUrl
MAX_PIECES = 200


def parse(read: Reader) -> tuple[Piece, ...]:
    """ "(" cat-part *(SP cat-part) ")"; cat-part = "TEXT" SP literal / "URL" SP astring"""
    read.expect(b"(", "an opening parenthesis")
    found: list[Piece] = []
    while not read.take(b")"):
        if found:
            read.space()
        if read.take(b"TEXT "):
            read.take(b"~")
            text = read.literal()
            if text is None:
                raise SyntaxProblem("expected a literal")
            found.append(text)
        elif read.take(b"URL "):
            found.append(_url(read.astring()))
        else:
            raise SyntaxProblem("expected TEXT or URL")
        if len(found) > MAX_PIECES:
            raise SyntaxProblem("too many parts")
    if not found:
        raise SyntaxProblem("expected a part")
    return tuple(found)


def _url(octets: bytes) -> urls.Url | urls.BadUrl:
    """One that cannot be read is told of once the mailbox is found to be there: TRYCREATE comes first."""
    try:
        return urls.parse(octets)
    except urls.BadUrl as problem:
        return problem


def _bad(url: str) -> Refused:
    safe = "".join(char if char.isprintable() and char.isascii() and char not in '"\\' else "?" for char in url)
    return Refused("The URL leads nowhere", f'BADURL "{safe[:200]}"')


async def joined(context: Context, pieces: tuple[Piece, ...], target: str) -> bytes:
    """The whole message, for the mailbox `target`.  Raises TryCreate, Refused with BADURL, TooLarge, in this order."""
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        return pieces[0]

    def load(tx: Tx) -> bytes:
        if exists_or_none(context, tx, target) is None:
            raise TryCreate(target)
        found: list[bytes] = []
        room = context.core.config.message_octets
        for piece in pieces:
            found.append(piece if isinstance(piece, bytes) else _part(context, tx, piece))
            room -= len(found[-1])
            if room < 0:
                raise TooLarge
        return b"".join(found)

    return await context.core.db.aread(load)


def _part(context: Context, tx: Tx, url: urls.Url | urls.BadUrl) -> bytes:
    core = context.core
    if isinstance(url, urls.BadUrl):
        raise _bad(str(url))
    try:
        box = context.find(tx, url.mailbox) if url.mailbox else core.mail.get(tx, context.here.mailbox)
    except MailboxNotFound:
        raise _bad(url.text) from None
    octets = core.mail.octets(tx, box.id, url.uid) if url.uidvalidity in (0, box.uidvalidity) else b""
    found = Source(b"", octets).section(url.section) if octets else None
    if found is None:
        raise _bad(url.text)
    return b"".join(cut(found, url.start, None if url.size is None else url.start + url.size))
