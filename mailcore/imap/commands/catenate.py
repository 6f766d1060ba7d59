"""CATENATE (RFC 4469): a message put together from texts and from parts of messages that are here."""

from mailcore.core import Core
from mailcore.domain import MailboxId
from mailcore.errors import MailboxNotFound, TooLarge
from mailcore.imap import urls
from mailcore.imap.context import Context, find_mailbox_or_none
from mailcore.imap.sections import Source, cut
from mailcore.imap.status import Refused, TryCreate
from mailcore.store.engine.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem

Piece = bytes | urls.Url | urls.BadUrl
MAX_PIECES = 200
MOST_READ = 10  # times the largest message: what the URLs of one command may have read


class Sources:
    """Messages that the URLs of one command lead to.

    The last one is kept: a client takes one message apart, and puts it together anew.
    """

    def __init__(self, core: Core) -> None:
        self._core, self._room = core, MOST_READ * core.config.message_octets
        self._last: tuple[MailboxId, int] | None = None
        self._source: Source | None = None

    def find(self, tx: Tx, mailbox: MailboxId, uid: int) -> Source | None:
        """Read a message, or return None if it is not there.  Raises TooLarge."""
        if self._last != (mailbox, uid):
            octets = self._core.mail.octets(tx, mailbox, uid)
            self._room -= len(octets)
            if self._room < 0:
                raise TooLarge
            self._last, self._source = (mailbox, uid), Source(b"", octets) if octets else None
        return self._source


def parse(read: Reader) -> tuple[Piece, ...]:
    """ "(" cat-part *(SP cat-part) ")"; cat-part = "TEXT" SP literal / "URL" SP astring"""
    read.expect(b"(", "an opening parenthesis")
    pieces: list[Piece] = []
    while not read.take_word(b")"):
        if pieces:
            read.space()
        if read.take_word(b"TEXT "):
            read.take_word(b"~")
            text = read.literal()
            if text is None:
                raise SyntaxProblem("expected a literal")
            pieces.append(text)
        elif read.take_word(b"URL "):
            pieces.append(_url(read.astring()))
        else:
            raise SyntaxProblem("expected TEXT or URL")
        if len(pieces) > MAX_PIECES:
            raise SyntaxProblem("too many parts")
    if not pieces:
        raise SyntaxProblem("expected a part")
    return tuple(pieces)


def _url(octets: bytes) -> urls.Url | urls.BadUrl:
    """Read a URL; a bad one is refused later, as TRYCREATE comes first."""
    try:
        return urls.parse(octets)
    except urls.BadUrl as problem:
        return problem


def _bad_url(url: str) -> Refused:
    safe = "".join(char if char.isprintable() and char.isascii() and char not in '"\\' else "?" for char in url)
    return Refused("The URL leads nowhere", f'BADURL "{safe[:200]}"')


async def assemble(context: Context, pieces: tuple[Piece, ...], target: str, sources: Sources) -> bytes:
    """Put the message together, for the mailbox `target`.  Raises TryCreate, Refused with BADURL, TooLarge, in this order."""
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        return pieces[0]

    def load(tx: Tx) -> bytes:
        if find_mailbox_or_none(context, tx, target) is None:
            raise TryCreate(target)
        texts: list[bytes] = []
        room = context.core.config.message_octets
        for piece in pieces:
            texts.append(piece if isinstance(piece, bytes) else _read_part(context, tx, piece, sources))
            room -= len(texts[-1])
            if room < 0:
                raise TooLarge
        return b"".join(texts)

    return await context.core.db.aread(load)


def _read_part(context: Context, tx: Tx, url: urls.Url | urls.BadUrl, sources: Sources) -> bytes:
    core = context.core
    if isinstance(url, urls.BadUrl):
        raise _bad_url(str(url))
    try:
        box = context.find_mailbox(tx, url.mailbox) if url.mailbox else core.mail.get(tx, context.here.mailbox)
    except MailboxNotFound:
        raise _bad_url(url.text) from None
    source = sources.find(tx, box.id, url.uid) if url.uidvalidity in (0, box.uidvalidity) else None
    section = source.section(url.section) if source is not None else None
    if section is None:
        raise _bad_url(url.text)
    return b"".join(cut(section, url.start, None if url.size is None else url.start + url.size))
