"""mailto URIs (RFC 6068), as far as a notification may use them (RFC 5436 section 2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from sieve.addrspec import comparable
from sieve.message import mailboxes, one_address

MAX_LENGTH = 8192  # characters; what a script makes of variables has less than 4,000
_FIELD = re.compile(r"[!-9;-~]+", re.ASCII)
_BAD = re.compile(r"%(?![0-9A-Fa-f]{2})|[\s<>\"]")
# RFC 5436 section 2.3: who sends and when is not for the URI to say, nor is the form of the body.
_NOT_TAKEN = re.compile(
    r"from|sender|reply-to|to|cc|bcc|date|message-id|received|return-path|auto-submitted|mime-version|content-.*|resent-.*|x-original.*"
)


@dataclass(frozen=True, slots=True)
class Mailto:
    """`to` and `cc` as written, with display names; `fields` are others that may stand in the message."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    addresses: tuple[str, ...]
    fields: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    body: str = ""

    def without(self, addresses: Iterable[str]) -> "Mailto":
        """Leave out those whom an earlier notification reached."""
        gone = {comparable(address) for address in addresses}

        def left(shown: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text for text in shown if comparable(one_address(text)) not in gone)

        addressed = tuple(address for address in self.addresses if comparable(address) not in gone)
        return replace(self, to=left(self.to), cc=left(self.cc), addresses=addressed) if gone else self


def read_mailto(uri: str) -> Mailto | None:
    """Parse a mailto URI; None if it is none, or names nobody or somebody who has no address.

    A `bcc` does nothing: whoever is notified of somebody's mail is named in the message (RFC 5436 section 2.3).  One that names
    nobody else is no error, since scripts that have it worked before.  An address that stands twice counts once.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "mailto" or len(rest) > MAX_LENGTH or _BAD.search(rest):
        return None
    path, _, query = rest.partition("?")
    lists: dict[str, list[str]] = {"to": [unquote(path)] if path else [], "cc": []}
    fields: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        name = unquote(name).lower()
        if not equals or not _FIELD.fullmatch(name):
            return None
        if name in lists:
            lists[name].append(unquote(value))
        else:
            fields[name] = unquote(value)
    shown: dict[str, tuple[str, ...]] = {}
    found: dict[str, str] = {}  # by what they mean
    for name, values in lists.items():
        read = [mailboxes(value) for value in values]
        if any(each is None for each in read):
            return None
        new = {
            comparable(address): (text, address) for each in reversed(read) for text, address in reversed(each or [])
        }
        fresh = [pair for key, pair in reversed(new.items()) if key not in found]
        shown[name] = tuple(text for text, _ in fresh)
        found |= {comparable(address): address for _, address in fresh}
    if not found and "bcc" not in fields:
        return None
    subject, body = fields.pop("subject", ""), fields.pop("body", "")
    taken = tuple((name, value) for name, value in fields.items() if not _NOT_TAKEN.fullmatch(name))
    return Mailto(shown["to"], shown["cc"], tuple(found.values()), taken, subject, body)
