"""One client's conversation: complete commands in, responses out, through a Wire.  No I/O of its own.

Whatever a command raises becomes exactly one tagged answer; nothing leaves a command unanswered.
"""

from contextlib import suppress
from dataclasses import replace

from mailcore import errors
from mailcore.config import octets
from mailcore.core import Core
from mailcore.imap.capabilities import list_capabilities
from mailcore.imap.commands import COMMANDS, Expunges, Spec
from mailcore.imap.commands.news import send_between_commands, send_changes
from mailcore.imap.context import Context, Wire
from mailcore.imap.large_reads import LargeReads
from mailcore.imap.named_messages import MESSAGE_LIMIT
from mailcore.imap.responses import Tagged
from mailcore.imap.status import WrongState, answer
from mailcore.process import budget
from mailcore.process.connection_counts import ConnectionCounts
from mailcore.store.mail.spool import Spool
from mailcore.wire.blanks import tidy_blanks
from mailcore.wire.framing import CommandLine, LineTooLong, LiteralWanted
from mailcore.wire.reader import Reader, SyntaxProblem

STRANGER_LITERAL = 4096  # octets; before login only names and passwords are sent
SMALL_LITERAL = 65_536  # octets; everything but APPEND
SPOOLED = 2**20  # octets; a larger message is written to a file as it comes
MAX_DROPPED = 2**20  # octets of a refused literal that are read and forgotten
MAX_BAD = 20  # answers BAD in a row, then this is not an IMAP client


class Session:
    """`counts` counts the conversations of each account, `reads` lets them have whole messages in turn."""

    def __init__(
        self, core: Core, wire: Wire, counts: ConnectionCounts | None = None, reads: LargeReads | None = None
    ) -> None:
        self.context = Context(core, wire, counts or ConnectionCounts(), reads or LargeReads())
        self._message_limit = octets(core.config.limits.message_size)
        self._bad = 0

    async def run(self) -> None:
        """Serve until LOGOUT or until the connection ends (which the Wire raises as ConnectionError)."""
        context, wire = self.context, self.context.wire
        wire.write(b"* OK [CAPABILITY " + list_capabilities(context) + b"] Alumnimail is ready\r\n")
        try:
            while not context.closing:
                event = await wire.event(or_wake=context.notified is not None)
                if event is None:
                    with suppress(errors.MailError):  # a database that is busy now is asked at the next wake-up
                        await send_between_commands(context)
                    await wire.drain()
                if isinstance(event, CommandLine):
                    await self.execute(event)
                    await wire.drain()
                elif isinstance(event, LiteralWanted):
                    self._literal(event)
        finally:
            context.leave()
            context.stop_notifying()
            context.deselect()

    def _literal(self, wanted: LiteralWanted) -> None:
        """Take or refuse a literal; the answer comes before its octets do."""
        wire = self.context.wire
        limit = self._limit(wire.head())
        if wanted.size + wire.held() <= limit:
            wire.accept(self._elsewhere(wanted))
            if wanted.synchronizing:
                wire.write(b"+ OK\r\n")
            return
        tag = wire.head().split(b" ", 1)[0][:64] or b"*"
        # it is on its way (RFC 7888 section 4)
        if not wanted.synchronizing and wanted.size > max(4 * limit, MAX_DROPPED):
            wire.write(b"* BYE [TOOBIG] The literal is too large\r\n")
            self.context.closing = True
            return
        wire.refuse()
        wire.write(Tagged(tag, "NO", "The literal is too large", "TOOBIG").serialize())
        self._mistake()

    def _elsewhere(self, wanted: LiteralWanted) -> Spool | None:
        """Make a file for a large message; CATENATE puts it together with others, and so has it in memory."""
        head = self.context.wire.head()
        if wanted.size <= SPOOLED or not _carries_mail(head) or b"CATENATE" in head.upper():
            return None
        return self.context.core.blobs.spool(SPOOLED // 4)

    def _limit(self, head: bytes) -> int:
        if self.context.account is None:
            return STRANGER_LITERAL
        return self._message_limit + SMALL_LITERAL if _carries_mail(head) else SMALL_LITERAL

    async def execute(self, line: CommandLine) -> None:
        """Run one command and write its answers."""
        context = self.context
        context.tag, context.by_uid, context.limited = b"*", False, 0
        try:
            read = Reader(tidy_blanks(line.parts), utf8=context.utf8, sinks=line.sinks)
            tag = read.atom()
            if b"+" in tag:
                raise SyntaxProblem("expected a tag")
            context.tag = tag
            read.space()
            spec = _lookup(read)
            spec.state.check(context)
            context.by_uid = spec.by_uid
            context.may_expunge = spec.expunges is Expunges.TELL
            with budget.limit(context.core.config.limits.work_seconds):
                done = await spec.run(context, read)
            await send_changes(context, may_expunge=context.may_expunge)
        except (ConnectionError, LineTooLong):  # the latter in what a command asked for: IDLE, AUTHENTICATE
            raise
        except Exception as problem:  # the one place: see status.answer
            self._failed(problem)
            return
        finally:
            for _, sink in line.sinks:
                sink.discard()
        self._bad = 0
        if done is not None:
            if context.limited and done.status == "OK" and not done.code:
                done = replace(done, code=f"MESSAGELIMIT {MESSAGE_LIMIT} {context.limited}")
            context.wire.write(done.serialize())

    def _failed(self, problem: Exception) -> None:
        context = self.context
        context.wire.write(answer(context.tag, problem).serialize())
        self._bad = self._bad + 1 if isinstance(problem, SyntaxProblem | WrongState) else 0
        if isinstance(problem, errors.WrongPassword):
            context.failures += 1
        self._end_if_hopeless()

    def _mistake(self) -> None:
        self._bad += 1
        self._end_if_hopeless()

    def _end_if_hopeless(self) -> None:
        if self._bad >= MAX_BAD or self.context.failures >= 5:
            self.context.wire.write(b"* BYE Too many mistakes\r\n")
            self.context.closing = True


def _carries_mail(head: bytes) -> bool:
    words = head[:64].upper().split()[1:3]
    return words[:1] in ([b"APPEND"], [b"REPLACE"]) or words == [b"UID", b"REPLACE"]


def _lookup(read: Reader) -> Spec:
    """command = name / "UID" SP name (RFC 9051 section 6)"""
    name = read.atom().upper()
    if name == b"UID":
        read.space()
        name = b"UID " + read.atom().upper()
    if spec := COMMANDS.get(name):
        return spec
    raise SyntaxProblem("unknown command")
