"""Charsets by the labels of the WHATWG Encoding Standard, and what mail adds (mail/reading/charsets.py)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS

from mailcore.mail.reading import charsets, structure, words
from mailcore.mail.reading.text import part_text


@pytest.mark.parametrize(("label", "octets", "text"), [
    ("gb2312", "權髙".encode("gb18030"), "權髙"),
    ("GBK", "镕€".encode("gb18030"), "镕€"),
    ("iso-8859-1", b"It\x92s \x80 5 \x96 \x93ok\x94", "It’s € 5 – “ok”"),
    ("latin1", b"\x81\x8d", "\x81\x8d"),  # undefined in windows-1252: controls, as in the standard
    ("iso-8859-8-i", "שלום".encode("iso8859_8"), "שלום"),
    ("iso-8859-9", "ığş".encode("cp1254"), "ığş"),
    ("shift_jis", "①髙橋㈱".encode("cp932"), "①髙橋㈱"),
    ("x-sjis", "テスト".encode("cp932"), "テスト"),
    ("iso-2022-jp", b"\x1b$B-!\x1b(B ok \x1b(I1\x1b(B", "① ok ｱ"),
    ("iso-2022-jp", "日本語".encode("iso2022_jp"), "日本語"),
    ("iso-2022-jp-2", b"\x1b$A0!\x1b(B", "啊"),
    ("csiso2022jp", b"\x1b$(D\x30\x21\x1b(B", "丂"),
    ("euc-jp", b"\xad\xa1\xcf\xc2\x8e\xb1", "①和ｱ"),
    ("ks_c_5601-1987", "똠방".encode("cp949"), "똠방"),
    ("euc-kr", "한글".encode("euc_kr"), "한글"),
    ("iso-2022-kr", "한글".encode("iso2022_kr"), "한글"),
    ("hz-gb-2312", "你好".encode("hz"), "你好"),
    ("big5", "你好".encode("big5"), "你好"),
    ("big5-hkscs", "㗎".encode("big5hkscs"), "㗎"),
    ("windows-874", "ไทย€".encode("cp874"), "ไทย€"),
    ("tis-620", "ไทย".encode("cp874"), "ไทย"),
    ("x-mac-roman", b"p\x8c", "på"),
    ("macintosh", b"p\x8c", "på"),
    ("x-mac-cyrillic", "Да".encode("mac_cyrillic"), "Да"),
    ("x-mac-ce", "č".encode("mac_latin2"), "č"),
    ("ibm850", "æ".encode("cp850"), "æ"),
    ("cp437", b"\x9c", "£"),
    ("IBM-865", "ø".encode("cp865"), "ø"),
    ("cp1252", b"\x80", "€"),
    ("win-1251", "Да".encode("cp1251"), "Да"),
    ("ISO8859-15", "€".encode("iso8859_15"), "€"),
    ("iso_8859-2:1987", "č".encode("iso8859_2"), "č"),
    ("8859-1", b"\xe5", "å"),
    ("utf_8", "å".encode(), "å"),
    ("utf8", "å".encode(), "å"),
    ("UTF-16", "\ufeffå".encode("utf_16_le"), "å"),
    ("utf-16be", "å".encode("utf_16_be"), "å"),
    ("utf-7", b"+AOU-", "å"),
    ("unicode-1-1-utf-7", b"+AOU-", "å"),
    (' "utf-8" ', "å".encode(), "å"),
    ("VISCII", b"Ti\xaang Vi\xaet, \xd0\xb8i h\xf7c, \xa6\xa9 \xb4\xb5\xbd\xdf \xff", "Tiếng Việt, Địi học, ẩẹ Ơộơư Ữ"),
    ("csWindows31J", "①".encode("cp932"), "①"),
    ("SJIS-win", "①".encode("cp932"), "①"),  # PHP's names
    ("eucJP-win", "和".encode("euc_jp"), "和"),
    ("cn-gb", "你好".encode("gbk"), "你好"),
    ("big-5", "你好".encode("big5"), "你好"),
    ("euckr", "한글".encode("euc_kr"), "한글"),
    ("koi8r", "Да".encode("koi8_r"), "Да"),
    ("cp20866", "Да".encode("koi8_r"), "Да"),
    ("1251", "Да".encode("cp1251"), "Да"),
    ("windows-28592", "č".encode("iso8859_2"), "č"),
    ("cp28605", "€".encode("iso8859_15"), "€"),
    ("utf7", b"+AOU-", "å"),
    ("iso-8859-8-visual", "שלום".encode("iso8859_8"), "שלום"),
    ("csVISCII", b"\x02 \x05 \x06 \x14 \x19 \x1e", "Ẳ Ẵ Ẫ Ỷ Ỹ Ỵ"),
])  # fmt: skip
def test_a_label_means_what_senders_mean(label, octets, text):
    assert charsets.decode(octets, label) == text


@pytest.mark.parametrize(("label", "octets", "text"), [
    ("", "på".encode(), "på"),
    ("", "på".encode("latin-1"), "på"),
    ("us-ascii", b"\x93ok\x94", "“ok”"),
    ("us-ascii", "på".encode(), "på"),
    ("klingon", b"p\xe5", "på"),
    ("utf-8", b"p\xe5 deg", "på deg"),  # says UTF-8 and is not
    ("utf-8", "på".encode() + b"\xe5 x", "på\ufffd x"),  # UTF-8 with an error stays UTF-8
    ("utf-8", b"\xef\xbb\xbfhei", "hei"),
    ("euc-kr", "Ærlig 😀".encode(), "Ærlig 😀"),  # invalid as declared, valid as UTF-8
    # a server that labels everything as Latin
    ("iso-8859-1", "Sævör grét því".encode(), "Sævör grét því"), ("windows-1252", "på".encode(), "på"),
    ("iso-8859-15", "ÅRSMØTE ÅS".encode(), "ÅRSMØTE ÅS"), ("latin9", "It’s".encode(), "It’s"),
    ("latin1", "Привет".encode(), "Привет"),
    ("windows-1252", "Gruß…".encode("cp1252"), "Gruß…"), ("iso-8859-1", "IRMÃ…".encode("cp1252"), "IRMÃ…"),
    ("iso-8859-1", "LIBERTÉ\xa0!".encode("cp1252"), "LIBERTÉ\xa0!"), ("windows-1251", "Её".encode("cp1251"), "Её"),
])  # fmt: skip
def test_undeclared_or_wrongly_declared_octets_are_utf_8_or_windows_1252(label, octets, text):
    assert charsets.decode(octets, label) == text


META = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=%s"></head>%s'


@pytest.mark.parametrize(("label", "octets", "text"), [
    ("", (META % ("koi8-r", "Привет")).encode("koi8-r"), "Привет"),
    ("us-ascii", '<meta charset=shift_jis>テスト'.encode("cp932"), "テスト"),
    ("unknown-8bit", "<?xml version='1.0' encoding='windows-1251'?>Привет".encode("cp1251"), "Привет"),
    ("", b'<meta charset="iso-2022-jp">\x1b$B%F%9%H\x1b(B', "テスト"),
    ("utf-8", (META % ("iso-8859-1", "på")).encode(), "på"), ("iso-8859-1", (META % ("koi8-r", "på")).encode("latin-1"), "på"),
    ("", (META % ("iso-8859-1", "på")).encode(), "på"),  # a program that converted the text and left the mark
    ("", (META % ("utf-16", "på")).encode(), "på"), ("", b"<meta charset=utf-7>+ADw-", "+ADw-"),
    ("", (META % ("klingon", "p\xe5")).encode("latin-1"), "på"),
])  # fmt: skip
def test_html_says_its_own_charset_where_its_field_names_none(label, octets, text):
    """WHATWG HTML section 13.2.3.2: the transport's word counts more."""
    message = b"Content-Type: text/html" + (f"; charset={label}".encode() if label else b"") + b"\r\n\r\n" + octets
    assert part_text(message, structure.parse(message)).rpartition(">")[2] == text


