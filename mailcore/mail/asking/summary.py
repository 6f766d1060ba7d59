"""Fields of a message for lists, SEARCH, SORT and THREAD, read once when its blob is stored.

Texts are folded (text.fold), so that the database compares them as they are.  The usual header fields stand beside
it verbatim, cut apart: FETCH of a few fields of ten thousand messages reads no headers.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from mailcore.mail.asking.ordering import base_subject
from mailcore.mail.reading import address, dates, header
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.text import fold

MAX_TEXT = 100_000  # octets of one kind of field that are read
MAX_LINE = 4096  # octets of a subject or a date that are read
MAX_REFERENCES = 1000
_ID = re.compile(r'<("(?:[^"\\\r\n]|\\.)*+"@[^<>\s]+|[^<>\s]+)>')

# What clients ask for in lists, and what our own trace fields never are.  The position is the mark before the field, so
# new names go to the end.
USUAL = (
    "from", "to", "cc", "bcc", "subject", "date", "message-id", "references", "in-reply-to", "reply-to", "sender",
    "content-type", "content-transfer-encoding", "content-description", "content-disposition", "content-language",
    "mime-version", "priority", "x-priority", "importance", "x-msmail-priority", "newsgroups", "lines", "x-label",
    "list-id", "list-post", "list-unsubscribe", "list-unsubscribe-post", "list-help", "list-subscribe", "list-archive",
    "disposition-notification-to", "x-mailer", "user-agent", "organization", "resent-from", "resent-to", "resent-date",
    "x-universally-unique-identifier", "x-uniform-type-identifier", "x-k9mail-identity", "auto-submitted", "precedence",
    "x-apple-base-url", "x-draft-info", "x-uid", "followup-to", "mail-followup-to", "mail-reply-to", "x-draft-status",
)  # fmt: skip
_MARKS = {name.encode(): 1 + at for at, name in enumerate(USUAL)}


@dataclass(frozen=True, slots=True)
class Summary:
    """`sent_at` in seconds, `sent_day` as an ordinal as written; None where there is no such field.

    `references` are message ids apart by spaces; `usual` is what `usual_fields` gives, or None.
    """

    sent_at: int | None
    sent_day: int | None
    is_answer: bool
    base: str
    subject: str | None
    sender: str | None
    recipient: str | None
    cc: str | None
    bcc: str | None
    from_key: str
    to_key: str
    cc_key: str
    from_name: str
    to_name: str
    message_id: str
    references: str
    usual: bytes | None


def summarise(fields: Header) -> Summary:
    """Sum up a message.  Never raises."""

    def raw(name: str) -> list[bytes]:
        return [value[:MAX_TEXT] for value in fields.raw_values(name)]

    subject, sender, to, cc = raw("subject"), raw("from"), raw("to"), raw("cc")
    base, is_answer = base_subject(header.decode(_one("subject", subject)[:MAX_LINE]))
    sent = dates.parse(header.decode(_one("date", raw("date"))[:MAX_LINE]))
    own = _ids(header.counting("message-id", raw("message-id")))[:1]
    # what has no @ is no message id, and hides none that In-Reply-To has
    references = [one for one in _ids(raw("references")) if "@" in one] or _ids(
        header.counting("in-reply-to", raw("in-reply-to"))
    )[:1]
    return Summary(
        int(sent.timestamp()) if sent else None,
        sent.toordinal() if sent else None,
        is_answer,
        fold(base),
        _text(subject),
        _text(sender),
        _text(to),
        _text(cc),
        _text(raw("bcc")),
        _localpart(_first(sender)),
        _localpart(_first(to)),
        _localpart(_first(cc)),
        _display(_first(sender)),
        _display(_first(to)),
        own[0] if own else "",
        " ".join(references[-MAX_REFERENCES:]),
        usual_fields(fields),
    )


def _text(values: list[bytes]) -> str | None:
    return fold("\n".join(map(header.decode, values[:100]))[:MAX_TEXT]) if values else None


def _ids(values: Sequence[bytes]) -> list[str]:
    """Return the ids without blanks, which a quoted one may hold: blanks separate ids where these are saved."""
    return ["".join(found.split()) for value in values for found in _ID.findall(header.decode(value))]


def _first(values: list[bytes]) -> bytes:
    """Return the first value of fields with addresses that says anything: an empty one hides no other, as in ENVELOPE."""
    return next((value for value in values if value.strip()), b"")


def _one(name: str, values: Sequence[bytes]) -> bytes:
    """Return the value that counts of the fields of a name, or nothing."""
    return b"".join(header.counting(name, values))


def _localpart(value: bytes) -> str:
    """Return the first address's local part (RFC 5256 section 3, FROM)."""
    return next((fold(one.localpart) for one in address.parse(value)), "")


def _display(value: bytes) -> str:
    """Return the first name, else its address (RFC 5957 section 3)."""
    return next((fold(one.name or f"{one.localpart}@{one.host}") for one in address.parse(value)), "")


def usual_fields(fields: Header) -> bytes | None:
    """The usual fields verbatim, NUL between them; before them their marks.  None if the block has NUL or is very long."""
    if b"\0" in fields.block or len(fields.block) > header.MAX_READ:
        return None
    marks: list[int] = []
    found: list[bytes] = []
    for name, raw, _ in fields.pieces:
        if mark := _MARKS.get(name.lower().encode("ascii", "replace")):
            marks.append(mark)
            found.append(raw)
    return b"\0".join([bytes(marks), *found])


class Chosen:
    """Some of the usual fields, to be taken from many messages, of which most have the same fields in one order."""

    def __init__(self, names: Collection[str], marks: Collection[int]) -> None:
        self._names, self._marks = tuple(names), frozenset(marks)
        self._pickers: dict[bytes, Callable[[list[bytes]], Iterable[bytes]]] = {}

    def pick_fields(self, usual: bytes | None, uncut: bytes | None) -> bytes:
        """Return the fields in their order and a blank line, as header.select gives them.

        Args:
            uncut: the whole header of a message that has no `usual`.
        """
        if usual is None:
            return header.select(uncut or b"", self._names, invert=False)
        pieces = usual.split(b"\0")
        pick = self._pickers.get(pieces[0])
        if pick is None:
            pick = self._pickers[pieces[0]] = self._picker(pieces[0])
        return b"".join(pick(pieces)) + b"\r\n"

    def _picker(self, marks: bytes) -> Callable[[list[bytes]], Iterable[bytes]]:
        """Make what takes the wanted ones of the pieces, of which the first holds the marks."""
        places = [place for place, mark in enumerate(marks, 1) if mark in self._marks]
        if len(places) > 1:
            return itemgetter(*places)
        return lambda pieces: [pieces[place] for place in places]


def choose(names: Collection[str]) -> Chosen | None:
    """Choose the usual fields of these names; None if one of them is not usual."""
    marks = [_MARKS.get(name.lower().encode("ascii", "replace"), 0) for name in names]
    return Chosen(names, marks) if all(marks) else None
