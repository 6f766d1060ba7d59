"""environment (RFC 5183).  An item nobody knows never matches (section 4)."""

from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check, State
from sieve.signature import Bound, Kind, Signature

# What is true of every run here; the message may say otherwise.
_ALWAYS = {"location": "MDA", "phase": "during", "name": "Alumnimail Sieve", "version": "1.0"}


def _environment(build: Builder, bound: Bound) -> Check:
    name = build.text(bound.string("item"), bound.line)
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        item = name(state).lower()
        value = state.message.environment(item)
        if value is None:
            value = _ALWAYS.get(item)
        return value is not None and matcher(state, (value,))

    return check


EXTENSION = Extension(
    "environment",
    tests={
        "environment": TestDef(
            Signature((("item", Kind.STRING), ("keys", Kind.STRINGS)), families=("match",)),
            _environment,
        )
    },
)
