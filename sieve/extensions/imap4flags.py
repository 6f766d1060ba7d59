"""Flags (RFC 5232): an internal variable, or one of RFC 5229, holding flags apart by spaces."""

from collections.abc import Callable

from sieve.builder import Builder, CommandDef, Extension, TestDef
from sieve.core import flags_of, read_flags
from sieve.interpreter import Check, State, Step
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec
from sieve.strings import variable_name

Flags = tuple[str, ...]


def _set(_old: Flags, new: Flags) -> Flags:
    return new


def _add(old: Flags, new: Flags) -> Flags:
    return read_flags(old + new)


def _remove(old: Flags, new: Flags) -> Flags:
    gone = {flag.lower() for flag in new}
    return tuple(flag for flag in old if flag.lower() not in gone)


def _variable(build: Builder, bound: Bound) -> str | None:
    if "variable name" not in bound.values:
        return None
    if "variables" not in build.required:
        raise ScriptError(bound.line, Phrase("'%(name)s' on a variable needs: require \"variables\";", name=bound.name))
    return build.variable(variable_name(bound.string("variable name"), bound.line))


def _change(how: Callable[[Flags, Flags], Flags]) -> Callable[[Builder, Bound], Step]:
    def built(build: Builder, bound: Bound) -> Step:
        variable = _variable(build, bound)
        texts = build.texts(bound.strings("flags"), bound.line)
        constants = [build.constant(each, bound.line) for each in bound.strings("flags")]
        known = read_flags(tuple(each for each in constants if each is not None)) if None not in constants else None

        def change(state: State) -> None:
            new = flags_of(state, texts(state)) if known is None else known
            if variable is None:
                state.flags = how(state.flags, new)
            else:
                old = flags_of(state, (state.read(variable),))
                state.assign(variable, " ".join(how(old, new)))

        return change

    return built


def _has_flag(build: Builder, bound: Bound) -> Check:
    names = None
    if "variable names" in bound.values:
        names = tuple(build.variable(name.lower()) for name in bound.strings("variable names"))
    if names is not None and "variables" not in build.required:
        raise ScriptError(bound.line, Phrase("'hasflag' on a variable needs: require \"variables\";"))
    keys = bound.strings("flags")
    if not bound.one_of("value", "count"):
        keys = tuple(flag for key in keys for flag in (key.split() or [key]))
    matcher = build.matcher(bound, keys)

    def check(state: State) -> bool:
        if names is None:
            return matcher(state, state.flags)
        found = [f for name in names for f in flags_of(state, (state.read(name),))]
        return matcher(state, found)

    return check


def _flags(variable: str, kind: Kind, *families: str) -> Signature:
    return Signature(((variable, kind), ("flags", Kind.STRINGS)), families=families, optional_first=True)


_NAME = _flags("variable name", Kind.STRING)

EXTENSION = Extension(
    "imap4flags",
    commands={
        "setflag": CommandDef(_NAME, _change(_set)),
        "addflag": CommandDef(_NAME, _change(_add)),
        "removeflag": CommandDef(_NAME, _change(_remove)),
    },
    tests={"hasflag": TestDef(_flags("variable names", Kind.STRINGS, "match"), _has_flag)},
    tags=dict.fromkeys(("keep", "fileinto", "vacation", "notify"), {"flags": TagSpec(Kind.STRINGS)}),
)
