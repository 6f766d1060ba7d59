"""foreverypart, break, :mime and extracttext (RFC 5703 sections 3, 4 and 7); replace and enclose stand in mime_edit."""

from sieve.builder import Builder, CommandDef, Extension
from sieve.extensions.body import every_part, is_text, readable_text
from sieve.extensions.variables import MODIFIERS, change_text, count_characters
from sieve.interpreter import State, Step
from sieve.limits import MAX_LOOPS
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec
from sieve.strings import variable_name


class _Broken(Exception):
    """`break`: the loop of that name ends, the innermost for ""."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _for_every_part(build: Builder, bound: Bound) -> Step:
    name = bound.tag_string("name") or ""
    if len(build.loops) >= MAX_LOOPS:
        problem = Phrase(
            "'foreverypart' stands more than %(most)s deep in others; make the script flatter", most=MAX_LOOPS
        )
        raise ScriptError(bound.line, problem)
    build.loops.append(name)
    block = build.block(bound.block or ())
    build.loops.pop()

    def loop(state: State) -> None:
        outer = state.part
        state.loops += 1
        if state.loops > MAX_LOOPS:
            raise state.fail(Phrase("'foreverypart' stands more than %(most)s deep in others", most=MAX_LOOPS))
        # inside another loop: what lies below its part (section 3)
        parts = every_part(state, state.root()) if outer is None else every_part(state, outer)[1:]
        try:
            for part in parts:
                if state.is_replaced(part):
                    continue
                state.part = part
                block(state)
        except _Broken as broken:
            if broken.name and broken.name != name:
                raise
        finally:
            state.part = outer
            state.loops -= 1
            if outer is None:
                state.settle_parts()

    return loop


def _break(build: Builder, bound: Bound) -> Step:
    name = bound.tag_string("name") or ""
    if not build.loops:
        raise ScriptError(bound.line, Phrase("'break' stands in a 'foreverypart' only"))
    if name and name not in build.loops:
        raise ScriptError(bound.line, Phrase("no 'foreverypart' around is named '%(name)s'", name=name))

    def leave(_state: State) -> None:
        raise _Broken(name)

    return leave


def _extract_text(build: Builder, bound: Bound) -> Step:
    if "variables" not in build.required:
        raise ScriptError(bound.line, Phrase("'extracttext' needs: require \"variables\";"))
    name = variable_name(bound.string("variable name"), bound.line)
    if not build.loops:
        raise ScriptError(bound.line, Phrase("'extracttext' stands in a 'foreverypart' only"))
    key, first = build.variable(name), bound.tag_number("first")
    modifiers = [change for tag, (_, change) in MODIFIERS.items() if tag in bound.tags]

    def extract(state: State) -> None:
        part = state.part
        text = readable_text(state, part)[:first] if part is not None and is_text(part) else ""
        if count_characters not in modifiers:
            text = text[: state.options.max_variable_length]
        state.assign(key, change_text(state, text, modifiers))

    return extract


_MIME = {"mime": TagSpec(), "anychild": TagSpec()}
_OPTIONS = {
    "type": TagSpec(group="option"),
    "subtype": TagSpec(group="option"),
    "contenttype": TagSpec(group="option"),
    "param": TagSpec(Kind.STRINGS, group="option"),
}
MIME = Extension("mime", tags={"header": _MIME | _OPTIONS, "address": _MIME, "exists": _MIME})  # sections 4.1 to 4.3
FOR_EVERY_PART = Extension(
    "foreverypart",
    commands={
        "foreverypart": CommandDef(Signature(tags={"name": TagSpec(Kind.STRING)}, block=True), _for_every_part),
        "break": CommandDef(Signature(tags={"name": TagSpec(Kind.STRING)}), _break),
    },
)
EXTRACT_TEXT = Extension(
    "extracttext",
    commands={
        "extracttext": CommandDef(
            Signature(
                (("variable name", Kind.STRING),),
                {
                    "first": TagSpec(Kind.NUMBER),
                    **{tag: TagSpec(group=str(rank)) for tag, (rank, _) in MODIFIERS.items()},
                },
            ),
            _extract_text,
        )
    },
    wants=("foreverypart", "variables"),
)
