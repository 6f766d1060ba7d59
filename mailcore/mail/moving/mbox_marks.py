"""Flags, keywords and labels that mail programs note in fields of an mbox file.

Status and X-Status (mutt, Pine, Dovecot), X-Keywords (Dovecot), X-Mozilla-* (Thunderbird), X-Evolution, X-Gmail-Labels (Google
Takeout).  These fields are the program's, not the message's: they are read and left out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailcore.mail.asking.keywords import as_keyword, is_keyword
from mailcore.mail.reading import header

STATUS = {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted", "T": "\\Draft"}
# nsMsgMessageFlags.idl: of X-Mozilla-Status, a hexadecimal number
_MOZILLA = {0x1: "\\Seen", 0x2: "\\Answered", 0x4: "\\Flagged", 0x8: "\\Deleted", 0x1000: "$Forwarded"}
_MOZILLA_DELETED, _MOZILLA_LABEL = 0x200000, 25  # of X-Mozilla-Status2; three bits from here on are a label
_EVOLUTION = {0x1: "\\Answered", 0x2: "\\Deleted", 0x4: "\\Draft", 0x8: "\\Flagged", 0x10: "\\Seen"}
_HEX = re.compile(r"[0-9A-Fa-f]{1,8}")
MAX_WORDS = 64  # keywords of a message, as STORE takes


@dataclass(frozen=True, slots=True)
class Marks:
    """Flags and labels that a mail program noted of a message.

    Attributes:
        labels: of Gmail, as its owner reads them; None without the field.
    """

    flags: frozenset[str] = frozenset()
    labels: tuple[str, ...] | None = None


def read(block: bytes) -> Marks:
    """Read the marks of a header block."""
    flags: set[str] = set()
    labels: tuple[str, ...] | None = None
    for name, raw in header.fields(block):
        if reader := _READERS.get(name.lower()):
            flags |= reader(header.unfold(raw).decode("latin-1"))
        elif name.lower() == "x-gmail-labels":
            labels = (*(labels or ()), *gmail_labels(header.unfolded(raw)))
    return Marks(frozenset(flags), labels)


def is_mark(name: str) -> bool:
    """Is it a field of the program that wrote the file?"""
    return name.lower() in _FIELDS


def words(value: str) -> frozenset[str]:
    """Split a list into keywords; what cannot be one is left out."""
    return frozenset([word for word in re.split(r"[\s,]+", value) if is_keyword(word)][:MAX_WORDS])


def _status(value: str) -> frozenset[str]:
    return frozenset(flag for letter, flag in STATUS.items() if letter in value)


def _mozilla_status(value: str) -> frozenset[str]:
    return _bits(value, _MOZILLA)


def _mozilla_status2(value: str) -> frozenset[str]:
    found = _HEX.fullmatch(value.strip())
    number = int(found[0], 16) if found else 0
    label = number >> _MOZILLA_LABEL & 7
    deleted = {"\\Deleted"} if number & _MOZILLA_DELETED else set()
    return frozenset(deleted | ({f"$label{label}"} if 1 <= label <= 5 else set()))


def _evolution(value: str) -> frozenset[str]:
    return _bits(value.rpartition("-")[2], _EVOLUTION)


def _bits(value: str, meaning: Mapping[int, str]) -> frozenset[str]:
    found = _HEX.fullmatch(value.strip())
    number = int(found[0], 16) if found else 0
    return frozenset(flag for bit, flag in meaning.items() if number & bit)


_READERS: dict[str, Callable[[str], frozenset[str]]] = {
    "status": _status,
    "x-status": _status,
    "x-keywords": words,
    "x-mozilla-status": _mozilla_status,
    "x-mozilla-status2": _mozilla_status2,
    "x-mozilla-keys": words,
    "x-evolution": _evolution,
}
_FIELDS = frozenset({*_READERS, "x-imapbase", "x-imap", "x-uid", "x-gmail-labels", "x-gm-thrid", "x-alumnimail"})


# Gmail


@dataclass(frozen=True, slots=True)
class Place:
    """Destination of a message with Gmail's labels.

    Attributes:
        mailbox: its name, "" where no label says.
        special_use: such as `\\Sent`.
        flags: what the labels say of it.
    """

    mailbox: str
    special_use: str
    flags: frozenset[str]


# Labels are in the language of the account.  In the order in which one wins: what is in Trash is in no other place.
_BOXES: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("Trash", "\\Trash", frozenset({"trash", "bin", "papirkurv"})),
    ("Junk", "\\Junk", frozenset({"spam", "søppelpost"})),
    ("Drafts", "\\Drafts", frozenset({"draft", "drafts", "utkast"})),
    ("Sent", "\\Sent", frozenset({"sent", "sendt"})),
    ("INBOX", "", frozenset({"inbox", "innboks", "innboksen"})),
)
_ARCHIVE = ("Archive", "\\Archive")
_UNREAD = frozenset({"unread", "ulest", "uåpnet", "ulesen"})
_OPENED = frozenset({"opened", "åpnet", "opna"})
_STARRED = frozenset({"starred", "stjernemerket", "stjernemerka"})
_NOTHING = frozenset({"archived", "arkivert", "important", "viktig", "chat", "chats", "nettprat", *_OPENED})
_CATEGORY = re.compile(r"(?i)(category|kategori\w*)\b")


def gmail_labels(value: str) -> tuple[str, ...]:
    """`Inbox,Opened,"Work, old"`."""
    found = (
        part[1:-1] if part.startswith('"') and part.endswith('"') and len(part) > 1 else part
        for part in (one.strip() for one in re.findall(r'(?:"[^"]*+"|[^,"]|")++', value)[:200])
    )
    return tuple(part for part in found if part)


def place_of(labels: tuple[str, ...]) -> Place:
    """Gmail's own mailboxes first, then the first label of the owner; the owner's other labels become keywords."""
    lower = {label.lower() for label in labels}
    flags = set() if lower & _UNREAD else {"\\Seen"}
    flags |= {"\\Flagged"} if lower & _STARRED else set()
    own = [label for label in labels if not _is_gmails(label)]
    mailbox, special = next(((name, use) for name, use, said in _BOXES if lower & said), ("", ""))
    flags |= {"\\Draft"} if special == "\\Drafts" else set()
    if not mailbox:
        mailbox, special = (own.pop(0), "") if own else _ARCHIVE
    flags |= set([word for label in own if (word := as_keyword(label))][:MAX_WORDS])
    return Place(mailbox, special, frozenset(flags))


def _is_gmails(label: str) -> bool:
    lower = label.lower()
    known = _UNREAD | _STARRED | _NOTHING
    return lower in known or _CATEGORY.match(label) is not None or any(lower in said for _name, _use, said in _BOXES)
