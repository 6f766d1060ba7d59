"""ihave and error (RFC 5463).

Answered at compile time: what a false ihave guards is not even looked at, and what a true one names counts as required from
there on.
"""

from sieve.builder import NEVER, Builder, CommandDef, Extension, TestDef
from sieve.interpreter import Check, State, Step
from sieve.signature import Bound, Kind, Signature

# They change what every string means, so they cannot begin in the middle of a script (section 4).
_FROM_THE_TOP = ("variables", "encoded-character")


def _ihave(build: Builder, bound: Bound) -> Check:
    names = bound.strings("capabilities")
    if not all(name in build.known and (name not in _FROM_THE_TOP or name in build.required) for name in names):
        return NEVER
    build.require(names)
    return lambda state: True


def _error(build: Builder, bound: Bound) -> Step:
    text = build.text(bound.string("message"), bound.line)

    def fail(state: State) -> None:
        raise state.fail(text(state))

    return fail


EXTENSION = Extension(
    "ihave",
    commands={"error": CommandDef(Signature((("message", Kind.STRING),)), _error)},
    tests={"ihave": TestDef(Signature((("capabilities", Kind.STRINGS),)), _ihave)},
)
