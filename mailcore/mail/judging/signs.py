"""Signs of a message by which it is known as spam or not: words, marks of its HTML, places it leads to, its header's shape.

A sign is a short text such as `word:meeting` or `host:outside.example`, so that people can read why.  The names of servers on
the way and of recipients are no signs: they say where a message was collected.  Every input is cut before it is looked at,
so that a message costs the same time however large it is.
"""

import re
import string
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from urllib.parse import unquote

from mailcore.mail.judging import languages, links
from mailcore.mail.reading import structure, text
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import html_scan
from mailcore.mail.showing.html_scan import Tag

MAX_TEXT = 3000  # characters of a message's words that are read
MAX_HTML = 8_000  # characters of its HTML
MAX_OCTETS = 24_000  # of one part that are decoded
MAX_LEAVES = 12  # parts that are looked into
MAX_WORDS = 250  # words of text, as many pairs
WORD_LENGTH = 8  # characters that a word mostly has at most, with what parts it from the next
MAX_HOSTS = 30
MAX_SIGNS = 800  # of one message
FIRST_IDEOGRAPH = "\u2e80"
_WORD = re.compile(r"[^\W_]{2,40}+|[$€£]|!{2,}+")
_ASCII_WORD = re.compile(r"[0-9a-z]{2,40}+|\$|!{2,}+")  # the same, of text in small letters
_LINK = re.compile(r"(?i)\bhttps?://([^\s/<>\"'?#]{1,200}+)(/?)")
_ADDRESS = re.compile(r"(?i)\bhttps?://[^\s<>\"]{1,500}+")
# a list's name in front of a subject, and what lists and signatures put below a letter: they say where it was read, no more
_TAG = re.compile(r"((?:(?:re|sv|fwd?|vs|aw):\s{0,3}){0,2})\[([^\[\]]{1,40})\]\s{0,3}(?=\S)", re.IGNORECASE)
_FOOTER = re.compile(r"\n(?:-- ?\r?\n|_{30,60}|-{40,80}[ \r]{0,2}\n(?=This sf\.net)|-{20,40} Yahoo! Groups)")
MAX_FOOTER = 1500  # characters
_HTML_IN_TEXT = re.compile(r"(?i)<(?:html|head|body|table|font|br|p|div)\b")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z")
_STYLE_HIDES = re.compile(
    r"(?i)display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|mso-hide\s{0,3}:\s{0,3}all"
    r"|(?:font-size|max-height|opacity)\s{0,3}:\s{0,3}(?:0|1(?:px|pt))(?:px|pt|%)?\s{0,3}(?:[;\"']|\Z)"
)
_INVISIBLE = re.compile("(?<=\\w)[\u00ad\u200b-\u200d\u2060\ufeff]{1,20}(?=\\w)")
_TWO_SCRIPTS = re.compile("[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
MUCH_HIDDEN = 400  # characters of text that nobody sees; the line that lists show in front of a letter is shorter
_DIGITS = re.compile(r"\d{3,}")
_ASCII_LETTERS, _ASCII_CAPITALS = string.ascii_letters.encode(), string.ascii_uppercase.encode()
_KNOWN_FIELDS = (
    "cc", "in-reply-to", "references", "reply-to", "sender", "x-mailer", "user-agent", "list-id", "list-unsubscribe",
    "precedence", "x-priority", "x-msmail-priority", "importance", "mime-version", "message-id", "date", "to", "organization",
    "auto-submitted", "list-unsubscribe-post", "feedback-id", "disposition-notification-to", "errors-to",
)  # fmt: skip
_FIELD_SIGNS = tuple((name, f"field:{name}", f"no field:{name}") for name in _KNOWN_FIELDS)
_MARKS = frozenset(
    "a b big blink body br center div font form h1 h2 hr iframe img input li marquee p script span strong style table td".split()  # noqa: SIM905
)
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link"})
_SECOND_LEVEL = frozenset({"co", "com", "org", "net", "ac", "gov", "edu"})
# The form of mail says something only beside mail of both kinds from the same place and years.
_PORTABLE = frozenset(
    "word subject tag name host hosts author program link target replies file language recipients".split()  # noqa: SIM905
    + ["author shape", "author digits"]
)
_LOCAL = frozenset(
    {"language", "tag"}
)  # mean the same elsewhere, but a collection's owner reads other languages and lists


def is_portable(sign: str) -> bool:
    """Say if a sign means the same elsewhere and in other years."""
    # nearly all are words, and each sign of each message is asked
    return sign.startswith("word:") or sign.partition(":")[0] in _PORTABLE


def is_shipped(sign: str) -> bool:
    """Say if a sign may stand in a model for others."""
    kind = sign.partition(":")[0]
    return kind in _PORTABLE and kind not in _LOCAL


def list_signs(message: Message, facts: Iterable[str] = ()) -> list[str]:
    """List the signs of a message, each once.

    Args:
        facts: signs that the caller knows of it, such as the results of SPF, DKIM and DMARC.
    """
    signs = dict.fromkeys(facts)
    signs.update(dict.fromkeys(_header_signs(message.header)))
    signs.update(dict.fromkeys(_body_signs(message)))
    return list(islice(signs, MAX_SIGNS))


def host_of_organisation(host: str) -> str:
    """Return the last labels of a host's name: what somebody has registered, by a rule of thumb."""
    labels = host.lower().rstrip(".").split(".")[-3:]
    return ".".join(labels[-2:] if len(labels) < 3 or labels[1] not in _SECOND_LEVEL else labels)


def _words(value: str, most: int) -> list[str]:
    """Cut words in small letters; a long one stands by its length.  Without blanks between words, two letters are one."""
    if value.isascii():  # then the words of the small text are the words in small letters
        cut = _first_words(_ASCII_WORD, value.lower(), most)
    else:
        cut = [word.lower() for word in _first_words(_WORD, value, most)]
        if max(value) >= FIRST_IDEOGRAPH:
            cut = [part for word in cut for part in _cut_ideographs(word)][:most]
    return [word if len(word) <= 20 else f"of {len(word)} letters" for word in cut]


def _cut_ideographs(word: str) -> Iterable[str]:
    return map("".join, pairwise(word)) if word[0] >= FIRST_IDEOGRAPH and len(word) > 1 else (word,)


def _first_words(pattern: re.Pattern[str], value: str, most: int) -> list[str]:
    """Look at the beginning alone, where there are words enough: the end of it may cut a word, and is left out."""
    found: list[str] = pattern.findall(value[: most * WORD_LENGTH])
    return found[:most] if len(found) > most else pattern.findall(value)[:most]


def _with_pairs(kind: str, words: list[str]) -> list[str]:
    """Make signs of words and of pairs of them, each once: a text repeats most of its words."""
    signs = [f"{kind}:{word}" for word in dict.fromkeys(words)]
    signs += [f"{kind}:{one} {other}" for one, other in dict.fromkeys(pairwise(words))]
    return signs


def _count_letters(value: str) -> tuple[int, int, int]:
    """Count letters, capitals among them, and letters of other than Latin scripts."""
    if value.isascii():
        octets = value.encode()
        letters = len(octets) - len(octets.translate(None, _ASCII_LETTERS))
        return letters, len(octets) - len(octets.translate(None, _ASCII_CAPITALS)), 0
    found = [c for c in value if c.isalpha()]
    return len(found), sum(map(str.isupper, found)), sum(c > "ɏ" for c in found)


def _bucket(number: int) -> str:
    """Name how many there are by powers of two."""
    return str(1 << (number.bit_length() - 1)) if number else "0"


# The header


def _header_signs(fields: Header) -> Iterator[str]:
    subject = fields.text("subject")[:300]
    if tagged := _TAG.match(subject):
        yield f"tag:{tagged[2].lower()}"
        subject = tagged[1] + subject[tagged.end() :]
    words = _words(subject, 40)
    yield from _with_pairs("subject", words)
    yield from (f"word:{word}" for word in words)
    yield from _subject_shape(fields, subject)
    yield from _author_signs(fields)
    for name, there, missing in _FIELD_SIGNS:
        yield there if fields.has(name) else missing
    mailer = fields.text("x-mailer") or fields.text("user-agent")
    if mailer:
        yield f"mailer:{' '.join(_words(mailer[:60], 2))}"
    date = fields.sent_at
    yield "date:none" if date is None else f"zone:{date.utcoffset()}"
    yield f"recipients:{_bucket(len(fields.addresses('to')) + len(fields.addresses('cc')))}"


def _subject_shape(fields: Header, subject: str) -> Iterator[str]:
    letters, capitals, _ = _count_letters(subject)
    if letters > 5 and capitals > letters * 0.7:
        yield "subject:in capitals"
    if "!" in subject or "?" in subject:
        yield f"subject:{subject.count('!')} ! {subject.count('?')} ?" if len(subject) < 200 else "subject:long"
    if _DIGITS.search(subject):
        yield "subject:with digits"
    if "   " in subject:
        yield "subject:with a gap"
    if subject[:3].lower() == "re:" and not (fields.has("in-reply-to") or fields.has("references")):
        yield "subject:an answer to nothing"
    if not subject:
        yield "subject:none"


def _author_signs(fields: Header) -> Iterator[str]:
    author = next(iter(fields.authors), None)
    if author is None or not author.host:
        yield "author shape:none"
        return
    host, local = author.host.lower()[:200], author.spec.rpartition("@")[0][:64]
    own = host_of_organisation(host)
    yield f"author:{own}"
    yield f"author ends in:{host.rpartition('.')[2]}"
    yield f"author digits:{_bucket(sum(map(str.isdigit, local)))}"
    if not author.name.strip():
        yield "author shape:without a name"
    yield from (f"name:{word}" for word in _words(author.name[:100], 6))
    replies = fields.addresses("reply-to")
    if replies and host_of_organisation(replies[0].host or "") != own:
        yield "replies:go elsewhere"
    made_at = fields.text("message-id")[:300].strip("<> ").rpartition("@")[2]
    yield "message-id:of the author" if host_of_organisation(made_at) == own else "message-id:of another"


# The body


def _body_signs(message: Message) -> Iterator[str]:
    root = message.root
    leaves = list(islice(structure.leaves(root), MAX_LEAVES + 1))
    yield f"form:{root.type}/{root.subtype}"
    yield f"parts:{_bucket(len(leaves))}"
    words: list[str] = []
    hosts: dict[str, None] = {}
    for leaf in leaves[:MAX_LEAVES]:
        yield from _leaf_signs(leaf)
        is_read = leaf.type == "text" and leaf.subtype in ("plain", "html") and not _is_attached(leaf)
        if is_read and len(words) < MAX_WORDS:
            read = text.part_text(message.octets, leaf, MAX_OCTETS)
            page = _Page(read, is_html=leaf.subtype == "html")
            yield from page.signs
            words += _words(page.words, MAX_WORDS - len(words))
            hosts.update(dict.fromkeys(page.hosts))
    yield from _with_pairs("word", words)
    if foreign := languages.find_foreign(words):
        yield f"language:{foreign}"
    yield f"words:{_bucket(len(words))}"
    for host in islice(hosts, MAX_HOSTS):
        yield f"host:{host}"
        yield f"host ends in:{host.rpartition('.')[2]}"
    yield f"hosts:{_bucket(len(hosts))}"


def _is_attached(leaf: Part) -> bool:
    return leaf.disposition is not None and leaf.disposition[0] == "attachment"


def _leaf_signs(leaf: Part) -> Iterator[str]:
    yield f"part:{leaf.type[:30]}/{leaf.subtype[:40]}"
    if leaf.type == "text":
        yield f"text as {leaf.encoding[:20].lower()}"
        yield f"charset:{leaf.param('charset')[:30].lower()}"
    ending = leaf.filename[-12:].rpartition(".")[2].lower() if "." in leaf.filename[-12:] else ""
    if ending.isalnum():
        yield f"file:{ending}"


def _without_footer(read: str) -> str:
    """Cut off what a list or a signature adds; never more than half, or spam would stand below two hyphens."""
    footer = _FOOTER.search(read)
    if footer and len(read) - footer.start() <= min(MAX_FOOTER, footer.start()):
        return read[: footer.start()]
    return read


class _Page:
    """The words of a text, the hosts it leads to, and marks of its HTML."""

    def __init__(self, read: str, *, is_html: bool) -> None:
        self.signs: list[str] = []
        self.hosts: list[str] = []
        if is_html or ("<" in read[:2000] and len(_HTML_IN_TEXT.findall(read, 0, 2000)) > 2):
            self._read_html(read[:MAX_HTML])
        else:
            self.words = _without_footer(read[:MAX_TEXT])
            if "://" in read[:MAX_TEXT]:
                for found in islice(_LINK.finditer(read, 0, MAX_TEXT), MAX_HOSTS):
                    self._add_host(found[1])
                self.words = _ADDRESS.sub(" ", self.words)
        if not self.words.isascii():
            self._read_letters()
        letters, capitals, foreign = _count_letters(self.words[:600])
        if letters:
            self.signs.append(f"capitals:{10 * capitals // letters}")
            self.signs.append(f"foreign:{10 * foreign // letters}")
        self.signs.append(f"exclamations:{_bucket(self.words.count('!'))}")

    def _read_letters(self) -> None:
        """Read words as they are seen: what parts their letters invisibly goes, and is a sign, as are mixed scripts."""
        self.words, parted = _INVISIBLE.subn("", self.words)
        if parted > 2 and any("\u200b" <= c <= "\ufeff" for c in self.words):
            self.signs.append("letters:invisible between others")
        if len(_TWO_SCRIPTS.findall(self.words)) > 1:
            self.signs.append("letters:of two scripts in a word")

    def _read_html(self, html: str) -> None:
        reader = _HtmlReader(self)
        reader.read(html)
        self.words = "".join(reader.pieces)[:MAX_TEXT]
        self.signs += [f"html:{name}" for name in reader.marks]
        self.signs.append(f"links:{_bucket(reader.links)}")
        self.signs.append(f"pictures:{_bucket(reader.pictures)}")
        if reader.hidden > MUCH_HIDDEN:
            self.signs.append("html:much hidden text")
        if reader.pictures and len(self.words.split(None, 40)) < 40:
            self.signs.append("html:pictures without words")

    def add_target(self, tag: Tag) -> str:
        """Take the place that a tag leads to, and return it."""
        if len(self.hosts) >= MAX_HOSTS:
            return ""
        named = tag.attributes()
        target = (named.get("href") or named.get("src") or named.get("action") or "").strip()[:300]
        if found := _LINK.match(target):
            self._add_host(found[1])
        elif scheme := target.partition(":")[0].lower() if ":" in target[:12] else "":
            self.signs.append(f"target:{scheme}")
        return target

    def _add_host(self, place: str) -> None:
        _, at, host = unquote(place).rpartition("@")
        host, colon, _ = host.partition(":")
        if at:
            self.signs.append("link:with a user")
        if colon:
            self.signs.append("link:with a port")
        if _IP.match(host):
            self.signs.append("link:to a number")
        elif host.isdigit():
            self.signs.append("link:to digits")
        else:
            self.hosts.append(host_of_organisation(host)[:60])


class _HtmlReader:
    """Reads HTML once: the words that are seen, marks, and places that links lead to."""

    def __init__(self, page: _Page) -> None:
        self.page = page
        self.pieces: list[str] = []
        self.marks: dict[str, None] = {}
        self.links = self.pictures = self.hidden = 0
        self._hiding, self._depth = "", 0  # the element that hides what stands in it, and how many of its name are open
        self._target, self._begin = "", 0  # of the link that is open, and where its words begin

    def read(self, html: str) -> None:
        size = 0
        for piece in html_scan.scan(html):
            if isinstance(piece, Tag):
                self._take(piece)
            elif self._depth:
                self.hidden += len(piece.raw)
            else:
                self.pieces.append(piece.words)
                size += len(piece.raw)
                if size > MAX_TEXT:
                    break

    def _take(self, tag: Tag) -> None:
        name = tag.name
        if self._depth and name == self._hiding:
            self._depth += -1 if tag.is_end else 1
        if tag.is_end:
            if name == "a" and self._target:
                if links.is_mismatch("".join(self.pieces[self._begin :])[:300], self._target):
                    self.page.signs.append("link:names another host")
                self._target = ""
            return
        if name in _MARKS:
            self.marks[name] = None
        if name == "a":
            self.links += 1
            self._target, self._begin = self.page.add_target(tag), len(self.pieces)
        elif name == "img":
            self.pictures += 1
            self.page.add_target(tag)
        elif name == "form":
            self.page.add_target(tag)
        if "style" in tag.raw and _STYLE_HIDES.search(tag.raw[:500]):
            self.marks["hidden text"] = None
            if not self._depth and name not in _VOID:
                self._hiding, self._depth = name, 1
        if name == "font" and "color" in tag.raw:
            self.marks["coloured text"] = None
        if name not in ("b", "i", "strong", "em", "u"):
            self.pieces.append(" ")
