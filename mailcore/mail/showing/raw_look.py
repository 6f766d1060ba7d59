"""Rule messages out by their octets as they came, before their text is read: a tenth of the time of reading it.

A text that people see stands in the octets in pieces at worst: HTML puts tags between two letters, quoted-printable a line
end, and a letter may be written as an entity, in hexadecimal digits or outside of ASCII.  The pattern for a word allows all
of these anywhere in it, so it finds too much and never too little; whoever it finds is read.  What may be written in
another way (base64, charsets that do not hold ASCII, attached messages) is never ruled out.  RE2 takes time in proportion to
the octets, whatever the pattern.
"""

import html.entities
import re
import unicodedata
from functools import cache, cached_property, lru_cache

import re2

from mailcore.mail.reading import header
from mailcore.mail.reading.text import fold

MOST_LETTERS = 24  # of a word that are looked for
MOST_WORDS = 3  # of a phrase
FEWEST = 3  # letters of a word that is worth a look
_WORD = re.compile("(?:[A-Z0-9]|[^\x00-\x7f\ufffd])+")  # U+FFFD stands for octets that say nothing
_SOFT_END = rb"=[ \t]*\r?\n"
_ENTITY = rb"(?:&|=26)(?:[#0-9a-z;]|=[ \t]*\r?\n|=[0-9a-f][0-9a-f])+"
# what is not seen between two letters: a soft end of a line, whatever stands between a tag's beginning and an end, an entity
_BETWEEN = _SOFT_END + b"|(?:<|=3c).*(?:>|=3e)|" + _ENTITY
_HIGH = rb"[\x00\x80-\xff]|=[089a-f][0-9a-f]"  # in a charset of single octets
_NO_WIDTH = "\0\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2060\u2061\u2062\u2063\u2064\ufeff"
# an encoded word in a field of a part, a file's name in pieces or percents: their texts are not in the octets
_ENCODED = rb"=\?|name\*"
_IN_FIELD = re.compile(rb"(?m)^[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
# characters that fold to several letters at once stand in these ranges; a test looks at all others
_COMPATIBLE = (
    (0x80, 0x590), (0x1D00, 0x2500), (0x2C60, 0x2E00), (0x3000, 0x3400), (0xA640, 0xAC00), (0xFB00, 0xFB50), (0xFE00, 0x10000),
    (0x1CC00, 0x1CE00), (0x1D400, 0x1D800), (0x1F100, 0x1F300),
)  # fmt: skip
# letters with accents; other characters that fold to letters of ASCII are symbols, any of which may be any of these
_LETTERS = ((0xC0, 0x590), (0x1E00, 0x2000))
_SYMBOL = (
    rb"\xc2[\xa8-\xbe]|\xe1[\xb4-\xb7].|\xe2[\x81-\x86\x91-\x93\xb1-\xb3].|\xe3[\x88-\x8f].|\xea[\x99-\xad].|\xef[\xac-\xbe].|\xf0[\x9c-\x9f]..|"
    rb"=c2=[ab].|=e[123ac-f]=..=..|=ef=..=..|=f0=..=..=.."
)
_IN_ONE_OCTET = {"SS", "TM", "NO"}  # of the characters of 8-bit charsets that fold to two letters

_TEXT = rb'"[^"\\]*"'
_ANY = b"(?:NIL|" + _TEXT + b")"
_PAIRS = rb"\(" + _TEXT + b" " + _TEXT + b"(?: " + _TEXT + b" " + _TEXT + rb")*\)"
_CHARSET = rb'"charset" "(?:utf-?8|us-ascii|ascii|(?:iso-8859|windows)-(?:[1-9]|1[0-6]|125[0-8])|cp125[0-8]|latin-?1)"'
_PLAIN_PARAM = b"(?:" + _CHARSET + b'|"(?:format|name|reply-type|x-[a-z-]*)" ' + _TEXT + b")"
_PLAIN = rb"(?:NIL|\(" + _PLAIN_PARAM + b"(?: " + _PLAIN_PARAM + rb")*\))"
# else the HTML itself names one
_HTML = rb"\((?:" + _PLAIN_PARAM + b" )*" + _CHARSET + b"(?: " + _PLAIN_PARAM + rb")*\)"
_LEAF = (
    rb'\(+(?:"text" (?:"plain" ' + _PLAIN + b'|"html" ' + _HTML + b") " + _ANY + b" " + _ANY
    + b' "(?:7bit|8bit|binary|quoted-printable)" [1-9][0-9]+'
    + b'|"(?:application|image|audio|video|font|model)" ' + _TEXT + b" (?:NIL|" + _PAIRS + b"))"
)  # fmt: skip
_SINGLE_OCTETS = (b'"iso-', b'"windows-', b'"cp', b'"latin')
_DISPOSITION = rb"\(" + _TEXT + b" (?:NIL|" + _PAIRS + rb")\)"


@cache
def _latin() -> "re2.Options":
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return options


@cache
def _readable() -> "re2._Regexp[bytes]":
    """BODYSTRUCTURE of a message whose texts stand in its octets; an opening bracket begins a leaf, pairs or a disposition."""
    tokens = (_LEAF, _DISPOSITION, _PAIRS, _ANY, rb"[ )]", b"[0-9]+")
    return re2.compile(b"(?i)(?:" + b"|".join(tokens) + b")*", _latin())


class RawLook:
    """A look for one folded text (text.fold)."""

    def __init__(self, wanted: str) -> None:
        words = sorted(filter(_is_worth, _WORD.findall(wanted)), key=len, reverse=True)
        self._words = [_Word(word[:MOST_LETTERS]) for word in words[:MOST_WORDS]]

    @property
    def is_useful(self) -> bool:
        """Say if anything can be ruled out."""
        return bool(self._words)

    def may_have(self, octets: bytes, head: int, structure: bytes, *, with_header: bool) -> bool:
        """Say if a message may have the text.

        Args:
            head: octets of its header.
            structure: its BODYSTRUCTURE.
            with_header: the text may stand in the message's own header, too.
        """
        # where the texts say nothing, what stands outside of all parts is read
        if b'"text"' not in structure or head >= len(octets) or not _readable().fullmatch(structure):
            return True
        if octets.find(b"\n--", 0, head) >= 0:  # a delimiter among the fields: not all parts stand in the structure
            return True
        return all(word.may_be_in(octets, head, structure, with_header) for word in self._words)


class _Word:
    def __init__(self, word: str) -> None:
        self._word = word

    def may_be_in(self, octets: bytes, head: int, structure: bytes, with_header: bool) -> bool:
        """A text that is no UTF-8 is read in another charset, whatever it says."""
        if self._in_body.search(octets, head):
            return True
        if not _is_utf8(octets, structure) and self._in_any_charset.search(octets, 0 if with_header else head):
            return True
        return with_header and self._may_be_in_header(octets[:head])

    @cached_property
    def _pattern(self) -> bytes:
        gap = b"(?:" + b"|".join((_BETWEEN, *map(_in_utf8, _NO_WIDTH))) + b")*"
        return b"|".join([gap.join(_letter(char) for char in self._word), *map(_written, _made_of_several(self._word))])

    @cached_property
    def _in_header(self) -> "re2._Regexp[bytes]":
        return re2.compile(b"(?is)" + self._pattern, _latin())

    @cached_property
    def _in_body(self) -> "re2._Regexp[bytes]":
        return re2.compile(b"(?is)" + self._pattern + b"|" + _ENCODED, _latin())

    @cached_property
    def _in_any_charset(self) -> "re2._Regexp[bytes]":
        """Any octet outside of ASCII may be any letter, two of them, or none."""
        gap = b"(?:" + _BETWEEN + b"|" + _HIGH + b")*"
        letters = [
            b"(?:" + (_ascii(char) + b"|" if char.isascii() else b"") + _HIGH + b"|" + _ENTITY + b")"
            + (b"?" if unicodedata.combining(char) else b"")
            for char in self._word
        ]  # fmt: skip
        if any(pair in self._word for pair in _IN_ONE_OCTET) or re.search("[0-9]{2}", self._word):
            letters = [b"(?:" + _HIGH + b")"]
        return re2.compile(b"(?is)" + gap.join(letters), _latin())

    def _may_be_in_header(self, block: bytes) -> bool:
        if self._in_header.search(block):
            return True
        if b"=?" not in block:
            return False
        fields = (found[0] for found in _IN_FIELD.finditer(block) if b"=?" in found[0])
        return any(self._word in fold(header.decode(field.partition(b":")[2].strip())) for field in fields)


def _is_utf8(octets: bytes, structure: bytes) -> bool:
    """Say if no octet of the texts is a character of its own: what is no UTF-8 is read as another charset."""
    labels = structure.lower()
    if any(label in labels for label in _SINGLE_OCTETS):
        return False
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_worth(word: str) -> bool:
    """Say if a word is long enough, and not a number: lists of HTML are numbered by whoever shows them."""
    return len(word) >= FEWEST and not word.isdecimal()


def _letter(char: str) -> bytes:
    """A pattern for a letter in UTF-8, in quoted-printable, or as an entity."""
    if unicodedata.combining(char):  # it may have come with its letter
        return b"(?:" + b"|".join([_in_utf8(char), _ENTITY]) + b")?"
    ways = [_ENTITY, *map(_in_utf8, _folded_to().get(char, ()))]
    if char.isascii():
        return b"(?:" + b"|".join([_ascii(char), _SYMBOL, *ways]) + b")"
    return b"(?:" + b"|".join([_in_utf8(char), _in_utf8(char.lower()), *ways]) + b")"


def _ascii(char: str) -> bytes:
    return b"%c|=%02x|=%02x" % (ord(char), ord(char), ord(char.lower()))


def _in_hexadecimal(octets: bytes) -> bytes:
    """A pattern for octets in quoted-printable, between which a line may end."""
    return (b"(?:" + _SOFT_END + b")?").join(b"=%02x" % octet for octet in octets)


def _in_utf8(char: str) -> bytes:
    octets = char.encode("utf-8", "replace")
    return re.escape(octets) + b"|" + _in_hexadecimal(octets)


@cache
def _folded_to() -> dict[str, tuple[str, ...]]:
    """Return the letters of Latin and other scripts by those that they fold to: å by A, and whatever else has two forms."""
    found: dict[str, list[str]] = {}
    for first, end in _LETTERS:
        for char in map(chr, range(first, end)):
            for one in set(fold(char)) - {char}:
                found.setdefault(one, []).append(char)
    return {one: tuple(chars) for one, chars in found.items()}


@lru_cache(256)
def _made_of_several(word: str) -> tuple[str, ...]:
    """Return characters that fold to two letters or more of which the word has two in a row."""
    pairs = {word[at : at + 2] for at in range(len(word) - 1)}
    return tuple(char for char, made in _several().items() if pairs & made)


@cache
def _several() -> dict[str, frozenset[str]]:
    """Return the pairs of letters that each such character folds to."""
    found = {}
    for first, end in _COMPATIBLE:
        for char in map(chr, range(first, end)):
            if len(folded := fold(char)) > 1:
                pairs = (folded[at : at + 2] for at in range(len(folded) - 1))
                if made := frozenset(pair for pair in pairs if pair.isascii() and pair.isalnum()):
                    found[char] = made
    return found


def _written(char: str) -> bytes:
    """A pattern for one character in UTF-8, in quoted-printable and as an entity."""
    octets = char.encode()
    ways = [
        re.escape(octets),
        _in_hexadecimal(octets),
        b"&#(?:0*%d|x0*%x)" % (ord(char), ord(char)),
    ]
    ways += (b"&%b" % re.escape(name.encode()) for name, meant in html.entities.html5.items() if meant == char)
    return b"|".join(ways)
