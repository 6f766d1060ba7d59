"""duplicate (RFC 7352).  The view remembers; a run only says what to remember when it ends well."""

from hashlib import sha256

from sieve import limits
from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check, State
from sieve.signature import Bound, Kind, Signature, TagSpec


def _duplicate(build: Builder, bound: Bound) -> Check:
    line = bound.line
    handle = build.text(bound.tag_string("handle") or "", line)
    header = build.text(bound.tag_string("header") or "Message-ID", line)
    given = bound.tag_string("uniqueid")
    unique = build.text(given, line) if given is not None else None
    wished = bound.tag_number("seconds")
    seconds = min(limits.DEFAULT_DUPLICATE_SECONDS if wished is None else wished, limits.MAX_DUPLICATE_SECONDS)
    last = "last" in bound.tags

    def check(state: State) -> bool:
        if unique is not None:
            value = unique(state)
        else:
            values = state.header(header(state))
            if not values:
                return False  # section 3.1: without the field it is no duplicate
            value = values[0].strip()
        state.spend(1 + len(value) // limits.STEP_CHARACTERS)
        key = sha256(f"{handle(state)}\0{value}".encode("utf-8", "replace")).hexdigest()
        return state.check_duplicate(key, seconds, last)

    return check


EXTENSION = Extension(
    "duplicate",
    tests={
        "duplicate": TestDef(
            Signature(
                (),
                {
                    "handle": TagSpec(Kind.STRING),
                    "header": TagSpec(Kind.STRING, group="id"),
                    "uniqueid": TagSpec(Kind.STRING, group="id"),
                    "seconds": TagSpec(Kind.NUMBER),
                    "last": TagSpec(),
                },
            ),
            _duplicate,
        )
    },
)
