"""addheader and deleteheader (RFC 5293).  Later tests and actions see the changed header."""

from sieve.builder import Builder, CommandDef, Extension
from sieve.core import picker
from sieve.interpreter import State, Step
from sieve.limits import Options
from sieve.message import CONTROL, FIELD_NAME
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec

PROTECTED = ("received", "auto-submitted")  # section 5: never deleted


def _checked(build: Builder, bound: Bound) -> None:
    fixed = build.constant(bound.string("field name"), bound.line)
    if fixed is not None and not FIELD_NAME.fullmatch(fixed):
        raise ScriptError(
            bound.line, Phrase("'%(fixed)s' is not the name of a header field; use letters, digits and -", fixed=fixed)
        )


def _problem(value: str, options: Options) -> str:
    """Return the problem with the value of a new field, "" if there is none."""
    if "\0" in value:
        return Phrase("a header field cannot hold the character NUL")
    if len(value.encode("utf-8", "replace")) > options.max_field_octets:
        return Phrase("a header field may have at most %(most)s octets", most=options.max_field_octets)
    return ""


def _add(build: Builder, bound: Bound) -> Step:
    _checked(build, bound)
    name = build.text(bound.string("field name"), bound.line)
    value = build.text(bound.string("value"), bound.line)
    constant = build.constant(bound.string("value"), bound.line)
    if constant is not None:
        if problem := _problem(constant, build.options):
            raise ScriptError(bound.line, problem)
        if CONTROL.search(constant):  # section 4; what variables bring of a stranger's message becomes a blank instead
            raise ScriptError(bound.line, Phrase("a header field cannot hold control characters"))
    last = "last" in bound.tags

    def add(state: State) -> None:
        called, text = name(state), value(state)
        if not FIELD_NAME.fullmatch(called):
            raise state.fail(Phrase("addheader was given no valid field name"))
        if problem := _problem(text, state.options):
            raise state.fail(problem)
        state.count_edit()
        fields = state.edited_fields()
        fields.insert(len(fields) if last else 0, state.new_field(called, text))

    return add


def _delete(build: Builder, bound: Bound) -> Step:
    _checked(build, bound)
    name = build.text(bound.string("field name"), bound.line)
    pick = picker(bound)
    patterns = bound.values.get("value patterns")
    matcher = build.matcher(bound, bound.strings("value patterns")) if patterns is not None else None

    def delete(state: State) -> None:
        called = name(state).lower()
        if called in PROTECTED:
            return
        fields = state.edited_fields()
        places = [at for at, field in enumerate(fields) if field.name.lower() == called]
        chosen = [int(at) for at in pick([str(at) for at in places])]
        before = state.matched
        gone = [at for at in chosen if matcher is None or matcher(state, (fields[at].value.strip(),))]
        state.matched = before
        if gone:
            state.count_edit()
        for at in reversed(gone):
            del fields[at]

    return delete


EXTENSION = Extension(
    "editheader",
    commands={
        "addheader": CommandDef(
            Signature((("field name", Kind.STRING), ("value", Kind.STRING)), {"last": TagSpec()}), _add
        ),
        "deleteheader": CommandDef(
            Signature(
                (("field name", Kind.STRING), ("value patterns", Kind.STRINGS)),
                {"index": TagSpec(Kind.NUMBER), "last": TagSpec()},
                families=("match",),
                optional_last=True,
            ),
            _delete,
        ),
    },
)
