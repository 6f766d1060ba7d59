"""mailto URIs (RFC 6068), as far as a notification may use them (RFC 5436 section 2)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sieve.message import mailboxes

_FIELD = re.compile(r"[!-9;-~]+", re.ASCII)
_BAD = re.compile(r"%(?![0-9A-Fa-f]{2})|[\s<>\"]")
# RFC 5436 section 2.3: who sends and when is not for the URI to say, nor is the form of the body.
_NOT_TAKEN = re.compile(
    r"from|sender|reply-to|to|cc|bcc|date|message-id|received|return-path|auto-submitted|mime-version|content-.*|resent-.*|x-original.*"
)


@dataclass(frozen=True, slots=True)
class Mailto:
    """`to`, `cc` and `bcc` as written, with display names; `fields` are others that may stand in the message."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    addresses: tuple[str, ...]
    fields: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    body: str = ""


def read_mailto(uri: str) -> Mailto | None:
    """None if it is no mailto URI, or names nobody or somebody who has no address."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "mailto" or _BAD.search(rest):
        return None
    path, _, query = rest.partition("?")
    lists: dict[str, list[str]] = {"to": [unquote(path)] if path else [], "cc": [], "bcc": []}
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
    found: dict[str, None] = {}
    for name, values in lists.items():
        read = [mailboxes(value) for value in values]
        if any(each is None for each in read):
            return None
        pairs = [pair for each in read if each is not None for pair in each]
        shown[name] = tuple(dict.fromkeys(text for text, _ in pairs))
        found.update(dict.fromkeys(address for _, address in pairs))
    if not found:
        return None
    subject, body = fields.pop("subject", ""), fields.pop("body", "")
    taken = tuple((name, value) for name, value in fields.items() if not _NOT_TAKEN.fullmatch(name))
    return Mailto(shown["to"], shown["cc"], tuple(found), taken, subject, body)
