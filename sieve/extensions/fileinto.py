"""fileinto (RFC 5228 section 4.1)."""

import re

from sieve.actions import FileInto
from sieve.builder import Builder, CommandDef, Extension
from sieve.core import flag_list
from sieve.extensions.specialuse import read_use
from sieve.interpreter import State, Step
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature

_NO_NAME = re.compile(r"[\x00-\x1f\x7f\ufffd]")


def _is_name(mailbox: str) -> bool:
    """Check a mailbox name: not empty, no control characters, no octets that were not UTF-8 (RFC 5228 section 4.1)."""
    return bool(mailbox) and not _NO_NAME.search(mailbox)


def _fileinto(build: Builder, bound: Bound) -> Step:
    given = bound.string("mailbox")
    fixed = build.constant(given, bound.line)
    if fixed is not None and not _is_name(fixed):
        raise ScriptError(
            bound.line, Phrase("'fileinto' needs the name of a mailbox, found %(fixed)s", fixed=repr(fixed))
        )
    text = build.text(given, bound.line)
    flags = flag_list(build, bound)
    copy, create = "copy" in bound.tags, "create" in bound.tags
    use = read_use(build, bound, bound.tag_string("specialuse") or "")
    identity = build.text(bound.tag_string("mailboxid") or "", bound.line)

    def fileinto(state: State) -> None:
        mailbox = text(state)
        if not _is_name(mailbox):
            raise state.fail(Phrase("fileinto was given no valid mailbox name"))
        wanted = use(state)
        by_use = state.ask().mailbox_for(wanted) if wanted else None
        by_id = state.ask().mailbox_with_id(identity(state)) if "mailboxid" in bound.tags else None
        mailbox = by_id or by_use or mailbox
        if not copy:
            state.implicit_keep = False
        state.add(FileInto(mailbox, flags(state) if flags else state.flags, copy, create, wanted, state.octets()))

    return fileinto


EXTENSION = Extension(
    "fileinto",
    commands={"fileinto": CommandDef(Signature((("mailbox", Kind.STRING),)), _fileinto)},
)
