"""GETMETADATA and SETMETADATA (RFC 5464).

Everything here is one person's own: of /shared only the name of a script is written (RFC 6785).

`/private/specialuse` is the mailbox's special use (RFC 6154 section 5.4), and can be set.
"""

import re

from mailcore.domain import SPECIAL_USES, Mailbox
from mailcore.imap import names
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged, quoted_or_literal
from mailcore.imap.status import Refused
from mailcore.services.delivery import imapsieve
from mailcore.store.engine.db import Tx
from mailcore.store.mail import annotations, mailbox_facts
from mailcore.wire.reader import Reader, SyntaxProblem

MAX_VALUE, MAX_ENTRIES, MAX_TOTAL = 16_384, 500, 2**20  # octets; of one account
MAX_ASKED = 100  # entries in one question, which LIST answers for each mailbox
_ENTRY = re.compile(r"/(?:private|shared)(?:/[a-z0-9._\-+!#$&'=@^`|~ ]+)*")
SPECIAL = "/private/specialuse"


def _entry(read: Reader) -> str:
    """entry = astring: begins with /private/ or /shared/, any case, no wildcards"""
    name = read.astring().decode("utf-8", "replace").lower()
    if len(name) > 256 or not _ENTRY.fullmatch(name) or "//" in name or name.endswith("/"):
        raise SyntaxProblem("that is no name of an entry")
    return name


def parse_entries(read: Reader) -> tuple[str, ...]:
    """entries = entry / "(" entry *(SP entry) ")" """
    if not read.take_word(b"("):
        return (_entry(read),)
    found = [_entry(read)]
    while read.take_word(b" "):
        found.append(_entry(read))
        if len(found) > MAX_ASKED:
            raise SyntaxProblem("too many entries")
    read.expect(b")", "a closing parenthesis")
    return tuple(found)


def _values(context: Context, tx: Tx, box: Mailbox | None) -> dict[str, bytes]:
    found = annotations.list_entries(tx, context.owner, box.id if box else 0)
    if box and box.special_use:
        found[SPECIAL] = box.special_use.encode()
    if box is None:
        found["/shared/admin"] = f"mailto:postmaster@{context.core.config.domain}".encode()
    return found


def _line(context: Context, box: Mailbox | None, pairs: list[tuple[str, bytes | None]]) -> bytes:
    told = b" ".join(
        entry.encode() + b" " + (b"NIL" if value is None else quoted_or_literal(value)) for entry, value in pairs
    )
    return b"* METADATA " + names.quoted(context.encode(box.name if box else "")) + b" (" + told + b")\r\n"


def annotations_line(context: Context, tx: Tx, box: Mailbox, entries: tuple[str, ...]) -> bytes:
    """Write the METADATA response of a mailbox for LIST RETURN (METADATA ...) (RFC 9590)."""
    values = _values(context, tx, box)
    return _line(context, box, [(entry, values.get(entry)) for entry in entries])


async def getmetadata(context: Context, read: Reader) -> Tagged:
    """getmetadata = "GETMETADATA" [SP "(" "MAXSIZE" SP n / "DEPTH" SP (0/1/infinity) ")"] SP mailbox SP entries"""
    read.space()
    largest, depth = 2**32, "0"
    if read.take_word(b"("):
        while not read.take_word(b")"):
            word = read.atom().upper()
            read.space()
            if word == b"MAXSIZE":
                largest = read.number()
            elif word == b"DEPTH":
                depth = read.atom().lower().decode()
            else:
                raise SyntaxProblem("unknown option of GETMETADATA")
            read.take_word(b" ")
        read.space()
    name = names.decode(read.astring(), utf8=read.utf8)
    read.space()
    wanted = parse_entries(read)
    read.end()
    if depth not in ("0", "1", "infinity"):
        raise SyntaxProblem("DEPTH is 0, 1 or infinity")

    def load(tx: Tx) -> tuple[Mailbox | None, dict[str, bytes]]:
        box = context.find_mailbox(tx, name) if name else None
        return box, _values(context, tx, box)

    box, values = await context.core.db.aread(load)
    found = {entry: value for entry, value in values.items() if any(_covers(one, entry, depth) for one in wanted)}
    pairs: list[tuple[str, bytes | None]] = [(e, v) for e, v in sorted(found.items()) if len(v) <= largest]
    if depth == "0":
        pairs += [(entry, None) for entry in wanted if entry not in found]
    if pairs:
        context.wire.write(_line(context, box, pairs))
    longest = max((len(value) for value in found.values()), default=0)
    return context.ok("Done", f"METADATA LONGENTRIES {longest}" if longest > largest else "")


def _covers(asked: str, entry: str, depth: str) -> bool:
    if entry == asked:
        return True
    rest = entry.removeprefix(asked + "/")
    return rest != entry and (depth == "infinity" or (depth == "1" and "/" not in rest))


async def setmetadata(context: Context, read: Reader) -> Tagged:
    """setmetadata = "SETMETADATA" SP mailbox SP "(" entry SP value *(SP entry SP value) ")"; all of it or nothing"""
    read.space()
    name = names.decode(read.astring(), utf8=read.utf8)
    read.space()
    read.expect(b"(", "an opening parenthesis")
    wanted: list[tuple[str, bytes | None]] = []
    while not read.take_word(b")"):
        if wanted:
            read.space()
        entry = _entry(read)
        if entry.count("/") < 2:
            raise SyntaxProblem("that is no name of an entry")
        read.space()
        wanted.append((entry, None if read.take_word(b"NIL") else _value(read)))
    read.end()

    def work(tx: Tx) -> None:
        box = context.find_mailbox(tx, name) if name else None
        for entry, value in wanted:
            _put(context, tx, box, entry, value)
        count, octets = annotations.measure_entries(tx, context.owner)
        if count > MAX_ENTRIES:
            raise Refused("Too many annotations", "METADATA TOOMANY")
        if octets > MAX_TOTAL:
            raise Refused("The annotations are too large", "OVERQUOTA")

    await context.core.db.awrite(work)
    return context.ok()


def _value(read: Reader) -> bytes:
    read.take_word(b"~")  # literal8 (RFC 3516)
    value = read.string()
    if len(value) > MAX_VALUE:
        raise Refused("The value is too large", f"METADATA MAXSIZE {MAX_VALUE}")
    return value


def _put(context: Context, tx: Tx, box: Mailbox | None, entry: str, value: bytes | None) -> None:
    if entry.startswith("/shared/") and entry != imapsieve.ENTRY:
        raise Refused("Only /private can be set", "NOPERM")
    if entry == SPECIAL and box:
        use = (value or b"").decode("ascii", "replace").strip()
        known = next((one for one in SPECIAL_USES if one.lower() == use.lower()), "")
        if box.name == "INBOX" or (use and not known):
            raise Refused("That special use is not offered", "USEATTR")
        mailbox_facts.set_special_use(tx, context.owner, box.id, known)
        return
    annotations.save_entry(tx, context.owner, box.id if box else 0, entry, value)
