"""One client's ManageSieve conversation (RFC 5804): a whole command in, one answer out.  No I/O of its own."""

from mailcore import errors
from mailcore.core import Core
from mailcore.managesieve.capabilities import list_capabilities
from mailcore.managesieve.commands import COMMANDS, Spec
from mailcore.managesieve.context import Context
from mailcore.managesieve.status import Refused, answer, line
from mailcore.net.transport import Connection
from mailcore.process import budget
from mailcore.wire.framing import CommandLine, LineTooLong, LiteralWanted
from mailcore.wire.reader import Reader, SyntaxProblem

STRANGER_LITERAL = 4096  # octets
SCRIPT_LITERAL = 2**20  # octets; the services' own limit is lower and answers better
MAX_MISTAKES = 20
MAX_FAILURES = 5


class Session:
    def __init__(self, core: Core, wire: Connection) -> None:
        self.context = Context(core, wire)
        self._mistakes = self._failures = 0

    async def run(self) -> None:
        """Serve until LOGOUT or until the connection ends (which the wire raises as ConnectionError)."""
        context, wire = self.context, self.context.wire
        wire.write(list_capabilities(context) + line("OK", "Alumnimail is ready"))
        while not context.closing:
            event = await wire.event()
            if isinstance(event, CommandLine):
                await self.execute(event)
                await wire.drain()
            elif isinstance(event, LiteralWanted):
                self._literal(event)

    def _literal(self, wanted: LiteralWanted) -> None:
        """Take or refuse a literal; clients send {n+} only (RFC 5804 section 4, literal-c2s)."""
        wire = self.context.wire
        limit = SCRIPT_LITERAL if self.context.account is not None else STRANGER_LITERAL
        if wanted.size + wire.held() <= limit:
            wire.accept()
            return
        wire.refuse()
        wire.write(line("NO", "The text is too large", "QUOTA/MAXSIZE"))

    async def execute(self, command: CommandLine) -> None:
        context = self.context
        try:
            read = Reader(command.parts)
            spec = _lookup(read)
            if spec.login and context.account is None:
                raise Refused("Log in first")
            with budget.limit(context.core.config.limits.work_seconds):
                answers = await spec.run(context, read)
            context.wire.write(answers)
        except (ConnectionError, LineTooLong):  # the latter in the answer to a challenge
            raise
        except Exception as problem:  # the one place: see status.answer
            context.wire.write(answer(problem))
            self._failed(problem)
            return
        self._mistakes = 0

    def _failed(self, problem: Exception) -> None:
        self._mistakes += isinstance(problem, SyntaxProblem | Refused)
        self._failures += isinstance(problem, errors.WrongPassword)
        if self._mistakes >= MAX_MISTAKES or self._failures >= MAX_FAILURES:
            self.context.wire.write(line("BYE", "Too many mistakes"))
            self.context.closing = True


def _lookup(read: Reader) -> Spec:
    if spec := COMMANDS.get(read.atom().upper()):
        return spec
    raise SyntaxProblem("unknown command")
