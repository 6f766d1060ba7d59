"""The commands and tests of RFC 5228 that need no `require`, except the actions of extensions."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sieve.actions import Discard, Redirect
from sieve.builder import Builder, CommandDef, TestDef
from sieve.interpreter import Check, State, Step, Stopped
from sieve.limits import MAX_FLAGS, READ_CHARACTERS
from sieve.message import ADDRESS_HEADERS, Address, one_address
from sieve.parser import ScriptError
from sieve.parts import raw_values_of, values_of
from sieve.phrase import Phrase
from sieve.signature import MANY, Bound, Kind, Signature, TagSpec

Value = TypeVar("Value")
MATCH_TAGS = {
    "is": TagSpec(group="match"),
    "contains": TagSpec(group="match"),
    "matches": TagSpec(group="match"),
    "comparator": TagSpec(Kind.STRING),
}
PART_TAGS = {
    "all": TagSpec(group="part"),
    "localpart": TagSpec(group="part"),
    "domain": TagSpec(group="part"),
}


# Control, sections 3 and 4.  Builder.block joins if, elsif and else; they are never built alone.


def _misplaced(_build: Builder, bound: Bound) -> Step:
    raise ScriptError(bound.line, Phrase("'require' comes first; move it to the top of the script"))


def _stop(_build: Builder, _bound: Bound) -> Step:
    def stop(_state: State) -> None:
        raise Stopped

    return stop


# Actions, section 4


def _keep(build: Builder, bound: Bound) -> Step:
    flags = flag_list(build, bound)
    return lambda state: state.add_keep(flags(state) if flags else None)


def flag_list(build: Builder, bound: Bound) -> Callable[[State], tuple[str, ...]] | None:
    """The `:flags` of RFC 5232 section 5, where the internal variable does not count."""
    given = bound.tag_strings("flags")
    if given is None:
        return None
    texts = build.texts(given, bound.line)
    return lambda state: flags_of(state, texts(state))


def flags_of(state: State, words: tuple[str, ...]) -> tuple[str, ...]:
    """Read flags in a run."""
    state.spend(1 + sum(map(len, words)) // READ_CHARACTERS)
    return read_flags(words)


def read_flags(words: tuple[str, ...]) -> tuple[str, ...]:
    """Single flags, once each in any case; `\\Recent` and broken ones left out (RFC 5232 2)."""
    found: dict[str, str] = {}
    for flag in " ".join(words).split():
        system = flag.startswith("\\")
        if system and flag.lower() not in _SYSTEM_FLAGS:
            continue
        if not set('(){%*"]\\').isdisjoint(flag[1:] if system else flag) or not flag.isascii():
            continue
        found.setdefault(flag.lower(), flag)
    return tuple(found.values())[:MAX_FLAGS]


_SYSTEM_FLAGS = ("\\seen", "\\answered", "\\flagged", "\\deleted", "\\draft")


def _discard(_build: Builder, _bound: Bound) -> Step:
    def discard(state: State) -> None:
        state.implicit_keep = False
        state.add(Discard())

    return discard


def _redirect(build: Builder, bound: Bound) -> Step:
    given = bound.string("address")
    fixed = build.constant(given, bound.line)
    if fixed is not None and "list" not in bound.tags and not one_address(fixed):
        raise ScriptError(bound.line, Phrase("'%(fixed)s' is not an address; write name@domain", fixed=fixed))
    text = build.text(given, bound.line)
    copy = "copy" in bound.tags
    for word in bound.tag_strings("notify") or ():
        if (build.constant(word, bound.line) or "NEVER").upper() not in ("NEVER", "SUCCESS", "FAILURE", "DELAY"):
            raise ScriptError(
                bound.line, Phrase("':notify' knows NEVER, SUCCESS, FAILURE and DELAY, not '%(word)s'", word=word)
            )
    if (build.constant(bound.tag_string("ret") or "FULL", bound.line) or "FULL").upper() not in ("FULL", "HDRS"):
        raise ScriptError(bound.line, Phrase('\':ret\' is "FULL" or "HDRS"'))
    notify = build.texts(bound.tag_strings("notify") or (), bound.line)
    ret = build.text(bound.tag_string("ret") or "", bound.line)

    def redirect(state: State) -> None:
        address = text(state)
        if "list" in bound.tags:
            members = state.ask().list_members(address)
            if not members:
                raise state.fail(Phrase("redirect was given a list that has no addresses"))
            for member in members:
                state.add(Redirect(member, copy, octets=state.octets_to_send()))
            if not copy:
                state.implicit_keep = False
            return
        target = one_address(address)
        if not target:
            raise state.fail(Phrase("redirect was given no valid address"))
        if not copy:
            state.implicit_keep = False
        state.add(Redirect(target, copy, notify(state), ret(state), state.octets_to_send()))

    return redirect


# Tests, section 5


def _header(build: Builder, bound: Bound) -> Check:
    names = build.texts(bound.strings("header names"), bound.line)
    pick, values = picker(bound), values_of(build, bound)
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        return matcher(state, [v.strip(" \t\r\n") for name in names(state) for v in pick(values(state, name))])

    one = (
        build.constant(bound.strings("header names")[0], bound.line)
        if len(bound.strings("header names")) == 1
        else None
    )
    if one is None or "mime" in bound.tags or "index" in bound.tags:
        return check
    name = one.lower()  # by far the most frequent test

    def check_one(state: State) -> bool:
        return matcher(state, [value.strip(" \t\r\n") for value in state.header(name)])

    return check_one


def address_part(build: Builder, bound: Bound) -> Callable[[Address], str | None]:
    """Section 2.7.4 and RFC 5233; None when the address has no such part."""
    delimiters = build.options.subaddress_delimiters
    match bound.one_of("localpart", "domain", "user", "detail"):
        case "localpart":
            return lambda address: address.local
        case "domain":
            return lambda address: address.domain
        case "user":
            return lambda address: address.local and _split(address.local, delimiters)[0]
        case "detail":
            return lambda address: _split(address.local or "", delimiters)[1]
        case _:
            return lambda address: address.whole


def _split(local: str, delimiters: str) -> tuple[str, str | None]:
    """User and detail (RFC 5233 section 4), parted by the first of the site's delimiters."""
    at = next((place for place, character in enumerate(local) if character in delimiters), None)
    return (local, None) if at is None else (local[:at], local[at + 1 :])


