"""fcc (RFC 8580): a copy of what a script sends stays in a mailbox."""

from collections.abc import Callable

from sieve.actions import FileInto
from sieve.builder import Builder, Extension
from sieve.core import flag_list
from sieve.interpreter import State
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, TagSpec


def fcc_of(build: Builder, bound: Bound) -> Callable[[State], FileInto | None]:
    """Build the action that files the copy, None if no copy is asked for."""
    given = bound.tag_string("fcc")
    if given is None:
        for tag in ("flags", "create", "specialuse", "mailboxid"):
            if tag in bound.tags:
                raise ScriptError(bound.line, Phrase("':%(tag)s' goes with ':fcc'", tag=tag))
        return lambda state: None
    text, flags = build.text(given, bound.line), flag_list(build, bound)
    use = bound.tag_string("specialuse") or ""
    create = "create" in bound.tags
    return lambda state: FileInto(text(state), flags(state) if flags else (), create=create, special_use=use)


_TAGS = {"fcc": TagSpec(Kind.STRING)}
EXTENSION = Extension("fcc", tags={"vacation": _TAGS, "notify": _TAGS})
