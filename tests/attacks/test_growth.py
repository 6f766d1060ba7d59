"""Readers of strangers' text take time by its length, whatever they do inside: searches within loops, lists, slices, `in`.

`test_patterns.py` pumps each pattern alone; here whole readers are pumped with pieces of what they read.  Only the thread's own
processor time counts, the best of several; what is linear takes four times as long for four times the text, what is quadratic
sixteen times.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from mailcore.config import Limits
from mailcore.mail.asking import derived
from mailcore.mail.judging import signs
from mailcore.mail.moving import vcard, whole_cards
from mailcore.mail.passing import authresults, signature
from mailcore.mail.reading import address, charsets, parameters, returned, rtf, uu_blocks, words
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import body, flowed, html_text, invitation, searchable
from mailcore.services.newsletters import writing
from mailcore.services.tickets import ticket_text
from mailcore.services.webmail import html_mail, text_links
from mailcore.smtp.incoming import Bounds, Incoming
from mailcore.store.mail.spool import Spool
from portal.carddav import xml
from sieve import check_script, match
from tests.processor import measure_cost

BOUNDS = Bounds.from_limits(Limits())
LENGTH, TIMES, MOST = 5_000, 4, 9.0
QUICK = 0.08  # seconds for the large text within which nothing needs another look
AT_ONCE = 0.02  # seconds for it within which a larger one is tried
TRIES = 4
FIELDS = ["From", "Content-Type", "References"]
KINDS = [
    "text/html",
    "multipart/mixed; boundary=b",
    "multipart; boundary=b",
    "text/plain; format=flowed; charset=unicode",
]
HEADER = [
    " ",
    "\r\n ",
    "<",
    '"',
    "\\",
    "(",
    "()",
    ",",
    ";",
    "=",
    "@",
    "a@b.example, ",
    "<a@b> ",
    "a:;",
    "=?utf-8?q?a?= ",
    "; a*0=b",
    "%20",
]
PAGE = [
    "<noscript ",
    "<",
    "&#",
    "&amp;",
    "<a href=x>",
    "</p>",
    "<div>",
    "<!--",
    "<style>a{b:c}</style>",
    "<table><tr><td>",
    "<br ",
    "<blockquote>",
    "> ",
    "http://x.example/( ",
    "[a](b)",
    "*",
    "_",
    "[",
    "> > ",
    "`",
    "a: b\r\n",
]
MIME = [
    "--b\r\n\r\nx\r\n",
    "\r\n--b",
    "--b\r\nContent-Type: message/rfc822\r\n\r\n",
    "begin 644 a\r\nM\r\nend\r\n",
    "\r\n",
    "=\r\n",
]
LINES = [
    "BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\n",
    "ATTENDEE;CN=x:mailto:a@b.example\r\n",
    "BEGIN:VCARD\r\nFN:a\r\nEMAIL:a@b.example\r\nEND:VCARD\r\n",
    "X;A=B;",
    "\r\n x",
    "BEGIN:VCALENDAR\r\n",
]
RTF = ["{", "}", "{\\b ", "\\'41", "\\u9 ?", "\\par ", "{\\*\\x "]
SIEVE = ["if true {", "if not ", "keep;", "if anyof (true,", '["a",', "/* ", "# a\n", '"${', "elsif true {}"]


def octets(read: Callable[[bytes], object]) -> Callable[[str], object]:
    return lambda text: read(text.encode("utf-8", "replace"))


def look_at(text: bytes) -> None:
    """Do with a message what is done at the door and on its page."""
    message = Message(text)
    derived.derive(message)
    signs.list_signs(message)
    body.readable(text, message.root)
    searchable.read(text, message.root)
    html_mail.page_of(text)
    returned.read_returned(text)
    ticket_text.extract_text(message)


def come_in(text: bytes) -> None:
    """Take a header in by single octets, as chunks of BDAT may bring them and packets of DATA."""
    for clean in (False, True):
        incoming = Incoming(Spool(Path(), 2**30), BOUNDS, lambda block: block)
        for at in range(len(text)):
            incoming.add(text[at : at + 1], clean=clean)


def parse_xml(text: str) -> None:
    try:
        xml.parse_body(text.encode())
    except xml.BadXml:
        return


READERS: list[tuple[str, Callable[[str], object], list[str]]] = [
    ("addresses", octets(address.parse), HEADER),
    ("parameters", octets(parameters.parse), HEADER),
    ("encoded words", octets(words.decode), HEADER),
    ("tags of signatures", octets(signature.read_tags), HEADER),
    ("results of others", octets(lambda text: authresults.without_forged(text, "a")), ["Authentication-Results: a\r\n", *HEADER]),
    ("HTML", lambda text: html_mail.clean(text, {}), PAGE),
    ("HTML as text", html_text.from_html, PAGE),
    ("the charset of HTML", octets(charsets.of_html), PAGE),
    ("links", lambda text: list(text_links.find_links(text)), PAGE),
    ("flowed text", flowed.unflowed, PAGE),
    ("text of tickets", ticket_text.tidy_text, PAGE),
    ("quotes in tickets", ticket_text.strip_quote, PAGE),
    ("newsletters", writing.render_html, PAGE),
    ("calendars", lambda text: invitation.read_invitation(text, ("a@b.example",)), LINES),
    ("cards", octets(lambda text: list(vcard.read(text))), LINES),
    ("whole cards", octets(lambda text: list(whole_cards.list_cards(text))), LINES),
    ("RTF", octets(lambda text: rtf.read_rtf(b"{\\rtf1 " + text, 10**6)), RTF),
    ("uuencoded files", octets(lambda text: uu_blocks.find_blocks(text, 0, len(text))), MIME),
    ("XML", lambda text: parse_xml(f"<r>{text}</r>"), ["<a>", "<a b='c'/>", "<a xmlns:b='c'>", "&amp;"]),
    ("scripts", lambda text: check_script(text), SIEVE),
    ("a message octet by octet", octets(come_in), HEADER),
    *(
        (f"a message's {name}", octets(lambda text, name=name: look_at(f"{name}: ".encode() + text + b"\r\n\r\nx\r\n")), HEADER)
        for name in FIELDS
    ),
    *(
        (kind, octets(lambda text, kind=kind: look_at(f"Content-Type: {kind}\r\n\r\n".encode() + text)), PAGE[::3] + MIME)
        for kind in KINDS
    ),
]  # fmt: skip


def grows(read: Callable[[str], object], unit: str, length: int = LENGTH) -> str:
    """Return why the time grows faster than the text, or ""."""
    small, large = (unit * (size // len(unit)) for size in (length, length * TIMES))
    read(small)  # what is read or imported at the first call
    took = measure_cost(lambda: read(large))
    if took < AT_ONCE and length == LENGTH:
        return grows(read, unit, length * TIMES)
    ratio = 0.0
    for _ in range(TRIES):
        if took < QUICK:
            return ""
        less = min(measure_cost(lambda: read(small)) for _ in range(3))
        took = min(took, measure_cost(lambda: read(large)))
        ratio = took / max(less, 1e-6)
        if ratio <= MOST:
            return ""
    return f"{unit!r}: {ratio:.1f} times the time for {TIMES} times the text ({took:.3f} s for {len(large)} characters)"


@pytest.mark.slow
@pytest.mark.parametrize(("read", "units"), [one[1:] for one in READERS], ids=[one[0] for one in READERS])
def test_four_times_the_text_takes_no_sixteen_times_as_long(read, units):
    found = [why for unit in units if (why := grows(read, unit))]
    assert not found, found


@pytest.mark.parametrize("pattern", ["*a*a*a*a*b", "*a?a?a?b*", "?" * 50 + "b", "*?*?*?*?b"])
def test_what_scripts_match_takes_time_by_the_text(pattern):
    assert grows(lambda text: match.glob(pattern).match(text, text), "a") == ""


def test_what_is_quadratic_is_found():
    assert grows(lambda text: sum(text.find("xy", at) for at in range(len(text))), "x")
