"""Octets in a charset that a stranger names, read as text: the one way out of octets into `str`.

Labels mean what the WHATWG Encoding Standard says, which is what senders mean by them: `iso-8859-1` is windows-1252,
`gb2312` is GBK, `shift_jis` is cp932.  Mail adds some that browsers gave up (UTF-7, ISO-2022-KR, HZ, the code pages of
DOS).  A stranger's name never reaches Python's registry of codecs: it would search the disk for each name and remember it
for good, and some codecs that are no charsets take the square of the time.

What leaves this module is Unicode scalar values without NUL (`to_scalars`), costs time in proportion to the octets, and
is never an exception.  What has no charset, or says the wrong one, is UTF-8 where it is valid UTF-8, else windows-1252:
the same rule for header fields and for bodies.  Servers that label everything `iso-8859-1` say the wrong one, too.
"""

import codecs
import re
from collections.abc import Callable
from functools import lru_cache

from webencodings import lookup

from mailcore.mail.reading import iso2022jp

REPLACEMENT = "\ufffd"
MAX_LABEL = 100  # characters; the longest label of the standard has 19
_NO_SCALAR = re.compile("[\0\ud800-\udfff]")
_UNDECLARED = frozenset(
    ["", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "unknown-8bit", "x-unknown", "unknown", "8bit", "binary"]
)
_WELL_FORMED = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")

