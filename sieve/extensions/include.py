"""include, return and global (RFC 6609).

Included scripts are compiled with the one that names them; each has variables of its own, and shares those that it declares
global.
"""

from sieve.builder import Builder, CommandDef, Extension
from sieve.interpreter import Returned, State, Step
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec
from sieve.strings import variable_name


def _include(build: Builder, bound: Bound) -> Step:
    name = bound.string("script name")
    place = bound.one_of("personal", "global") or "personal"
    fixed = build.constant(name, bound.line)
    if not fixed or any(ord(c) < 32 or 0x7F <= ord(c) <= 0x9F or c in "\u2028\u2029" for c in fixed):
        problem = Phrase(
            "%(name)s is not the name of a script; it cannot hold variables or control characters", name=repr(name)
        )
        raise ScriptError(bound.line, problem)
    name = fixed
    tags = bound.tags
    start = build.included(place, name, bound.line, optional="optional" in tags, once="once" in tags)
    once, key = "once" in bound.tags, (place, name)

    def include(state: State) -> None:
        if start is None or (once and key in state.included):
            return
        state.included.add(key)
        mine, line = state.variables, state.line
        state.variables = {}
        try:
            start(state)
        except Returned:
            pass
        finally:
            state.variables, state.line = mine, line

    return include


def _return(_build: Builder, _bound: Bound) -> Step:
    def leave(_state: State) -> None:
        raise Returned

    return leave


def _global(build: Builder, bound: Bound) -> Step:
    if "variables" not in build.required:
        raise ScriptError(bound.line, Phrase("'global' needs: require \"variables\";"))
    for name in bound.strings("names"):
        variable = variable_name(name, bound.line)
        # section 3.4.1; half of the script would mean one variable, the other half another
        if variable in build.locals:
            problem = Phrase(
                "'global' makes '%(name)s' global after it was used; move it to the top of the script", name=name
            )
            raise ScriptError(bound.line, problem)
        build.globals.add(variable)
    return lambda state: None


EXTENSION = Extension(
    "include",
    commands={
        "include": CommandDef(
            Signature(
                (("script name", Kind.STRING),),
                {
                    "personal": TagSpec(group="location"),
                    "global": TagSpec(group="location"),
                    "once": TagSpec(),
                    "optional": TagSpec(),
                },
            ),
            _include,
        ),
        "return": CommandDef(Signature(), _return),
        "global": CommandDef(Signature((("names", Kind.STRINGS),)), _global),
    },
)
