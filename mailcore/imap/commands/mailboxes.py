"""LIST, LSUB, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE.

LIST knows the extended form (RFC 5258): selection and return options, several patterns, and
RETURN (STATUS ...) (RFC 5819), SPECIAL-USE (RFC 6154).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.domain import Mailbox
from mailcore.errors import InvalidName
from mailcore.imap import names
from mailcore.imap.commands.anytime import ok
from mailcore.imap.context import Context, mailbox_name
from mailcore.imap.responses import Tagged
from mailcore.store.db import Tx
from mailcore.wire.reader import Reader, SyntaxProblem

MAX_PATTERNS = 32
ITEMS = (b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"SIZE", b"DELETED")


@dataclass(slots=True)
class Wish:
    """What one LIST asks for."""

    patterns: list[str]
    extended: bool = False
    subscribed: bool = False
    special: bool = False
    tell_subscribed: bool = False
    status: tuple[bytes, ...] = ()


def _words(read: Reader) -> list[bytes]:
    """ "(" [atom *(SP atom)] ")" """
    read.expect(b"(", "an opening parenthesis")
    found: list[bytes] = []
    while not read.take(b")"):
        if found:
            read.space()
        found.append(read.atom().upper())
    return found


def _wish(read: Reader) -> Wish:
    """list = "LIST" SP [list-select-opts SP] mailbox SP mbox-or-pat [SP list-return-opts]"""
    wish = Wish([])
    read.space()
    if read.sees(b"("):
        wish.extended = True
        options = _words(read)
        wish.subscribed, wish.special = b"SUBSCRIBED" in options, b"SPECIAL-USE" in options
        if unknown := set(options) - {b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH", b"SPECIAL-USE"}:
            raise SyntaxProblem(f"unknown selection option {unknown.pop().decode('ascii', 'replace')}")
        read.space()
    reference = names.decode(read.astring())
    read.space()
    if read.take(b"("):
        wish.extended = True
        while not read.take(b")"):
            if wish.patterns:
                read.space()
            wish.patterns.append(reference + names.decode(read.pattern()))
    else:
        wish.patterns.append(reference + names.decode(read.pattern()))
    if len(wish.patterns) > MAX_PATTERNS:
        raise SyntaxProblem("too many patterns")
    if read.take(b" RETURN "):
        wish.extended = True
        _return_options(read, wish)
    read.end()
    wish.tell_subscribed = wish.tell_subscribed or wish.subscribed
    return wish


def _return_options(read: Reader, wish: Wish) -> None:
    read.expect(b"(", "an opening parenthesis")
    first = True
    while not read.take(b")"):
        if not first:
            read.space()
        first = False
        option = read.atom().upper()
        if option == b"STATUS":
            read.space()
            wish.status = _items(read)
        elif option == b"SUBSCRIBED":
            wish.tell_subscribed = True
        elif option not in (b"CHILDREN", b"SPECIAL-USE"):
            raise SyntaxProblem(f"unknown return option {option.decode('ascii', 'replace')}")


def _line(command: bytes, attributes: Sequence[str], name: str) -> bytes:
    listed = " ".join(attributes).encode()
    return b'* %s (%s) "/" %s\r\n' % (command, listed, names.quoted(names.encode(name)))


async def listing(context: Context, read: Reader) -> Tagged:
    wish = _wish(read)
    if not wish.extended and wish.patterns == [""]:
        context.wire.write(b'* LIST (\\Noselect) "/" ""\r\n')
        return ok(context)
    core, owner = context.core, context.owner

    def load(tx: Tx) -> list[bytes]:
        boxes = core.mail.mailboxes(tx, owner)
        every = {box.name for box in boxes}
        parents = {name.rpartition("/")[0] for name in every if "/" in name}
        told: list[bytes] = []
        for box in boxes:
            if (wish.subscribed and not box.subscribed) or (wish.special and not box.special_use):
                continue
            if not any(names.matches(pattern, box.name) for pattern in wish.patterns):
                continue
            attributes = ["\\HasChildren" if box.name in parents else "\\HasNoChildren"]
            if box.special_use:
                attributes.append(box.special_use)
            if wish.tell_subscribed and box.subscribed:
                attributes.append("\\Subscribed")
            told.append(_line(b"LIST", attributes, box.name))
            if wish.status:
                told.append(_status(context, tx, box, wish.status))
        if wish.subscribed:
            told += [
                _line(b"LIST", ["\\NonExistent", "\\Subscribed"], name)
                for name in core.mail.subscriptions(tx, owner)
                if name not in every and any(names.matches(pattern, name) for pattern in wish.patterns)
            ]
        return told

    context.say(await core.db.aread(load))
    return ok(context)


async def lsub(context: Context, read: Reader) -> Tagged:
    """A `%` also shows the parents of subscribed names, as \\Noselect (RFC 3501 section 6.3.9)."""
    read.space()
    reference = names.decode(read.astring())
    read.space()
    pattern = reference + names.decode(read.pattern())
    read.end()
    core, owner = context.core, context.owner
    subscribed = await core.db.aread(lambda tx: core.mail.subscriptions(tx, owner))
    found: dict[str, list[str]] = {}
    for name in subscribed:
        if names.matches(pattern, name):
            found[name] = []
        elif pattern.endswith("%"):
            parts = name.split(names.SEPARATOR)
            for depth in range(1, len(parts)):
                parent = names.SEPARATOR.join(parts[:depth])
                if names.matches(pattern, parent):
                    found.setdefault(parent, ["\\Noselect"])
    context.say([_line(b"LSUB", attributes, name) for name, attributes in found.items()])
    return ok(context)


def _items(read: Reader) -> tuple[bytes, ...]:
    items = tuple(_words(read))
    for item in items:
        if item not in ITEMS:
            raise SyntaxProblem(f"unknown status item {item.decode('ascii', 'replace')}")
    return items


def _status(context: Context, tx: Tx, box: Mailbox, items: tuple[bytes, ...]) -> bytes:
    values = {
        b"MESSAGES": box.messages, b"RECENT": 0, b"UIDNEXT": box.uidnext, b"UIDVALIDITY": box.uidvalidity,
        b"UNSEEN": box.unseen, b"SIZE": box.octets,
    }  # fmt: skip
    if b"DELETED" in items:
        infos = context.core.mail.infos(tx, box.id, [(1, 2**32 - 1)])
        values[b"DELETED"] = sum("\\Deleted" in info.flags for info in infos)
    told = b" ".join(b"%s %d" % (item, values[item]) for item in items)
    return b"* STATUS %s (%s)\r\n" % (names.quoted(names.encode(box.name)), told)


async def status(context: Context, read: Reader) -> Tagged:
    """status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")" """
    read.space()
    name = mailbox_name(read)
    read.space()
    items = _items(read)
    read.end()
    told = await context.core.db.aread(lambda tx: _status(context, tx, context.find(tx, name), items))
    context.wire.write(told)
    return ok(context)


async def create(context: Context, read: Reader) -> Tagged:
    """create = "CREATE" SP mailbox [SP "(USE (" use-attr "))"] (RFC 6154 section 3)"""
    read.space()
    name = mailbox_name(read)
    use = ""
    if read.take(b" (USE ("):
        read.expect(b"\\", "a special use")
        use = "\\" + read.atom().decode("ascii", "replace").capitalize()
        read.expect(b"))", "two closing parentheses")
    read.end()
    if use and use not in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"):
        raise InvalidName("that special use is not offered")
    core, owner = context.core, context.owner
    await core.db.awrite(lambda tx: core.mail.create(tx, owner, name, use))
    return ok(context)


async def delete(context: Context, read: Reader) -> Tagged:
    read.space()
    name = mailbox_name(read)
    read.end()
    core, owner = context.core, context.owner

    def work(tx: Tx) -> int:
        gone = context.find(tx, name).id
        core.mail.delete(tx, owner, name)
        return gone

    gone = await core.db.awrite(work)
    if context.selected is not None and context.selected.mailbox == gone:
        context.deselect()
    return ok(context)


async def rename(context: Context, read: Reader) -> Tagged:
    read.space()
    old = mailbox_name(read)
    read.space()
    new = mailbox_name(read)
    read.end()
    core, owner = context.core, context.owner
    await core.db.awrite(lambda tx: core.mail.rename(tx, owner, old, new))
    if context.selected is not None:
        context.selected.dirty = True  # RENAME INBOX moves its messages
    return ok(context)


async def subscribe(context: Context, read: Reader) -> Tagged:
    return await _subscribe(context, read, on=True)


async def unsubscribe(context: Context, read: Reader) -> Tagged:
    return await _subscribe(context, read, on=False)


async def _subscribe(context: Context, read: Reader, *, on: bool) -> Tagged:
    read.space()
    name = mailbox_name(read)
    read.end()
    core, owner = context.core, context.owner
    await core.db.awrite(lambda tx: core.mail.subscribe(tx, owner, name, on))
    return ok(context)


async def namespace(context: Context, read: Reader) -> Tagged:
    """RFC 2342: one personal namespace."""
    read.end()
    context.wire.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return ok(context)
