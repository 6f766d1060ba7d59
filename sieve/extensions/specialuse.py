"""special-use (RFC 8579) and mailboxid (RFC 9042): mailboxes by what they are for, or by what never changes."""

import re

from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check, State, Text
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec


def _specialuse_exists(build: Builder, bound: Bound) -> Check:
    given = bound.values.get("mailbox")
    mailbox = build.text(given, bound.line) if isinstance(given, str) else None
    for given_use in bound.strings("special-use attributes"):
        read_use(build, bound, given_use)
    uses = build.texts(bound.strings("special-use attributes"), bound.line)

    def check(state: State) -> bool:
        found = [state.ask().mailbox_for(use) for use in uses(state)]
        if mailbox is None:
            return all(name is not None for name in found)
        wanted = mailbox(state)
        return state.ask().mailbox_exists(wanted) and all(name == wanted for name in found)

    return check


def _mailboxid_exists(build: Builder, bound: Bound) -> Check:
    ids = build.texts(bound.strings("mailbox ids"), bound.line)
    return lambda state: all(state.ask().mailbox_with_id(identity) is not None for identity in ids(state))


def read_use(build: Builder, bound: Bound, given: str) -> Text:
    """An attribute of RFC 6154 such as `\\Sent`."""
    fixed = build.constant(given, bound.line)
    if given and fixed is not None and not _ATTRIBUTE.fullmatch(fixed):
        raise ScriptError(
            bound.line, Phrase("'%(fixed)s' is not a special use; write \"\\\\Sent\" or the like", fixed=fixed)
        )
    return build.text(given, bound.line)


_ATTRIBUTE = re.compile(r"""\\[^\s(){%*"\]\\\x00-\x1f\x7f-\U0010ffff]+""")
_USE = {"specialuse": TagSpec(Kind.STRING)}
SPECIAL_USE = Extension(
    "special-use",
    tests={
        "specialuse_exists": TestDef(
            Signature((("mailbox", Kind.STRING), ("special-use attributes", Kind.STRINGS)), optional_first=True),
            _specialuse_exists,
        )
    },
    tags={"fileinto": _USE, "vacation": _USE, "notify": _USE},
)
MAILBOX_ID = Extension(
    "mailboxid",
    tests={"mailboxidexists": TestDef(Signature((("mailbox ids", Kind.STRINGS),)), _mailboxid_exists)},
    tags={"fileinto": {"mailboxid": TagSpec(Kind.STRING)}},
)
