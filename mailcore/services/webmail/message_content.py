"""Content of a message, which may stand in a mailbox or within another message: decoded fields, text, files.

A very large text, plain or HTML, is divided into portions (portions.py), and what is told of it is told of the portion.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from mailcore.mail.judging import links, written_language
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body, html_scan, protection
from mailcore.mail.showing.protection import Protection
from mailcore.mail.showing.wrapped import Opened
from mailcore.services.webmail import attachments, html_mail, portions
from mailcore.services.webmail.attachments import MailFile

MAX_HOSTS = 30
MAX_LINKS = 5000
_SPECIAL = re.compile(r'[,;:<>@"()\[\]\\]')  # of RFC 5322 section 3.2.3; a dot alone is read rightly
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Content:
    """`designed` tells whether there is a designed version, `thin` that the text says too little.

    `sent` is what the author's clock said.  `language` is a tag (RFC 5646) for who hears the message read, "" if it is not known.
    `portion` counts from 1, of `portions`; `html` is the HTML of that portion.
    """

    subject: str
    sender: str
    reply_to: str
    to: str
    cc: str
    sent: datetime | None
    body: str
    files: tuple[MailFile, ...]
    designed: bool
    thin: bool
    html: str
    remote: bool  # does the designed version ask for pictures from the network?
    protection: Protection | None
    language: str
    hosts: tuple[tuple[str, int], ...]  # where links of the designed version lead, and how many
    portion: int
    portions: int


def read_content(octets: Octets, root: Part, fields: Header, portion: int = 1) -> Content:
    """Read a message whose root is a part of these octets.  Never raises."""
    read = body.read(octets, root)
    written = portions.divide(octets, read.written)
    designed = portions.divide(octets, read.designed) if read.designed else []
    count = max(len(written), len(designed))
    portion = min(max(portion, 1), count)
    pieces = portions.choose(written, portion)
    shown = portions.read_shown(pieces)
    html = "\n".join(piece.text for piece in portions.choose(designed, portion) if piece.is_html)
    is_thin = bool(designed) and (not pieces or pieces[0].is_html or _is_thin(portions.read_shown(pieces[:1]), html))
    return Content(
        fields.text("subject"),
        _people(fields, "from"),
        _people(fields, "reply-to"),
        _people(fields, "to"),
        _people(fields, "cc"),
        fields.sent_at,
        shown,
        attachments.list_files(octets, root),
        bool(designed),
        is_thin,
        html,
        html_mail.has_remote(html),
        protection.find_protection(root, shown),
        written_language.find_language(_declared(root, read.written), shown),
        _count_hosts(html),
        portion,
        count,
    )


def read_inside(opened: Opened, portion: int = 1) -> Content:
    """Read a message within a message (inside.py)."""
    return read_content(opened.octets, opened.root, Header(opened.header), portion)


def _declared(root: Part, shown: tuple[Part, ...]) -> tuple[str, ...]:
    """Return the Content-Language of the text that is shown, or of the whole."""
    return (shown[0].language if len(shown) == 1 else ()) or root.language


def _count_hosts(html: str) -> tuple[tuple[str, int], ...]:
    """Count the hosts that links lead to, the commonest first."""
    targets = (target for _, target in islice(html_scan.links(html), MAX_LINKS))
    hosts = Counter(links.host(one) for one in targets if one.lower().startswith(("http://", "https://")))
    return tuple((links.unmistakable(host), count) for host, count in hosts.most_common(MAX_HOSTS) if host)


def _people(fields: Header, name: str) -> str:
    """Everybody in the fields of that name: names with their addresses in brackets, addresses alone without.

    A name may not turn the reading direction of the address behind it.
    """
    written = (
        f"{phrase(_TURNS.sub('', one.name))} <{one.spec}>" if one.name and one.spec else one.shown
        for one in fields.addresses(name)
    )
    return ", ".join(written) or fields.text(name)


def phrase(name: str) -> str:
    """A name as one types it before an address: one that looks like more than a name is quoted."""
    return '"' + name.replace("\\", "").replace('"', "'") + '"' if _SPECIAL.search(name) else name


def _is_thin(written: str, html: str) -> bool:
    """No text, or only a line that sends the reader to the designed version."""
    return not written.strip() or (len(written.strip()) < 120 and len(html) > 3000)
