"""mailboxexists and :create (RFC 5490 section 3)."""

from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check, State
from sieve.signature import Bound, Kind, Signature, TagSpec


def _mailbox_exists(build: Builder, bound: Bound) -> Check:
    names = build.texts(bound.strings("mailbox names"), bound.line)

    def check(state: State) -> bool:
        return all(state.ask().mailbox_exists(name) for name in names(state))

    return check


EXTENSION = Extension(
    "mailbox",
    tests={"mailboxexists": TestDef(Signature((("mailbox names", Kind.STRINGS),)), _mailbox_exists)},
    tags=dict.fromkeys(("fileinto", "vacation", "notify"), {"create": TagSpec()}),
)
