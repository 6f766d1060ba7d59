"""notify and its tests (RFC 5435), by mail (RFC 5436)."""

import re

from sieve import limits
from sieve.actions import Notify
from sieve.builder import Builder, CommandDef, Extension, TestDef
from sieve.extensions.fcc import fcc_of
from sieve.interpreter import Check, State, Step
from sieve.mailto import read_mailto
from sieve.message import one_address
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec

_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*=[^\0\r\n]*")


def _notify(build: Builder, bound: Bound) -> Step:
    line = bound.line
    given = bound.string("method")
    fixed = build.constant(given, line)
    if fixed is not None and read_mailto(fixed) is None:
        raise ScriptError(line, Phrase("'%(fixed)s' cannot be notified; write mailto:name@domain", fixed=fixed))
    importance = bound.tag_string("importance")
    if importance is not None and build.constant(importance, line) not in (None, "1", "2", "3"):
        raise ScriptError(line, Phrase('\':importance\' is "1", "2" or "3"'))
    source = bound.tag_string("from")
    constant = build.constant(source, line) if source else None
    if constant and not one_address(constant):
        raise ScriptError(line, Phrase("':from' needs one address, found '%(fixed)s'", fixed=constant))
    for option in bound.tag_strings("options") or ():
        fixed = build.constant(option, line)
        if fixed is not None and not _OPTION.fullmatch(fixed):
            raise ScriptError(line, Phrase("'%(fixed)s' is not an option; write name=value on one line", fixed=fixed))
    method, message = build.text(given, line), build.text(bound.tag_string("message") or "", line)
    from_address, level = build.text(source or "", line), build.text(importance or "2", line)
    options = build.texts(bound.tag_strings("options") or (), line)
    fcc = fcc_of(build, bound)

    def notify(state: State) -> None:
        uri = method(state)
        if not _read(state, uri):
            raise state.fail(Phrase("notify was given a method that is not offered"))
        state.add(Notify(uri, message(state), from_address(state), level(state), options(state), fcc(state)))

    return notify


def _valid(build: Builder, bound: Bound) -> Check:
    uris = build.texts(bound.strings("notification uris"), bound.line)
    return lambda state: all(_read(state, uri) for uri in uris(state))


def _read(state: State, uri: str) -> bool:
    state.spend(1 + len(uri) // limits.READ_CHARACTERS)
    return read_mailto(uri) is not None


def _capability(build: Builder, bound: Bound) -> Check:
    uri = build.text(bound.string("notification uri"), bound.line)
    capability = build.text(bound.string("capability"), bound.line)
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        if not _read(state, uri(state)) or capability(state).lower() != "online":
            return False
        return matcher(state, ("maybe",))  # mail tells nobody whether it is read now

    return check


EXTENSION = Extension(
    "enotify",
    commands={
        "notify": CommandDef(
            Signature(
                (("method", Kind.STRING),),
                {
                    "from": TagSpec(Kind.STRING),
                    "importance": TagSpec(Kind.STRING),
                    "options": TagSpec(Kind.STRINGS),
                    "message": TagSpec(Kind.STRING),
                },
            ),
            _notify,
        )
    },
    tests={
        "valid_notify_method": TestDef(Signature((("notification uris", Kind.STRINGS),)), _valid),
        "notify_method_capability": TestDef(
            Signature(
                (("notification uri", Kind.STRING), ("capability", Kind.STRING), ("keys", Kind.STRINGS)),
                families=("match",),
            ),
            _capability,
        ),
    },
    tags={"set": {"encodeurl": TagSpec(group="15")}},
)
