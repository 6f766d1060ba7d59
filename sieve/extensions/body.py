"""body (RFC 5173).  Sets no match variables (section 6)."""

from collections.abc import Callable, Sequence

from sieve import limits
from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check, State, Texts
from sieve.markup import plain_text
from sieve.message import Part, every
from sieve.signature import Bound, Kind, Signature, TagSpec


def _is_asked(part: Part, wanted: Sequence[str]) -> bool:
    """Section 5.2: "text", "text/html", or "" for all; with two slashes nothing."""
    for kind in wanted:
        main, slash, sub = kind.lower().partition("/")
        if not kind or (main == part.type and (not slash or sub == part.subtype)):
            return True
    return False


def is_text(part: Part) -> bool:
    if part.children:
        return False
    return (part.type == "text" and "/" not in part.subtype) or (part.type, part.subtype) == (
        "application",
        "xhtml+xml",
    )


def every_part(state: State, part: Part) -> list[Part]:
    """List a part and all below it, for a step each."""
    found = list(every(part))
    state.spend(len(found))
    return found


def readable_text(state: State, part: Part) -> str:
    """Return the text as a person sees it: HTML without its markup (section 5.3)."""
    _decode(state, part)
    return plain_text(part.text()) if part.subtype in ("html", "xhtml+xml") else part.text()


def _texts(state: State) -> Sequence[str]:
    return [
        readable_text(state, part) for part in every_part(state, state.root()) if is_text(part) and part.is_readable()
    ]


def _decode(state: State, part: Part) -> None:
    """Spend what it costs to decode a part."""
    state.spend((part.end - part.begin) // limits.PART_OCTETS)


def _contents(kinds: Texts) -> Callable[[State], Sequence[str]]:
    def found(state: State) -> Sequence[str]:
        wanted = kinds(state)
        parts = every_part(state, state.root())
        state.spend(len(parts) * len(wanted) // 8)
        asked = [part for part in parts if _is_asked(part, wanted)]
        return [text for part in asked for text in _of(state, part)]

    return found


def _of(state: State, part: Part) -> Sequence[str]:
    """Section 5.2: of a multipart its prologue and epilogue, of a message its header, as strings of their own."""
    _decode(state, part)
    if part.type == "multipart":
        return part.around()
    return (part.text() if part.type == "text" else part.content().decode("utf-8", "replace"),)


def _raw(state: State) -> Sequence[str]:
    state.spend(state.message.size // (16 * limits.PART_OCTETS))
    return ((state.message.body() or b"").decode("utf-8", "replace"),)


def _body(build: Builder, bound: Bound) -> Check:
    kinds = bound.tag_strings("content")
    values: Callable[[State], Sequence[str]] = _texts
    if "raw" in bound.tags:
        values = _raw
    elif kinds is not None:
        values = _contents(build.texts(kinds, bound.line))
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        if state.message.body() is None:
            return False  # section 4: no empty line after the header, no body, no match
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
