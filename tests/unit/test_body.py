"""Parts of a message: those that are shown, and those that are offered as files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.mail.reading import structure, text, uu_blocks
from mailcore.mail.showing import body, files, searchable
from mailcore.mail.showing.files import name_of
from mailcore.mail.showing.preview import preview
from tests.processor import costs_under


def leaf(content: str, kind: str = "text/plain", more: str = "") -> str:
    return f"Content-Type: {kind}\r\n{more}\r\n{content}"


def multi(
    subtype: str, *parts: str, boundary: str = "b", params: str = "", preamble: str = "", epilogue: str = ""
) -> str:
    inside = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/{subtype}; boundary={boundary}{params}\r\n\r\n{preamble}{inside}--{boundary}--\r\n{epilogue}"


FILE = leaf("PDF", "application/pdf; name=a.pdf")
HTML, PLAIN = leaf("<p>designed</p>", "text/html"), leaf("plain")


def views(message: str) -> tuple[str, str, list[str]]:
    """The text, the subtypes of the designed version, the names of files."""
    octets = message.encode()
    found = body.read(octets)
    shown = body.together(octets, found.written)
    designed = " ".join(body.shown(octets, part).strip() for part in found.designed)
    return " ".join(shown.split()), designed, [files.name_of(part) for _, part in found.files]


@pytest.mark.parametrize(("message", "written", "designed", "offered"), [
    (PLAIN, "plain", "", []),
    (HTML, "designed", "designed", []),
    (multi("alternative", PLAIN, HTML), "plain", "designed", []),
    (multi("alternative", leaf(" \r\n"), HTML), "designed", "designed", []),
    (multi("alternative", PLAIN, leaf("<html><body> </body></html>", "text/html")), "plain", "", []),
    (multi("alternative", PLAIN, leaf("BEGIN:VCALENDAR", "text/calendar; method=REQUEST")), "plain", "", ["invitation.ics"]),
    (multi("alternative", leaf("first"), leaf("best")), "best", "", ["file.txt"]),
    (multi("mixed", leaf("<p>First</p>", "text/html"), FILE, leaf("<p>Last</p>", "text/html")),
     "First Last", "First Last", ["a.pdf"]),
    (multi("mixed", multi("alternative", PLAIN, HTML, boundary="c"), leaf("footer")), "plain footer", "designed footer", []),
    (multi("mixed", leaf("other words"), HTML), "other words designed", "other words designed", []),
    (multi("mixed", leaf("De-signed!"), leaf("<p>De-signed!", "text/html")), "De-signed!", "De-signed!", []),
    (multi("alternative", PLAIN, multi("mixed", HTML, FILE, leaf("<p>more", "text/html"), boundary="c")),
     "plain", "designed more", ["a.pdf"]),
    (multi("alternative", PLAIN, multi("related", HTML, leaf("PNG", "image/png", "Content-ID: <l@x>\r\n"), boundary="c")),
     "plain", "designed", ["file.png"]),
    (multi("related", leaf("<p>frame", "text/html", "Content-ID: <f@x>\r\n"),
           leaf("<p>root", "text/html", "Content-ID: <r@x>\r\n"), params='; start="<r@x>"'), "root", "root", ["file.html"]),
    (multi("mixed", PLAIN, leaf("notes", 'text/plain; name="notes.txt"', "Content-Disposition: inline\r\n")),
     "plain notes", "", ["notes.txt"]),
    (multi("mixed", PLAIN, leaf("<p>page", "text/html", 'Content-Disposition: inline; filename="p.html"\r\n')),
     "plain", "", ["p.html"]),
    (leaf("<p>designed", 'text/html; name="mail.html"'), "designed", "designed", ["mail.html"]),
    (multi("mixed", PLAIN, leaf("odd", more="Content-Disposition: sidebar\r\n")), "plain", "", ["file.txt"]),
    (multi("mixed", PLAIN, leaf("Subject: inner\r\n\r\nsecret", "message/rfc822")), "plain", "", ["message.eml"]),
    (leaf("Subject: inner\r\n\r\nsecret", "message/rfc822"), "", "", ["message.eml"]),
    (leaf("x", "application/x-nobody-knows"), "", "", ["file.bin"]),
    (leaf("access-type=URL", "message/external-body; access-type=URL"), "", "", ["file.txt"]),
    (leaf("# words", "text/markdown"), "# words", "", ["file.md"]),
    (leaf("only this", more="Content-Disposition: attachment\r\n"), "only this", "", ["file.txt"]),
    (multi("report", PLAIN, leaf("Action: failed", "message/delivery-status"), leaf("Subject: x", "text/rfc822-headers")),
     "plain", "", ["file.txt", "file.txt"]),
    ("Content-Type: multipart/mixed; boundary=zzz\r\n\r\n--b\r\n\r\nhello visible\r\n--b--\r\n",
     "hello visible", "", []),
    ("Content-Type: multipart/mixed\r\n\r\nhello", "hello", "", []),
    (multi("mixed", PLAIN, "Content-Type: multipart/alternative; boundary=never\r\n\r\nhello"), "plain hello", "", []),
    (multi("mixed", leaf(""), preamble="words before\r\n"), "words before", "", []),
    (multi("mixed", PLAIN, preamble="This is MIME.\r\n"), "plain", "", []),
    (multi("mixed", leaf(""), epilogue="words behind\r\n"), "words behind", "", []),
    (multi("mixed", FILE), "", "", ["a.pdf"]),
    (multi("mixed", FILE, preamble="This is a multi-part message in MIME format.\r\n"), "", "", ["a.pdf"]),
    (multi("signed", PLAIN, leaf("sig", "application/pgp-signature")), "plain", "", ["file.asc"]),
    ("", "", "", []),
    # nothing but a picture is something to see
    (multi("mixed", leaf('<img alt="" src="cid:a@x">', "text/html"), leaf("PNG", "image/png", "Content-ID: <a@x>\r\n")),
     "", "", ["file.png"]),
    # the root by its identifier without brackets, and a root that has no words (RFC 2387)
    (multi("related", leaf("PNG", "image/png", "Content-ID: <a@x>\r\n"), leaf("<p>root", "text/html", "Content-ID: <r@x>\r\n"),
           params='; start="r@x"'), "root", "root", ["file.png"]),
    (multi("related", leaf("<smil>", "application/smil"), leaf("words", "text/plain", "Content-ID: <t>\r\n")),
     "words", "", ["file.smil"]),
    (multi("form-data", leaf("field", more='Content-Disposition: form-data; name="text"\r\n'),
           leaf("file", more='Content-Disposition: form-data; name="f"; filename="f.txt"\r\n')), "field", "", ["f.txt"]),
])  # fmt: skip
def test_each_part_is_shown_or_offered(message, written, designed, offered):
    assert views(message) == (written, designed, offered)


_PDF = "%PDF-1.4\r\n1 0 obj\r\n<< /Type /Catalog >>\r\nendobj\r\n"
_PACKED = "PK\x03\x04\x14\x00\x06\x00\x08\x00"


@pytest.mark.parametrize(("message", "written", "offered"), [
    (multi("mixed", PLAIN, leaf(_PDF, "pdf; name=plan.pdf")), "plain", ["plan.pdf"]),
    (multi("mixed", PLAIN, leaf(_PACKED, "text/plain; name=plan.docx")), "plain", ["plan.docx"]),
    (multi("mixed", leaf(_PACKED, "text/plain; name=plan.docx"), PLAIN), "plain", ["plan.docx"]),
    (leaf(_PDF, "application; name=plan.pdf"), "", ["plan.pdf"]),
    (multi("mixed", PLAIN, leaf("JVBERi0xLjQKMSAwIG9iag==", "pdf; name=plan.pdf", "Content-Transfer-Encoding: base64\r\n")),
     "plain", ["plan.pdf"]),
    (multi("mixed", PLAIN, leaf("one\x0ctwo \x1b[1mbold\x1b[0m", "text/plain; name=log.txt")), "plain one two \x1b[1mbold\x1b[0m",
     ["log.txt"]),
    (multi("mixed", PLAIN, leaf("one \x01 two", "text/plain; name=log.txt")), "plain one \x01 two", ["log.txt"]),
    (leaf("one\x01two\x02\x03\x04\x05"), "one\x01two\x02\x03\x04\x05", []),
])  # fmt: skip
def test_a_named_file_that_is_a_text_by_its_label_alone_is_offered_and_not_shown(message, written, offered):
    assert views(message)[::2] == (written, offered)


PICTURES = ['<img src="cid:a@x">', "<IMG alt=x SRC=a>", '<table background="a"><tr>', "<body\nbackground=a>"]


@pytest.mark.parametrize("html", PICTURES)
def test_html_that_is_only_a_picture_is_shown(html):
    octets = multi("alternative", leaf(""), leaf(html, "text/html")).encode()
    assert [part.subtype for part in body.read(octets).designed] == ["html"]


@pytest.mark.parametrize(
    ("name", "safe"), [("a\tb.pdf", "a b.pdf"), ("a\r\n b.pdf", "a b.pdf"), ("a\x00b\x1fc.pdf", "abc.pdf")]
)
def test_what_was_a_fold_in_a_name_is_a_blank(name, safe):
    assert files.safe_name(name) == safe


@pytest.mark.parametrize(("kind", "name"), [
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "file.docx"), ("application/msword", "file.doc"),
    ("text/plain", "file.txt"), ("text/calendar", "file.ics"), ("image/jpeg", "file.jpg"), ("image/jpg", "file.jpg"),
    ("message/rfc822", "message.eml"), ("message/global", "message.eml"), ("audio/mpeg", "file.mp3"),
    ("text/x-python", "file.py"),
    ("application/x-unheard-of", "file.bin"), ("text/x-unheard-of", "file.txt"), ("image/svg+xml", "file.svg"),
    ("application/vnd.ms-excel", "file.xls"), ("application/zip", "file.zip"), ("application/x-pkcs7-signature", "file.p7s"),
])  # fmt: skip
def test_a_part_without_a_name_gets_the_ending_of_its_type(kind, name):
    part = structure.parse(leaf("x", kind, "Content-Disposition: attachment\r\n").encode())
    assert files.name_of(part) == name


_WORDS = [f"ord{n}" for n in range(40)]
_KINDS = st.sampled_from([
    "text/plain", "text/html", "text/calendar", "text/x-odd", "image/png", "application/pdf", "application/octet-stream",
    "message/rfc822", "message/delivery-status", "message/external-body", "text/enriched", "odd", "text/plain; format=flowed",
])  # fmt: skip
_MORE = st.sampled_from([
    "", "", "", "Content-Disposition: inline\r\n", "Content-Disposition: attachment\r\n", "Content-ID: <x@y>\r\n",
    'Content-Disposition: inline; filename="n.txt"\r\n', "Content-Disposition: odd\r\n", "Content-Location: x\r\n",
    "Content-Disposition: attachment; filename=\"a.bin\"\r\n",
])  # fmt: skip
_LEAVES = st.tuples(_KINDS, _MORE).map(lambda pair: ("leaf", *pair))
_SUBTYPES = st.sampled_from(
    ["mixed", "alternative", "related", "digest", "signed", "report", "parallel", "form-data", "odd"]
)
_TREES = st.recursive(
    _LEAVES,
    lambda inside: st.tuples(st.just("multi"), _SUBTYPES, st.lists(inside, max_size=4), st.booleans()),
    max_leaves=10,
)


def _written(tree: tuple, names: list[str], depth: int = 0) -> str:
    if tree[0] == "leaf":
        _, kind, more = tree
        word = _WORDS[len(names)]
        names.append(word)
        content = (
            f"Subject: {word}\r\n\r\n{word}"
            if kind.startswith("message/")
            else f"<p>{word}"
            if "html" in kind
            else word
        )
        return leaf(content, kind, more)
    _, subtype, parts, is_met = tree
    inside = [_written(part, names, depth + 1) for part in parts]
    message = multi(subtype, *inside, boundary=f"b{depth}")
    return message if is_met else message.replace(f"boundary=b{depth}", "boundary=never", 1)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(_TREES)
def test_of_any_structure_every_word_is_shown_or_offered(tree):
    words: list[str] = []
    octets = _written(tree, words).encode()
    found = body.read(octets)
    seen = "".join(body.shown(octets, part) for part in (*found.written, *found.designed))
    seen += "".join(text.transfer_decoded(octets, part).decode() for _, part in found.files)
    assert [word for word in words if word not in seen] == []


@pytest.mark.parametrize(
    ("octets", "seen"),
    [
        (b"no header here\r\nbut two lines\r\n", "no header here\nbut two lines"),
        (b"Subject: x\r\nno empty line before this\r\n", "no empty line before this"),
        (b"Subject: x\r\nno empty line\r\n\r\na body\r\n", "a body"),  # there is a body: RFC 5322 section 2.1
    ],
)
def test_lines_that_are_no_fields_are_shown_where_nothing_else_is(octets, seen):
    assert body.readable(octets).strip() == seen


HEI = "begin 644 hei.txt\r\n#:&5I\r\n`\r\nend\r\n"


def test_a_file_within_a_text_is_offered_and_left_out_of_it():
    octets = f"Subject: x\r\n\r\nSee:\r\n\r\n{HEI}and\r\n{HEI.replace('hei.txt', '../../b c.bin')}bye\r\n".encode()
    found = body.read(octets)
    assert body.together(octets, found.written) == "See:\n\nand\nbye\n"
    assert [(number, name_of(part)) for number, part in found.files] == [(1, "hei.txt"), (2, "_.._b c.bin")]
    assert [text.transfer_decoded(octets, part) for _, part in found.files] == [b"hei", b"hei"]
    assert preview(octets) == "See: and bye"
    assert "HEI.TXT" in searchable.read(octets).fields
    assert ":&5I" not in searchable.read(octets).body


def test_files_within_a_text_are_numbered_behind_the_others():
    octets = (
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nSee\r\n' + HEI + "\r\n--b\r\n"
        "Content-Type: image/png; name=a.png\r\n\r\nx\r\n--b--\r\n"
    ).encode()
    assert [(number, name_of(part)) for number, part in body.read(octets).files] == [(1, "a.png"), (2, "hei.txt")]


@pytest.mark.parametrize("lines", [
    "begin 644 hei.txt\r\nend\r\n",  # nothing in it
    "begin 644 hei.txt\r\n#:&5I\r\n",  # no end
    "begin 644 hei.txt\r\n#:&5I\r\nand so on\r\nend\r\n",
    "begin the beguine\r\n#:&5I\r\nend\r\n",
    "> begin 644 hei.txt\r\n> #:&5I\r\n> `\r\n> end\r\n",
])  # fmt: skip
def test_what_is_no_file_within_a_text_stays_text(lines):
    octets = f"Subject: x\r\n\r\nSee:\r\n{lines}".encode()
    found = body.read(octets)
    assert found.files == ()
    assert body.together(octets, found.written) == f"See:\r\n{lines}".replace("\r\n", "\n")


def test_a_preview_that_ends_within_a_file_shows_nothing_of_it():
    octets = b"Subject: x\r\n\r\nSee:\r\nbegin 644 big\r\n" + b"M" + b"A" * 60 + b"\r\n"
    octets += (b"M" + b"A" * 60 + b"\r\n") * 5000 + b"`\r\nend\r\nbye\r\n"
    assert preview(octets) == "See:"
    assert body.readable(octets, most=200) == "See:\n"


def test_texts_full_of_beginnings_take_time_by_their_length():
    octets = b"Subject: x\r\n\r\n" + b"begin 644 x\r\n" * 200_000
    with costs_under(3):
        assert body.read(octets).files == ()
        octets = b"Subject: x\r\n\r\n" + (b"begin 644 x\r\n" + b"M" * 61 + b"\r\n") * 50_000
        assert body.read(octets).files == ()
        assert len(body.read(b"Subject: x\r\n\r\n" + HEI.encode() * 1000).files) == uu_blocks.MAX_BLOCKS
