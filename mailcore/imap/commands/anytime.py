"""CAPABILITY, NOOP, CHECK, LOGOUT, ID (RFC 2971), ENABLE (RFC 5161), COMPRESS (RFC 4978)."""

from mailcore.imap.capabilities import list_capabilities
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged, untagged
from mailcore.imap.status import Refused
from mailcore.wire.reader import Reader, SyntaxProblem

# What ENABLE knows, and what each switches on.
ENABLE = {
    "CONDSTORE": ("CONDSTORE",),
    "QRESYNC": ("QRESYNC", "CONDSTORE"),
    "IMAP4REV2": ("IMAP4REV2",),
    "UTF8=ACCEPT": ("UTF8=ACCEPT",),
    "UIDONLY": ("UIDONLY",),
}
SPELLING = {"IMAP4REV2": "IMAP4rev2"}


async def capability(context: Context, read: Reader) -> Tagged:
    read.end()
    context.wire.write(untagged(b"CAPABILITY " + list_capabilities(context)))
    return context.ok()


async def noop(context: Context, read: Reader) -> Tagged:
    """Do nothing: the session sends what is new after every command."""
    read.end()
    return context.ok()


async def logout(context: Context, read: Reader) -> Tagged:
    read.end()
    context.closing = True
    context.wire.write(b"* BYE See you\r\n")
    return context.ok()


async def identify(context: Context, _arguments: Reader) -> Tagged:
    """Answer ID (RFC 2971) with the server's name; what the client says of itself is not saved."""
    context.wire.write(b'* ID ("name" "Alumnimail")\r\n')
    return context.ok()


async def enable(context: Context, read: Reader) -> Tagged:
    """enable = "ENABLE" 1*(SP capability); unknown names are passed over (RFC 5161)"""
    wanted: list[str] = []
    while read.take_word(b" "):
        wanted.append(read.atom().upper().decode("ascii", "replace"))
    read.end()
    if not wanted:
        raise SyntaxProblem("expected what to enable")
    fresh = [name for name in dict.fromkeys(wanted) if name in ENABLE and name not in context.enabled]
    if context.selected is not None and "UTF8=ACCEPT" in fresh:
        raise SyntaxProblem("UTF8=ACCEPT is enabled before a mailbox is selected")  # RFC 9755 section 3
    switched = {one for name in fresh for one in ENABLE[name]}
    if "CONDSTORE" in switched:
        context.use_modseqs()
    context.enabled |= switched
    if context.selected is not None and not context.knows_recent:
        context.selected.recent, context.selected.to_claim, context.selected.recent_sent = (), 0, 0
    context.wire.write(b"* ENABLED" + "".join(f" {SPELLING.get(name, name)}" for name in fresh).encode() + b"\r\n")
    return context.ok()


async def compress(context: Context, read: Reader) -> None:
    """compress = "COMPRESS" SP algorithm (RFC 4978)"""
    read.space()
    algorithm = read.atom().upper()
    read.end()
    if algorithm != b"DEFLATE":
        raise Refused("That is not offered", "CANNOT")
    if context.compressed:
        raise Refused("DEFLATE is active already", "COMPRESSIONACTIVE")
    context.wire.write(context.ok("DEFLATE from here").serialize())
    context.wire.start_deflate()
    context.compressed = True