# A small letter beside what would be a capital A with a tilde, and characters of three and four octets.
_NO_LATIN = re.compile(
    rb"[a-z]\xc3[\x80-\xbf]|\xc3[\x80-\xbf][a-z]|[\xe2-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_LATIN = ("cp1252", "iso8859-15", "iso8859_15")
MAX_COUNTED = 4096  # octets in which characters are counted
MAX_HTML_HEAD = 2048  # octets of HTML in which its charset is looked for; browsers take 1024
_IN_HTML = re.compile(
    rb"(?i)(?:<meta\b[^<>]{0,300}?\bcharset|<\?xml\b[^<>]{0,100}?\bencoding)[ \t]*+=[ \t]*+[\"']?+[ \t]*+([a-z0-9_:.-]{1,40})"
)

Decode = Callable[[bytes], str]

# The standard's encodings by the Python codec that reads all of theirs.
_CODECS = {
    "gbk": "gb18030", "iso-8859-8-i": "iso8859_8", "macintosh": "mac_roman", "x-mac-cyrillic": "mac_cyrillic",
    "windows-874": "cp874", "shift_jis": "cp932", "big5": "big5hkscs", "euc-kr": "cp949", "utf-16le": "utf_16_le",
    "utf-16be": "utf_16_be",
}  # fmt: skip

# What mail names and the standard does not.
_OF_MAIL = {
    label: codec
    for codec, labels in {
        "utf_7": "utf-7 utf7 cp65000 unicode-1-1-utf-7 csunicode11utf7 x-unicode-2-0-utf-7",
        "utf_16": "utf-16 ucs-2 ucs2",
        "utf_32": "utf-32 ucs-4 ucs4",
        "utf_32_le": "utf-32le",
        "utf_32_be": "utf-32be",
        "utf_16_be": "iso-10646-ucs-2",
        "iso2022_kr": "iso-2022-kr csiso2022kr",
        "hz": "hz-gb-2312 hz",
        "johab": "johab cp1361",
        "cp949": "cp949 ms949 uhc ks-c-5601 mac-korean euckr cp51949",
        "cp932": "cp932 windows-932 cswindows31j sjis-win ms-cp932 mskanji mac-japanese",
        "gb18030": "cp936 ms936 windows-936 cp54936 euc-gb2312-cn euc-cn cn-gb gb-2312 mac-chinesesimp",
        "cp950": "cp950 ms950 windows-950",
        "big5hkscs": "big5-eten big-5 big5-2003 mac-chinesetrad",
        "mac_roman": "mac mac-roman macroman apple-roman cp10000",
        "mac_latin2": "mac-ce macce mac-centraleurroman mac-centraleurope",
        "mac_cyrillic": "mac-cyrillic maccyrillic mac-ukrainian",
        "mac_greek": "mac-greek macgreek",
        "mac_turkish": "mac-turkish macturkish",
        "mac_iceland": "mac-icelandic mac-iceland",
        "mac_croatian": "mac-croatian",
        "mac_romanian": "mac-romanian",
        "koi8_t": "koi8-t",
        "koi8_r": "koi8r cp20866",
        "koi8_u": "koi8-ru koi8u cp21866",
        "iso8859_8": "iso-8859-8-visual",
        "ptcp154": "ptcp154 cp154",
        "kz1048": "kz-1048",
        "hp_roman8": "hp-roman8 roman8",
        "viscii": "viscii viscii1.1-1",
        "cp874": "tis620 cp874",
        "iso8859_15": "latin9 latin-9",
        "iso8859_16": "latin10 iso-8859-16",
        "cp1252": "iso-8859-1-windows-3.1-latin-1",
        "iso2022_jp": "iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 iso-2022-jp-ext iso-2022-jp-ms csiso2022jp2"
        " cp50220 cp50221 cp50222",
        "euc_jp": "cp51932 euc-jp-ms eucjp-ms eucjp-win",
    }.items()
    for label in labels.split()
}
# RFC 1456: six letters stand where ASCII has controls, the others from 0x80 on.
_VISCII = list(map(chr, range(128))) + list(
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
for _octet, _letter in zip((0x02, 0x05, 0x06, 0x14, 0x19, 0x1E), "ẲẴẪỶỸỴ", strict=True):
    _VISCII[_octet] = _letter
_VISCII_TABLE = "".join(_VISCII)

_DOS = frozenset("437 720 737 775 850 852 855 856 857 858 860 861 862 863 864 865 869 1006 1125 1140".split())  # noqa: SIM905
_DOS_NAME = re.compile(r"(?:x-)?(?:cs)?(?:cp|ibm|pc|dos|oem|windows-)-?0{0,2}([0-9]{3,4})(?:-?multilingual)?\Z")
_WINDOWS_NAME = re.compile(r"(?:x-)?(?:(?:cp|win|windows|ms|ansi|ms-ansi|microsoft-cp)-?)?(125[0-8])\Z")
_WINDOWS_ISO = re.compile(r"(?:cp|windows-)?28(59[1-9]|603|605)\Z")  # the numbers that Windows gives to ISO 8859
_ISO_NAME = re.compile(r"(?:iso-?)?(8859-[0-9]{1,2})(?::[0-9]{4})?(?:-[ei])?\Z")


def decode(octets: bytes, label: str) -> str:
    """Read octets in the charset of that label.

    Octets that are invalid in it are read as UTF-8 where they are valid there, and as undeclared where the label is not
    known; else what is invalid becomes U+FFFD.
    """
    name = _named(label)
    if octets.isascii() and name not in _STATEFUL:
        return to_scalars(octets.decode("ascii"))
    if name == "" or (name in _WIDE and b"\0" not in octets and _is_utf8(octets)):  # `charset=unicode` on plain text
        return decode_undeclared(octets)
    if name == "utf_8" or (name in _LATIN and _is_mislabelled(octets)):
        return _decode_utf8(octets)
    try:
        return to_scalars(_decoder(name)(octets))
    except UnicodeError:
        pass
    try:
        if not octets.isascii():
            return to_scalars(octets.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    if name == "iso2022_jp":
        return to_scalars(iso2022jp.decode(octets, "replace"))
    return to_scalars(octets.decode(name, "replace"))


def decode_undeclared(octets: bytes) -> str:
    """Read octets of which nobody says a charset: UTF-8 if they are valid, else windows-1252."""
    try:
        return to_scalars(octets.decode("utf-8"))
    except UnicodeDecodeError as problem:
        # a text of which the beginning was taken may end within a character
        if problem.reason == "unexpected end of data" and _WELL_FORMED.search(octets, 0, problem.start):
            return to_scalars(octets[: problem.start].decode("utf-8") + REPLACEMENT)
    return to_scalars(_single_octets("cp1252")(octets))


def to_scalars(text: str) -> str:
    """Replace what is no Unicode scalar value, and NUL, by U+FFFD: every encoder, template and database takes the rest."""
    return text if text.isascii() and "\0" not in text else _NO_SCALAR.sub(REPLACEMENT, text)


def of_html(octets: bytes) -> str:
    """The charset that HTML names for itself, which counts where its field names none; "" for none that can be believed."""
    found = _IN_HTML.search(octets[:MAX_HTML_HEAD])
    label = found[1].decode("latin-1") if found else ""
    return "" if _named(label) in _NO_ASCII or (not octets.isascii() and _is_utf8(octets)) else label


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError as problem:
        return problem.reason == "unexpected end of data" and problem.start > 0
    return True


def _is_mislabelled(octets: bytes) -> bool:
    """UTF-8 that was labelled as Latin: valid, and more of it than capitals before a quote or a blank give by chance."""
    return _is_utf8(octets) and (
        bool(_NO_LATIN.search(octets)) or len(_WELL_FORMED.findall(octets, 0, MAX_COUNTED)) > 2
    )


def is_known(label: str) -> bool:
    """Return True if the label names a charset that is read as such."""
    return bool(_named(label))


# A label of these changes what ASCII octets mean.
_NO_ASCII = frozenset("utf_7 utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be".split())  # noqa: SIM905
_WIDE = _NO_ASCII - {"utf_7"}
# In these ASCII octets are not always ASCII.
_STATEFUL = _NO_ASCII | {"viscii", "iso2022_kr", "iso2022_jp", "hz"}


def _decode_utf8(octets: bytes) -> str:
    """Text that says it is UTF-8; where no character of it is, it is windows-1252, which many programs send so labelled."""
    octets = octets.removeprefix(codecs.BOM_UTF8)
    try:
        return to_scalars(octets.decode("utf-8"))
    except UnicodeDecodeError:
        if _WELL_FORMED.search(octets):
            return to_scalars(octets.decode("utf-8", "replace"))
    return decode_undeclared(octets)


@lru_cache(256)
def _codec_name(label: str) -> str:
    """Return the Python codec for a normalised label, or ""."""
    if label in _UNDECLARED:
        return ""
    for form in (label, label.removeprefix("x-"), label.removeprefix("cs")):
        if form in _OF_MAIL:
            return _OF_MAIL[form]
        if found := lookup(form):
            if found.name == "replacement":
                continue
            return "utf_8" if found.name == "utf-8" else _CODECS.get(found.name) or found.codec_info.name
    if (dos := _DOS_NAME.match(label)) and dos[1] in _DOS:
        return f"cp{dos[1]}"
    if windows := _WINDOWS_NAME.match(label):
        return f"cp{windows[1]}"
    if found_iso := _WINDOWS_ISO.match(label):
        return _codec_name(f"iso-8859-{int(found_iso[1]) - 590}")
    if (iso := _ISO_NAME.match(label)) and (found := lookup(f"iso-{iso[1]}")):
        return _CODECS.get(found.name) or found.codec_info.name
    return ""


def _named(label: str) -> str:
    """The codec for a label as strangers spell it; only what has the shape of a label is looked up and remembered."""
    label = label.strip(" \t\r\n\"'<>;").lower()
    if len(label) > MAX_LABEL or not label.isascii():
        return ""
    return _codec_name(label) or _codec_name(label.replace("_", "-"))


_X_USER_DEFINED = lookup("x-user-defined").codec_info


@lru_cache(64)
def _decoder(name: str) -> Decode:
    """Reads strictly, by the tables of the WHATWG standard where Python's differ.  Raises UnicodeError."""
    if name == "iso2022_jp":
        return iso2022jp.decode
    if name == "euc_jp":
        return iso2022jp.decode_euc
    if name == "viscii":
        return lambda octets: codecs.charmap_decode(octets, "strict", _VISCII_TABLE)[0]
    if name == "big5hkscs":
        return _either("big5hkscs", "cp950")
    if name == "utf_16":
        return _decode_utf16
    if name == "x-user-defined":
        return lambda octets: _X_USER_DEFINED.decode(octets, "replace")[0]
    if _is_single(name):
        return _single_octets(name)
    return lambda octets: octets.decode(name)


def _decode_utf16(octets: bytes) -> str:
    """Text without a mark is big-endian by RFC 2781 section 4.3; programs write both, and where the zeros are tells."""
    if octets[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return octets.decode("utf_16")
    is_little = octets[1:MAX_COUNTED:2].count(0) > octets[:MAX_COUNTED:2].count(0)
    return octets.decode("utf_16_le" if is_little else "utf_16_be")


def _either(first: str, second: str) -> Decode:
    def decode(octets: bytes) -> str:
        try:
            return octets.decode(first)
        except UnicodeDecodeError:
            return octets.decode(second)

    return decode


def _is_single(name: str) -> bool:
    """Has each octet a character of its own?"""
    return name.startswith(("iso8859", "koi8", "mac_", "mac-", "windows", "kz1048", "ptcp154", "hp_roman8")) or (
        name.startswith("cp") and name not in ("cp932", "cp949", "cp950")
    )


@lru_cache(64)
def _single_octets(name: str) -> Decode:
    """Decode by a table of 256: octets undefined in Python are controls below 0xA0, as in the standard, else U+FFFD."""
    codec = codecs.lookup(name)
    table: list[str] = []
    for octet in range(256):
        read, _ = codec.decode(bytes([octet]), "replace")
        table.append(chr(octet) if read == REPLACEMENT and octet < 0xA0 else read)
    mapping = "".join(table)
    return lambda octets: codecs.charmap_decode(octets, "strict", mapping)[0]