def picker(bound: Bound) -> Callable[[Sequence[Value]], Sequence[Value]]:
    """Pick a field's values: all, or the one of `:index`, from the end with `:last` (RFC 5260 section 6)."""
    number = bound.tag_number("index")
    if number is None:
        if "last" in bound.tags:
            raise ScriptError(bound.line, Phrase("':last' goes with ':index'"))
        return lambda values: values
    if number < 1:
        raise ScriptError(bound.line, Phrase("':index' counts from 1"))
    if "last" in bound.tags:
        return lambda values: values[len(values) - number : len(values) - number + 1] if number <= len(values) else ()
    return lambda values: values[number - 1 : number]


def _address(build: Builder, bound: Bound) -> Check:
    for name in bound.strings("header names"):
        fixed = build.constant(name, bound.line)
        if fixed is not None and fixed.lower() not in ADDRESS_HEADERS:
            raise ScriptError(bound.line, Phrase("'%(fixed)s' holds no addresses; use the test 'header'", fixed=fixed))
    names = build.texts(bound.strings("header names"), bound.line)
    part, pick, values = address_part(build, bound), picker(bound), raw_values_of(bound)
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        found = []
        for name in names(state):
            for value in pick(values(state, name)):
                state.spend(1 + len(value) // 16)
                found += [text for each in state.message.addresses(value) if (text := part(each)) is not None]
        return matcher(state, found)

    return check


def _exists(build: Builder, bound: Bound) -> Check:
    names = build.texts(bound.strings("header names"), bound.line)
    values = values_of(build, bound)
    return lambda state: all(values(state, name) for name in names(state))


def _size(_build: Builder, bound: Bound) -> Check:
    limit = bound.number("size")
    match bound.one_of("over", "under"):
        case "over":
            return lambda state: state.size() > limit
        case "under":
            return lambda state: state.size() < limit
        case _:
            raise ScriptError(bound.line, Phrase("'size' needs ':over' or ':under'"))


def _not(build: Builder, bound: Bound) -> Check:
    inner = build.check(bound.tests[0])
    return lambda state: not inner(state)


def _all(build: Builder, bound: Bound) -> Check:
    return _joined(tuple(map(build.check, bound.tests)), until=False)


def _any(build: Builder, bound: Bound) -> Check:
    return _joined(tuple(map(build.check, bound.tests)), until=True)


def _joined(checks: tuple[Check, ...], until: bool) -> Check:
    def check(state: State) -> bool:
        for each in checks:
            state.spend(1)
            if each(state) is until:
                return until
        return not until

    return check


_NAMES = ("header names", Kind.STRINGS)
_KEYS = ("keys", Kind.STRINGS)

COMMANDS = {
    "require": CommandDef(Signature((("names", Kind.STRINGS),)), _misplaced),
    "if": CommandDef(Signature(tests=1, block=True), _misplaced),
    "elsif": CommandDef(Signature(tests=1, block=True), _misplaced),
    "else": CommandDef(Signature(block=True), _misplaced),
    "stop": CommandDef(Signature(), _stop),
    "keep": CommandDef(Signature(), _keep),
    "discard": CommandDef(Signature(), _discard),
    "redirect": CommandDef(Signature((("address", Kind.STRING),)), _redirect),
}

TESTS = {
    "address": TestDef(Signature((_NAMES, _KEYS), families=("match", "part")), _address),
    "header": TestDef(Signature((_NAMES, _KEYS), families=("match",)), _header),
    "exists": TestDef(Signature((_NAMES,)), _exists),
    "size": TestDef(
        Signature(
            (("size", Kind.NUMBER),),
            {"over": TagSpec(group="size"), "under": TagSpec(group="size")},
        ),
        _size,
    ),
    "not": TestDef(Signature(tests=1), _not),
    "allof": TestDef(Signature(tests=MANY), _all),
    "anyof": TestDef(Signature(tests=MANY), _any),
    "true": TestDef(Signature(), lambda build, bound: lambda state: True),
    "false": TestDef(Signature(), lambda build, bound: lambda state: False),
}
