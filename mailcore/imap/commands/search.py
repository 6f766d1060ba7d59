"""SEARCH and UID SEARCH (RFC 3501 section 6.4.4), with RETURN of ESEARCH (RFC 4731)."""

from functools import partial

from mailcore.domain import MessageInfo
from mailcore.imap.commands.anytime import ok
from mailcore.imap.commands.fetch import by_size, slices
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged
from mailcore.imap.search_keys import CHEAP, WHOLE, Candidate, Key, Scope, all_of, parse_charset, parse_keys
from mailcore.imap.sequence import Ranges, ranges_of, written
from mailcore.store.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem

OPTIONS = (b"MIN", b"MAX", b"ALL", b"COUNT")


async def search(context: Context, read: Reader) -> Tagged:
    """search = "SEARCH" [SP "RETURN" SP "(" options ")"] SP [charset SP] search-key *(SP search-key)"""
    read.space()
    options = _options(read)
    uids = context.here.view.uids
    scope = Scope(uids[-1] if uids else 0, len(uids))
    parse_charset(read, scope)
    key = all_of(parse_keys(read, scope))
    read.end()
    found = await matching(context, key)
    if not context.by_uid:
        found = [seq for uid in found if (seq := context.here.view.seq(uid)) is not None]
    context.wire.write(_answer(context, found, options))
    return ok(context)


async def matching(context: Context, key: Key) -> list[int]:
    """The UIDs of the messages that the client knows of and the key is true of, ascending."""
    uids = context.here.view.uids
    found: list[int] = []
    if uids:
        for part in slices(context, [(uids[0], uids[-1])]):
            found += await _slice(context, part, key)
    return found


def _options(read: Reader) -> set[bytes] | None:
    if not read.take(b"RETURN "):
        return None
    read.expect(b"(", "an opening parenthesis")
    found: set[bytes] = set()
    while not read.take(b")"):
        if found:
            read.space()
        found.add(read.atom().upper())
    read.space()
    if unknown := found - set(OPTIONS):
        raise SyntaxProblem(f"unknown return option {unknown.pop().decode('ascii', 'replace')}")
    return found or {b"ALL"}


async def _slice(context: Context, part: Ranges, key: Key) -> list[int]:
    """UIDs of this portion that match."""
    here, core = context.here, context.core
    seq_of = here.view.seq

    def cheap(tx: Tx) -> tuple[list[int], list[MessageInfo]]:
        infos = core.mail.infos(tx, here.mailbox, part)
        if key.cost > CHEAP:
            return [], infos
        met = ((seq_of(info.uid), info) for info in infos)
        return [info.uid for seq, info in met if seq is not None and key.test(Candidate(seq, info))], []

    found, infos = await core.db.aread(cheap)

    def dear(tx: Tx, ranges: Ranges) -> list[int]:
        numbers: list[int] = []
        for got in core.mail.fetch(tx, here.mailbox, ranges, frozenset({"header"})):
            uid = got.info.uid
            seq = seq_of(uid)
            load = partial(core.mail.octets, tx, here.mailbox, uid)
            if seq is not None and key.test(Candidate(seq, got.info, got.header, load)):
                numbers.append(uid)
        return numbers

    for few in by_size(infos) if key.cost == WHOLE else [infos] if infos else []:
        ranges = ranges_of(info.uid for info in few)
        found += await core.db.aread(partial(dear, ranges=ranges))
    return found


def _answer(context: Context, found: list[int], options: set[bytes] | None) -> bytes:
    if options is None:
        return b"* SEARCH" + b"".join(b" %d" % number for number in found) + b"\r\n"
    told = b'* ESEARCH (TAG "' + context.tag + b'")' + (b" UID" if context.by_uid else b"")
    if found:
        told += b" MIN %d" % found[0] if b"MIN" in options else b""
        told += b" MAX %d" % found[-1] if b"MAX" in options else b""
        told += b" ALL " + written(found) if b"ALL" in options else b""
    told += b" COUNT %d" % len(found) if b"COUNT" in options else b""
    return told + b"\r\n"
