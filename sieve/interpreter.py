"""Run a program: the state of one run, and the actions in their final order.

Nothing is done here; actions are only written down (RFC 5228 section 2.10).  A step counter, not a
clock, ends a script that needs too many steps, so a run can be repeated exactly.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sieve import limits
from sieve.actions import Action, Keep, Notify, Redirect, Result
from sieve.merging import addresses, find_conflict, identify, merge, without_repeats
from sieve.message import Field, MessageView, Part
from sieve.phrase import Phrase


class ScriptRuntimeError(Exception):
    """The script failed on this message.  The message is filed into INBOX; the author is informed."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(Phrase("line %(line)s: %(problem)s", line=line, problem=problem))
        self.line, self.problem = line, problem


class Stopped(Exception):
    """The script said `stop`."""


class Returned(Exception):
    """The script said `return`: only this script ends (RFC 6609 section 3.3)."""


class State:
    """The state of one run over one message; not shared, not saved."""

    __slots__ = (
        "_before_enclosing", "_changed", "_edited", "_edits", "_new_parts", "_octets", "_part_edits", "_steps", "actions",
        "flags", "globals", "implicit_keep", "included", "line", "lines", "loops", "matched", "message", "options", "part",
        "redirects", "remembered", "variables",
    )  # fmt: skip

    def __init__(self, message: MessageView, options: limits.Options = limits.DEFAULT) -> None:
        self.message, self.options = message, options
        self.line = 0
        self._steps = options.max_steps
        self.actions: list[Action] = []
        self.lines: list[int] = []  # of the command that wrote each action down, or changed it last
        self.implicit_keep = True
        self.redirects = 0
        self.flags: tuple[str, ...] = ()  # the internal variable of RFC 5232 section 2
        self.variables: dict[str, str] = {}
        self.globals: dict[str, str] = {}  # RFC 6609 section 3.4
        self.included: set[tuple[str, str]] = set()
        self.remembered: dict[str, int] = {}
        self.part: Part | None = None  # where foreverypart stands (RFC 5703 section 3)
        self.loops = 0  # foreverypart within each other
        self.matched: tuple[str, ...] = ()  # RFC 5229 section 3.2
        self._edited: list[Field] | None = None
        self._edits = self._part_edits = 0
        self._changed = False
        self._octets: bytes | None = None  # the changed message, made when an action needs it
        self._new_parts: dict[tuple[int, int], bytes] = {}  # what a loop replaces: begin and end in the message
        self._before_enclosing: tuple[bytes | None] | None = None

    def fail(self, problem: str) -> ScriptRuntimeError:
        return ScriptRuntimeError(self.line, problem)

    def spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise self.fail(Phrase("the script needs too many steps for this message; make it shorter"))

    def ask(self) -> MessageView:
        """Return the message, for a question to the account and not to the text, which costs more."""
        self.spend(limits.QUESTION_STEPS)
        return self.message

    def assign(self, name: str, text: str) -> None:
        """Set a variable, shortened to what the limits allow (RFC 5229 section 6)."""
        space = self.globals if name.startswith("global.") else self.variables
        if name not in space and len(space) >= limits.MAX_VARIABLES:
            raise self.fail(Phrase("more than %(most)s variables", most=limits.MAX_VARIABLES))
        most = self.options.max_variable_length
        if len(text) * 4 > most:
            octets = text.encode("utf-8", "surrogatepass")
            text = text if len(octets) <= most else octets[:most].decode("utf-8", "ignore")
        space[name] = text

    def read(self, name: str) -> str:
        """A variable; one that was never set is empty."""
        return (self.globals if name.startswith("global.") else self.variables).get(name, "")

    def header(self, name: str) -> list[str]:
        """The values of a field, as the script has changed it so far."""
        if self._edited is None:
            return self.message.header(name)
        self.spend(len(self._edited) // 16)
        name = name.lower()
        return [field.value for field in self._edited if field.name.lower() == name]

    def raw_header(self, name: str) -> list[bytes]:
        """Return the values as they are written, not decoded."""
        if self._edited is None:
            return self.message.raw_header(name)
        self.spend(len(self._edited) // 16)
        name = name.lower()
        return [field.raw_value for field in self._edited if field.name.lower() == name]

    def edited_fields(self) -> list[Field]:
        """The header to be changed in place (RFC 5293)."""
        if self._edited is None:
            self._edited = list(self.message.fields())
        self.spend(len(self._edited) // 16)
        return self._edited

    def new_field(self, name: str, value: str) -> Field:
        """Make a field to be added (RFC 5293 section 4); line ends in the value are folds."""
        value = " ".join(filter(None, map(str.strip, re.split(r"[\r\n]", value)))).replace("\0", "")
        return Field(name, value, self.message.new_field(name, value))

    def count_edit(self) -> None:
        self._edits += 1
        self._octets, self._changed = None, True
        if self._edits > limits.MAX_EDITS:
            raise self.fail(Phrase("more than %(most)s header edits", most=limits.MAX_EDITS))

    def size(self) -> int:
        """Octets of the message as the script has changed it so far."""
        octets = self.octets()
        return self.message.size if octets is None else len(octets)

    def root(self) -> Part:
        return self.message.root()

    # Parts changed by replace and enclose (RFC 5703 sections 5 and 6)

    def _count_part_edit(self) -> None:
        self._part_edits += 1
        if self._part_edits > limits.MAX_PART_EDITS:
            raise self.fail(Phrase("more than %(most)s parts replaced or enclosed", most=limits.MAX_PART_EDITS))

    def replace_part(self, part: Part, octets: bytes) -> None:
        """Replace a part, and with it all that lies inside; a loop goes on over the parts as they were."""
        self._count_part_edit()
        for begin, end in list(self._new_parts):
            if part.begin <= begin and end <= part.end:
                del self._new_parts[(begin, end)]
        self._new_parts[(part.begin, part.end)] = octets
        self._octets, self._changed = None, True

    def is_replaced(self, part: Part) -> bool:
        return any(begin <= part.begin and part.end <= end for begin, end in self._new_parts)

    def settle_parts(self) -> None:
        """After the outermost loop: from here on the script sees the new parts."""
        if self._new_parts:
            self._reread(self.octets() or b"")

    def replace_message(self, octets: bytes) -> None:
        self._count_part_edit()
        self._reread(octets)

    def enclose(self, octets: bytes) -> None:
        """The message is now one that holds the old one; redirect still takes the old one (section 6)."""
        if self._before_enclosing is None:
            self._before_enclosing = (self.octets(),)
        self.replace_message(octets)

    def _reread(self, octets: bytes) -> None:
        self.spend(len(octets) // limits.STEP_CHARACTERS)
        self.message = self.message.reread(octets)
        self._edited, self._octets, self._changed = None, octets, True
        self._new_parts.clear()

    def octets(self) -> bytes | None:
        """The whole message if the script changed it."""
        if not self._changed:
            return None
        if self._octets is None:
            self.spend(self.message.size // limits.STEP_CHARACTERS)
            self._octets = self._made()
        return self._octets

    def octets_to_send(self) -> bytes | None:
        """Return the changed message that redirect sends: without what encloses it."""
        return self.octets() if self._before_enclosing is None else self._before_enclosing[0]

    def _made(self) -> bytes:
        whole = self.message.whole()
        body = self.message.body() or b""
        start = len(whole) - len(body)
        pieces = [
            b"".join(field.raw for field in self._edited) + b"\r\n" if self._edited is not None else whole[:start]
        ]
        at = start
        for (begin, end), octets in sorted(self._new_parts.items()):
            if begin >= start:
                pieces += [whole[at:begin], octets]
                at = end
        pieces.append(whole[at:])
        return b"".join(pieces)

    def check_duplicate(self, key: str, seconds: int, last: bool) -> bool:
        """Was a message with this key seen before?  It is remembered when the run ends well (RFC 7352)."""
        known = key in self.remembered or self.ask().was_seen(key, seconds, last)
        if last or not known:
            self.remembered[key] = seconds
        return known

    def add_keep(self, flags: tuple[str, ...] | None = None) -> None:
        self.implicit_keep = False
        self.add(Keep(self.flags if flags is None else flags, octets=self.octets()))

    def add(self, action: Action) -> None:
        """Write an action down; a repeated one only changes the flags of the first.

        The last flags win (RFC 5232 section 5), and one mailbox gets one copy (RFC 5228 2.10.3).
        """
        for earlier in self.actions:
            if conflict := find_conflict(earlier, action):
                raise self.fail(conflict)
        self.spend(len(self.actions))
        if isinstance(action, Notify):
            methods = [earlier.method for earlier in (*self.actions, action) if isinstance(earlier, Notify)]
            self.spend(2 * sum(map(len, methods)) // limits.READ_CHARACTERS)
            action = without_repeats(action, self.actions)
            if not addresses(action):
                return
        identity = identify(action)
        for index, earlier in enumerate(self.actions):
            if identify(earlier) == identity:
                self.actions[index] = merge(earlier, action)
                self.lines[index] = self.line
                return
        if len(self.actions) >= self.options.max_actions:
            raise self.fail(Phrase("more than %(most)s actions for one message", most=self.options.max_actions))
        if isinstance(action, Redirect):
            self.redirects += 1
            if self.redirects > limits.MAX_REDIRECTS:
                raise self.fail(Phrase("more than %(most)s redirects for one message", most=limits.MAX_REDIRECTS))
        if isinstance(action, Notify):
            notifications = sum(isinstance(earlier, Notify) for earlier in self.actions)
            if notifications >= self.options.max_notifications:
                raise self.fail(
                    Phrase("more than %(most)s notifications for one message", most=self.options.max_notifications)
                )
        self.actions.append(action)
        self.lines.append(self.line)


Step = Callable[[State], None]
Check = Callable[[State], bool]
Text = Callable[[State], str]
Texts = Callable[[State], tuple[str, ...]]
Matcher = Callable[[State, Iterable[str]], bool]


@dataclass(frozen=True, slots=True)
class Program:
    """A script ready to run: closures built once, called for every message.

    Safe to keep and to share between threads: a run changes nothing in it.

    Attributes:
        requires: the extensions named by the script, in order.
        start: runs the whole script.
    """

    requires: tuple[str, ...]
    start: Step


def run(
    program: Program, message: MessageView, options: limits.Options = limits.DEFAULT, flags: tuple[str, ...] = ()
) -> Result:
    """Run the script, and return the actions it wants for the message.

    Args:
        flags: what an earlier script of the same delivery set for the implicit keep.

    Raises:
        ScriptRuntimeError: it failed; nothing of it is to be carried out.
    """
    state = State(message, options)
    state.flags = flags
    try:
        program.start(state)
    except (Stopped, Returned):
        pass
    except RecursionError:
        raise state.fail(Phrase("nested too deep")) from None
    if state.implicit_keep:
        state.line = 0
        state.add(Keep(state.flags, implicit=True, octets=state.octets()))
    return Result(tuple(state.actions), state.implicit_keep, tuple(state.remembered.items()), tuple(state.lines))
