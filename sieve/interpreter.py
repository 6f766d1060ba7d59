"""Running a program: the state of one run, and the actions in their final order.

Nothing is done here; actions are only written down (RFC 5228 section 2.10).  A step counter, not a
clock, ends a script that works too hard, so a run can be repeated exactly."""

from dataclasses import replace

from sieve import limits
from sieve.actions import Action, Ereject, FileInto, Keep, Redirect, Reject, Result, Vacation
from sieve.message import MessageView
from sieve.program import Program


class ScriptRuntimeError(Exception):
    """The script failed on this message.  The message is kept; the author gets to know."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line, self.problem = line, problem


class Stopped(Exception):
    """The script said `stop`."""


class State:
    """One run over one message; not shared, not kept."""

    __slots__ = (
        "_steps", "actions", "flags", "implicit_keep", "line", "matched", "message", "redirects",
        "variables",
    )  # fmt: skip

    def __init__(self, message: MessageView) -> None:
        self.message = message
        self.line = 0
        self._steps = limits.MAX_STEPS
        self.actions: list[Action] = []
        self.implicit_keep = True
        self.redirects = 0
        self.flags: tuple[str, ...] = ()  # the internal variable of RFC 5232 section 2
        self.variables: dict[str, str] = {}
        self.matched: tuple[str, ...] = ()  # RFC 5229 section 3.2

    def fail(self, problem: str) -> ScriptRuntimeError:
        return ScriptRuntimeError(self.line, problem)

    def spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise self.fail("the script works too hard on this message; make it shorter")

    def assign(self, name: str, text: str) -> None:
        """Set a variable, shortened to what the limits allow (RFC 5229 section 6)."""
        if name not in self.variables and len(self.variables) >= limits.MAX_VARIABLES:
            raise self.fail(f"more than {limits.MAX_VARIABLES} variables")
        self.variables[name] = text[: limits.MAX_VARIABLE_LENGTH]

    def keep(self, flags: tuple[str, ...] | None = None) -> None:
        self.implicit_keep = False
        self.add(Keep(self.flags if flags is None else flags))

    def add(self, action: Action) -> None:
        """Write an action down; a repeated one only changes the flags of the first.

        The last flags win (RFC 5232 section 5), and one mailbox gets one copy (RFC 5228 2.10.3).
        """
        self._refuse_conflicts(action)
        place = _place(action)
        for index, earlier in enumerate(self.actions):
            if _place(earlier) == place:
                self.actions[index] = _merged(earlier, action)
                return
        if len(self.actions) >= limits.MAX_ACTIONS:
            raise self.fail(f"more than {limits.MAX_ACTIONS} actions for one message")
        if isinstance(action, Redirect):
            self.redirects += 1
            if self.redirects > limits.MAX_REDIRECTS:
                raise self.fail(f"more than {limits.MAX_REDIRECTS} redirects for one message")
        self.actions.append(action)

    def _refuse_conflicts(self, action: Action) -> None:
        """RFC 5429 section 2.3 and RFC 5230 section 4.7."""
        for earlier in self.actions:
            match earlier, action:
                case (Vacation(), Vacation()):
                    raise self.fail("vacation answers once only; this is the second time")
                case (Reject() | Ereject(), Reject() | Ereject()):
                    raise self.fail("the message is already rejected")
                case (Reject() | Ereject(), Keep() | FileInto() | Redirect() | Vacation()) | (
                    Keep() | FileInto() | Redirect() | Vacation(),
                    Reject() | Ereject(),
                ):
                    raise self.fail("a message cannot be rejected and also kept, sent or answered")
                case _:
                    pass


def _place(action: Action) -> object:
    """Two actions of one place are one action."""
    match action:
        case Keep():
            return "INBOX"
        case FileInto(mailbox=mailbox):
            return "INBOX" if mailbox.upper() == "INBOX" else ("mailbox", mailbox)
        case Redirect(address=address):
            local, _, domain = address.rpartition("@")
            return ("address", local, domain.lower())
        case _:
            return action


def _merged(earlier: Action, later: Action) -> Action:
    match earlier, later:
        case FileInto(), FileInto():
            return replace(
                earlier,
                flags=later.flags,
                copy=earlier.copy and later.copy,
                create=earlier.create or later.create,
            )
        case (FileInto(), Keep()) | (Keep(), Keep()):
            return later
        case Keep(), FileInto(flags=flags):
            return replace(earlier, flags=flags)
        case Redirect(), Redirect():
            return replace(earlier, copy=earlier.copy and later.copy)
        case _:
            return earlier


def run(program: Program, message: MessageView) -> Result:
    """What the script wants done with the message.

    Raises:
        ScriptRuntimeError: it failed; nothing of it is to be carried out.
    """
    state = State(message)
    try:
        program.start(state)
    except Stopped:
        pass
    except RecursionError:
        raise state.fail("nested too deep") from None
    if state.implicit_keep:
        state.add(Keep(state.flags, implicit=True))
    return Result(tuple(state.actions), state.implicit_keep)
