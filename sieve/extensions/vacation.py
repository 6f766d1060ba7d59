"""vacation (RFC 5230).  It says what to answer; the delivery decides whether to (section 4.6)."""

from hashlib import sha256

from sieve import limits
from sieve.actions import Vacation
from sieve.builder import Builder, CommandDef, Extension
from sieve.extensions.fcc import fcc_of
from sieve.interpreter import State, Step
from sieve.message import one_address
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec

DAY = 86_400


def _handle(*words: str) -> str:
    """Derive a handle, so that another reply gets another one (section 4.2)."""
    return sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()[:32]


def _vacation(build: Builder, bound: Bound) -> Step:
    line = bound.line
    given_from = bound.tag_string("from") or ""
    fixed = build.constant(given_from, line)
    if fixed and not one_address(fixed):
        raise ScriptError(line, Phrase("':from' needs one address, found '%(fixed)s'", fixed=fixed))
    reason = build.text(bound.string("reason"), line)
    subject = build.text(bound.tag_string("subject") or "", line)
    from_address = build.text(given_from, line)
    own = build.texts(bound.tag_strings("addresses") or (), line)
    handle = build.text(bound.tag_string("handle") or "", line)
    wished = bound.tag_number("days")
    seconds = bound.tag_number("seconds")
    if seconds is None:
        days = limits.DEFAULT_VACATION_DAYS if wished is None else wished
        seconds = max(days, 1) * DAY
    seconds = min(max(seconds, build.options.vacation_min_seconds), limits.MAX_VACATION_DAYS * DAY)
    days = seconds // DAY
    fcc = fcc_of(build, bound)
    mime = "mime" in bound.tags

    def vacation(state: State) -> None:
        words, title, sender = reason(state), subject(state), from_address(state)
        if sender and not one_address(sender):
            raise state.fail(Phrase("vacation :from was given no valid address"))
        title = " ".join(title.split())
        name = handle(state) or _handle(words, title, sender, str(mime))
        state.add(Vacation(words, title, sender, own(state), days, name, mime, seconds, fcc(state)))

    return vacation


EXTENSION = Extension(
    "vacation",
    commands={
        "vacation": CommandDef(
            Signature(
                (("reason", Kind.STRING),),
                {
                    "days": TagSpec(Kind.NUMBER, group="interval"),
                    "subject": TagSpec(Kind.STRING),
                    "from": TagSpec(Kind.STRING),
                    "addresses": TagSpec(Kind.STRINGS),
                    "mime": TagSpec(),
                    "handle": TagSpec(Kind.STRING),
                },
            ),
            _vacation,
        )
    },
)

SECONDS = Extension(
    "vacation-seconds",  # RFC 6131
    tags={"vacation": {"seconds": TagSpec(Kind.NUMBER, group="interval")}},
    implies=("vacation",),
)
