"""IDLE (RFC 2177)."""

from mailcore import errors
from mailcore.imap.commands.news import send_changes
from mailcore.imap.context import Context
from mailcore.imap.responses import Tagged
from mailcore.imap.status import answer
from mailcore.wire.framing import CommandLine, LiteralWanted
from mailcore.wire.reader import Reader, SyntaxProblem


async def idle(context: Context, read: Reader) -> Tagged:
    read.end()
    wire = context.wire
    wire.write(b"+ idling\r\n")
    while True:
        try:
            await send_changes(context)
        except errors.Busy as problem:  # the next wake-up tries again
            wire.write(b"* " + answer(b"", problem).serialize().lstrip())
        await wire.drain()
        event = await wire.event(or_wake=True)
        if isinstance(event, LiteralWanted):
            wire.refuse()
        if isinstance(event, CommandLine):
            if event.parts[0].strip().upper() == b"DONE":
                return context.ok()
            raise SyntaxProblem("expected DONE")
