"""mboxmetadata and servermetadata (RFC 5490 sections 4 and 5)."""

from sieve.builder import Builder, Extension, TestDef
from sieve.interpreter import Check, State, Text
from sieve.signature import Bound, Kind, Signature


def _mailbox(build: Builder, bound: Bound) -> Text:
    """ "" is the server itself."""
    given = bound.values.get("mailbox")
    return build.text(given, bound.line) if isinstance(given, str) else lambda state: ""


def _metadata(build: Builder, bound: Bound) -> Check:
    mailbox, entry = _mailbox(build, bound), build.text(bound.string("annotation name"), bound.line)
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        value = state.ask().metadata(mailbox(state), entry(state))
        return value is not None and matcher(state, (value,))

    return check


def _exists(build: Builder, bound: Bound) -> Check:
    mailbox, entries = _mailbox(build, bound), build.texts(bound.strings("annotation names"), bound.line)

    def check(state: State) -> bool:
        name = mailbox(state)
        return all(state.ask().metadata(name, entry) is not None for entry in entries(state))

    return check


_BOX = ("mailbox", Kind.STRING)
_ONE = (("annotation name", Kind.STRING), ("keys", Kind.STRINGS))
_MANY = ("annotation names", Kind.STRINGS)

MAILBOX = Extension(
    "mboxmetadata",
    tests={
        "metadata": TestDef(Signature((_BOX, *_ONE), families=("match",)), _metadata),
        "metadataexists": TestDef(Signature((_BOX, _MANY)), _exists),
    },
)
SERVER = Extension(
    "servermetadata",
    tests={
        "servermetadata": TestDef(Signature(_ONE, families=("match",)), _metadata),
        "servermetadataexists": TestDef(Signature((_MANY,)), _exists),
    },
)
