"""CAPABILITY, NOOP, CHECK, LOGOUT, ID (RFC 2971), ENABLE (RFC 5161), COMPRESS (RFC 4978)."""

from mailcore.imap.context import MESSAGE_LIMIT, Context
from mailcore.imap.responses import Tagged, untagged
from mailcore.imap.status import Refused
from mailcore.services.signin import sasl_login
from mailcore.wire.reader import Reader, SyntaxProblem

BASE = (  # each a row of docs/standards.md
    b"IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE "
    b"SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE QUOTA QUOTA=RES-STORAGE ESEARCH SEARCHRES "
    b"BINARY MULTIAPPEND CATENATE REPLACE UTF8=ACCEPT OBJECTID SAVEDATE PREVIEW WITHIN SEARCH=FUZZY "
    b"CONDSTORE QRESYNC ESORT CONTEXT=SEARCH MULTISEARCH NOTIFY INPROGRESS PARTIAL UIDONLY METADATA LIST-METADATA "
    b"SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES"
)

# What ENABLE knows, and what each switches on.
ENABLE = {
    "CONDSTORE": ("CONDSTORE",),
    "QRESYNC": ("QRESYNC", "CONDSTORE"),
    "IMAP4REV2": ("IMAP4REV2",),
    "UTF8=ACCEPT": ("UTF8=ACCEPT",),
    "UIDONLY": ("UIDONLY",),
}
SPELLING = {"IMAP4REV2": "IMAP4rev2"}


def may_log_in(context: Context) -> bool:
    wire = context.wire
    return wire.secure or context.core.config.plaintext_allowed(wire.peer)


def capabilities(context: Context) -> bytes:
    config = context.core.config
    base = BASE + b" APPENDLIMIT=%d MESSAGELIMIT=%d" % (config.message_octets, MESSAGE_LIMIT)
    base += b" IMAPSIEVE=sieve://%s" % config.host.encode()  # RFC 6785 section 3.1
    if context.account is not None:
        return base if context.compressed else base + b" COMPRESS=DEFLATE"
    starttls = b"" if context.wire.secure else b" STARTTLS"
    if not may_log_in(context):
        return base + starttls + b" LOGINDISABLED"
    mechanisms = sasl_login.offered(context.core, secure=context.wire.secure, channel=context.wire.channel)
    return base + starttls + "".join(f" AUTH={name}" for name in mechanisms).encode()


def ok(context: Context, text: str = "Done", code: str = "") -> Tagged:
    return Tagged(context.tag, "OK", text, code)


async def capability(context: Context, read: Reader) -> Tagged:
    read.end()
    context.wire.write(untagged(b"CAPABILITY " + capabilities(context)))
    return ok(context)


async def noop(context: Context, read: Reader) -> Tagged:
    """The session tells what is new after every command."""
    read.end()
    return ok(context)


async def logout(context: Context, read: Reader) -> Tagged:
    read.end()
    context.closing = True
    context.wire.write(b"* BYE See you\r\n")
    return ok(context)


async def identify(context: Context, read: Reader) -> Tagged:
    """Answer ID (RFC 2971) with the server's name; what the client says of itself is not saved."""
    context.wire.write(b'* ID ("name" "Alumnimail")\r\n')
    return ok(context)


async def enable(context: Context, read: Reader) -> Tagged:
    """enable = "ENABLE" 1*(SP capability); unknown names are passed over (RFC 5161)"""
    wanted: list[str] = []
    while read.take(b" "):
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
        context.selected.recent, context.selected.to_claim, context.selected.recent_told = (), 0, 0
    context.wire.write(b"* ENABLED" + "".join(f" {SPELLING.get(name, name)}" for name in fresh).encode() + b"\r\n")
    return ok(context)


async def compress(context: Context, read: Reader) -> None:
    """compress = "COMPRESS" SP algorithm (RFC 4978)"""
    read.space()
    algorithm = read.atom().upper()
    read.end()
    if algorithm != b"DEFLATE":
        raise Refused("That is not offered", "CANNOT")
    if context.compressed:
        raise Refused("DEFLATE is active already", "COMPRESSIONACTIVE")
    context.wire.write(ok(context, "DEFLATE from here").serialize())
    context.wire.start_deflate()
    context.compressed = True
