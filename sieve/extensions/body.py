"""body (RFC 5173).  Sets no match variables (section 6)."""

from collections.abc import Callable, Sequence

from sieve.builder import Builder
from sieve.interpreter import State
from sieve.message import Part, every
from sieve.program import Check, Texts
from sieve.signature import Bound, Extension, Kind, Signature, TagSpec, TestDef


def _is_asked(part: Part, wanted: Sequence[str]) -> bool:
    """Section 5.2: "text", "text/html", or "" for all; with two slashes nothing."""
    for kind in wanted:
        main, slash, sub = kind.lower().partition("/")
        if not kind or (main == part.type and (not slash or sub == part.subtype)):
            return True
    return False


def _texts(state: State) -> Sequence[str]:
    return [part.text() for part in every(state.message.root()) if part.type == "text" and not part.children]


def _contents(kinds: Texts) -> Callable[[State], Sequence[str]]:
    def found(state: State) -> Sequence[str]:
        wanted = kinds(state)
        return [
            part.text() if part.type == "text" else part.content().decode("utf-8", "replace")
            for part in every(state.message.root())
            if _is_asked(part, wanted)
        ]

    return found


def _raw(state: State) -> Sequence[str]:
    return (state.message.body().decode("utf-8", "replace"),)


def _body(build: Builder, bound: Bound) -> Check:
    kinds = bound.tag_strings("content")
    values: Callable[[State], Sequence[str]] = _texts
    if "raw" in bound.tags:
        values = _raw
    elif kinds is not None:
        values = _contents(build.texts(kinds, bound.line))
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        before = state.matched
        found = matcher(state, values(state))
        state.matched = before
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