def test_a_text_that_was_cut_within_a_character_stays_utf_8():
    assert charsets.decode_undeclared("blåbær".encode()[:-2]) == "blåb\ufffd"
    assert charsets.decode("blåbær".encode()[:-2], "utf-8") == "blåb\ufffd"


@pytest.mark.parametrize("label", ["idna", "punycode", "base64", "zlib", "rot13", "undefined", "hex", "unicode_escape", "a\0b",
                                   "æ", "x" * 5000, "raw_unicode_escape", "mbcs", "oem", "uu", "bz2", "../etc"])  # fmt: skip
def test_a_strangers_label_never_reaches_pythons_codecs(label):
    assert charsets.decode(b"a-b %41 \\u0041 YQ==", label) == "a-b %41 \\u0041 YQ=="
    assert not charsets.is_known(label)


@pytest.mark.parametrize("octets", [b"+2AA-", b"+AAA-", b"+2ADcAA-"])
def test_lone_surrogates_and_nul_are_replaced(octets):
    read = charsets.decode(octets, "utf-7")
    assert read.encode("utf-8")
    assert "\0" not in read


labels = st.sampled_from([*LABELS, "utf-7", "utf-32", "cp949", "hz", "cp437", "x-mac-ce"])


@given(st.binary(max_size=80), st.one_of(labels, st.text(max_size=20)))
def test_any_octets_in_any_charset_are_scalar_values(octets, label):
    word = b"=?" + label.encode("utf-8", "replace") + b"?q?" + octets + b"?="
    for read in (charsets.decode(octets, label), words.decode(octets), words.decode(word)):
        read.encode("utf-8")
        assert "\0" not in read


@given(st.text("日本語①髙ｱ亜 a\n", max_size=30))
def test_japanese_is_read_as_it_was_written(text):
    assert charsets.decode(text.encode("cp932"), "shift_jis") == text
    for codec, label in (("iso2022_jp_ext", "iso-2022-jp"), ("euc_jp", "euc-jp")):
        try:
            octets = text.encode(codec)
        except UnicodeEncodeError:
            continue
        assert charsets.decode(octets, label) == text
