"""body (RFC 5173), for the text of the message; :raw and other parts are not offered."""

from sieve.builder import Builder
from sieve.interpreter import State
from sieve.parser import ScriptError
from sieve.program import Check
from sieve.signature import Bound, Extension, Kind, Signature, TagSpec, TestDef


def _body(build: Builder, bound: Bound) -> Check:
    if "raw" in bound.tags:
        raise ScriptError(bound.line, "':raw' is not offered here; use ':text'")
    wanted = bound.tag_strings("content")
    if wanted is not None and [kind.lower() for kind in wanted] != ["text"]:
        raise ScriptError(bound.line, "':content' is offered for \"text\" only; use ':text'")
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        before = state.matched
        found = matcher(state, (state.message.body_text(),))
        state.matched = before  # RFC 5173 section 6: body sets no match variables
        return found

    return check


EXTENSION = Extension(
    "body",
    tests={
        "body": TestDef(
            Signature(
                (("keys", Kind.STRINGS),),
                {
                    "text": TagSpec(group="transform"),
                    "raw": TagSpec(group="transform"),
                    "content": TagSpec(Kind.STRINGS, group="transform"),
                },
                families=("match",),
            ),
            _body,
        )
    },
)
