"""replace and enclose (RFC 5703 sections 5 and 6): other octets in the place of a part, or around the message.

Later tests and actions see the new message; only redirect takes the message as it was before it was enclosed.
"""

from email.utils import format_datetime
from hashlib import sha256

from sieve.builder import Builder, CommandDef, Extension
from sieve.interpreter import State, Step
from sieve.message import Field
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec

_MADE_ANEW = ("subject", "mime-version", "content-type", "content-transfer-encoding")


def _octets(text: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    return octets if octets.endswith(b"\r\n") or not octets else octets + b"\r\n"


def _fields(state: State) -> list[Field]:
    """The header as it is now, to be read only."""
    return list(state.edited_fields())


def _replace(build: Builder, bound: Bound) -> Step:
    text = build.text(bound.string("replacement"), bound.line)
    given = {
        tag: build.text(bound.tag_string(tag) or "", bound.line) for tag in ("subject", "from") if tag in bound.tags
    }
    mime = "mime" in bound.tags

    def replace(state: State) -> None:
        entity = _octets(text(state)) if mime else state.message.new_text(text(state))
        part = state.part
        if part is not None and part.begin > 0:
            # the line end before the next boundary is the boundary's (RFC 2046 section 5.1.1)
            state.replace_part(part, entity.removesuffix(b"\r\n"))
            return
        kept: list[bytes] = []
        for field in _fields(state):
            name = field.name.lower()
            if name in given:
                kept.append(b"Original-" + field.raw)
            elif not name.startswith("content-") and name != "mime-version":
                kept.append(field.raw)
        new = [state.new_field(tag.capitalize(), value(state)).raw for tag, value in given.items()]
        state.replace_message(b"".join((*kept, *new, b"MIME-Version: 1.0\r\n", entity)))

    return replace


def _enclose(build: Builder, bound: Bound) -> Step:
    text = build.text(bound.string("text"), bound.line)
    given = bound.tag_string("subject")
    subject = build.text(given or "", bound.line)
    names = build.texts(bound.tag_strings("headers") or (), bound.line)
    if build.loops:
        raise ScriptError(bound.line, Phrase("'enclose' is for the whole message; move it out of 'foreverypart'"))

    def enclose(state: State) -> None:
        copied = {name.lower() for name in names(state)}.difference(_MADE_ANEW if given is not None else _MADE_ANEW[1:])
        if given is None:
            copied.add("subject")
        fields = [field.raw for field in _fields(state) if field.name.lower() in copied]
        if "date" not in copied:
            fields.append(state.new_field("Date", format_datetime(state.message.now)).raw)
        if "from" not in copied:
            fields.append(state.new_field("From", f"<{state.message.envelope_to}>").raw)
        if given is not None:
            fields.append(state.new_field("Subject", subject(state)).raw)
        old = state.octets() or state.message.whole()
        mark = b"=_" + sha256(old).hexdigest()[:40].encode()
        encoding = b"" if old.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"  # RFC 2045 section 6.4: of both
        head = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="' + mark + b'"\r\n' + encoding + b"\r\n"
        message = b"Content-Type: message/rfc822\r\n" + encoding + b"\r\n" + old
        state.enclose(
            b"".join(fields)
            + head
            + b"--"
            + mark
            + b"\r\n"
            + state.message.new_text(text(state))
            + b"\r\n--"
            + mark
            + b"\r\n"
            + message
            + b"\r\n--"
            + mark
            + b"--\r\n"
        )

    return enclose


REPLACE = Extension(
    "replace",
    commands={
        "replace": CommandDef(
            Signature(
                (("replacement", Kind.STRING),),
                {"mime": TagSpec(), "subject": TagSpec(Kind.STRING), "from": TagSpec(Kind.STRING)},
            ),
            _replace,
        )
    },
)
ENCLOSE = Extension(
    "enclose",
    commands={
        "enclose": CommandDef(
            Signature((("text", Kind.STRING),), {"subject": TagSpec(Kind.STRING), "headers": TagSpec(Kind.STRINGS)}),
            _enclose,
        )
    },
)
