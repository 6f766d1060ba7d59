"""Transfer encodings and parameters as people send them (mail/reading/transfer.py, mail/reading/parameters.py)."""

import pytest

from mailcore.mail.reading import parameters, structure, text, transfer


def shown(head: bytes, body: bytes) -> str:
    octets = b"MIME-Version: 1.0\r\n" + head + b"\r\n\r\n" + body
    return text.part_text(octets, structure.parse(octets))


@pytest.mark.parametrize("written", [
    b"base64", b"BASE64", b"Base64 (standard)", b'"base64"', b"base64;", b"(x) base64", b" base64 ", b"base64 foo", b"base-64",
])  # fmt: skip
def test_an_encoding_is_recognised_however_it_is_dressed(written):
    assert shown(b"Content-Transfer-Encoding: " + written, b"SGVp") == "Hei"


@pytest.mark.parametrize(("written", "read"), [
    (b"SGVp", b"Hei"),
    (b"SGVp\r\nCg==\r\n\r\n-- \r\nSent from a list\r\n", b"Hei\n"),  # a list's footer
    (b"SGVpCg==\r\n___\r\nlist\r\n", b"Hei\n"),
    (b"SGVp\r\n\r\n_______\r\nlist mailing\r\n", b"Hei"),  # a footer behind text without padding
    (b"SA==ZQ==aQ==", b"Hei"),  # several runs
    (b"SA==\r\nZQ==\r\naQ==\r\n", b"Hei"),
    (b"SA==\r\n\r\nZWk=\r\n", b"Hei"),
    (b"SGV\r\np", b"Hei"),
    (b" S G V p ", b"Hei"),
    (b"SGVpSA", b"HeiH"),  # missing padding
    (b"SGVpS", b"Hei"),  # a lone last digit
    (b"SG*V!p", b"Hei"),
    (b"\r\n\r\nSGVp", b"Hei"),
    (b"aGk_Pz8-", b"hi???>"),  # the alphabet of web addresses
    (b"aGk_\r\nPz8-Cg==\r\n\r\nmy-list_name\r\n", b"hi???>\n"),
    (b"-_-_", b""), (b"SGVp\r\n----\r\n", b"Hei"),  # lines of a footer
    (b"aGk/\r\nSG-Vp", b"hi?Hei"),  # not after a digit of the usual one
    (b"====", b""), (b"", b""),
])  # fmt: skip
def test_base64_as_it_comes(written, read):
    assert transfer.decode(written, transfer.BASE64) == read


@pytest.mark.parametrize(("written", "read"), [
    (b"a=20b", b"a b"),
    (b"a=c3=a5", b"a\xc3\xa5"),  # small letters
    (b"line   \r\nnext\t\r\n", b"line\r\nnext\r\n"),  # rule 3
    (b"soft=  \r\nbreak", b"softbreak"),
    (b"soft=\t\nbreak  ", b"softbreak"),
    (b"kept=20  \r\n", b"kept \r\n"),
    (b"a=XYb=", b"a=XYb"),
    (b"if (a == b) c===20d", b"if (a == b) c== d"), (b"a==\r\nb", b"a=b"),  # what should have been encoded
    (b"=", b""),
])  # fmt: skip
def test_quoted_printable_as_it_comes(written, read):
    assert transfer.decode(written, transfer.QUOTED_PRINTABLE) == read


def test_uuencode_by_its_names():
    octets = b"some words before\r\nbegin 644 a.txt\r\n#2&5I\r\n`\r\nend\r\n"
    for name in ("x-uuencode", "uuencode", "X-UUE"):
        assert transfer.decode(octets, transfer.named(name)) == b"Hei"


def test_uuencode_without_its_end_or_with_empty_lines_has_no_octets_more():
    for rest in (b"", b"`\r\n", b"\r\nend\r\n", b"\r\n#2&5I\r\n\r\nend\r\n"):
        octets = b"begin 644 a.txt\r\n#2&5I\r\n" + rest
        assert transfer.decode(octets, transfer.UUENCODE) == b"Hei" * (1 + rest.count(b"#"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transfer, "BLOCK", 3)
            pieces = transfer.decode_pieces(octets, 0, len(octets), transfer.UUENCODE)
            assert b"".join(pieces) == transfer.decode(octets, transfer.UUENCODE)


@pytest.mark.parametrize(("value", "name"), [
    ("attachment;\r\n filename*0*=UTF-8''%C3%85rsberetning%20for;\r\n filename*1*=%20laget.pdf", "Årsberetning for laget.pdf"),
    ("attachment; filename*1=\"b c.pdf\"; filename*0=\"a \"", "a b c.pdf"),
    ("attachment; filename*0*=iso-8859-1'no'%E5; filename*1=\"%41.pdf\"", "å%41.pdf"),
    ("attachment; filename*=utf-8''%D0%B4.pdf; filename=d.pdf", "д.pdf"),
    ("attachment; filename*=\"=?utf-8?Q?caf=C3=A9.pdf?=\"", "café.pdf"),
    ("attachment; filename*=idna''%41.pdf", "A.pdf"),
    ("attachment; filename*=utf-8'%C3%A5", "å"), ("attachment; filename*=it's.pdf", "it's.pdf"),  # one quote of two
    ("attachment; filename*=utf-8''=?utf-8?Q?caf=C3=A9.pdf?=", "café.pdf"),
    ("attachment; filename*=''%E5", "å"),
    ("attachment; filename=\"=?utf-8?Q?m=C3=B8te.pdf?=\"", "møte.pdf"),
    ("attachment; filename==?utf-8?Q?m=C3=B8te.pdf?=", "møte.pdf"),
    ("attachment; filename=Min rapport 2025.pdf", "Min rapport 2025.pdf"),
    ("attachment; filename=Min rapport 2025.pdf; size=12", "Min rapport 2025.pdf"),
    ("attachment; filename=Min rapport.pdf size=12", "Min rapport.pdf"),
    ("attachment; filename=\"Min rapport.pdf", "Min rapport.pdf"),
    ("attachment; filename=\"a;b=c.pdf\"; x=y", "a;b=c.pdf"),
    ("attachment; filename=a/b[1].pdf", "a/b[1].pdf"),
    ("attachment; FileName = x.pdf", "x.pdf"),
    ("attachment filename=x.pdf", "x.pdf"),
    ("filename=x.pdf", "x.pdf"),
    ("attachment; name=x.pdf", "x.pdf"),
    ("form-data; name=field", ""),
    (";filename=x.pdf", "x.pdf"),
    ("attachment; (a comment; filename=no) filename=(c)x.pdf", "x.pdf"),
    ("attachment; filename*=utf-7''%2B2AA-.pdf", "\ufffd.pdf"),
    # brackets, quotes and apostrophes of names that should have been quoted
    ("attachment; filename=report(1).pdf", "report(1).pdf"), ("attachment; filename=report (1).pdf; size=1", "report (1).pdf"),
    ("attachment; filename=report(1); size=1", "report(1)"), ("attachment; filename=a (b) c (d).pdf", "a (b) c (d).pdf"),
    ("attachment; filename=a.pdf (draft); size=1", "a.pdf"), ("attachment; size=1 (x); filename=a.pdf", "a.pdf"),
    ("attachment; filename='a b.pdf'", "a b.pdf"), ("attachment; filename=\"'a b.pdf'\"", "'a b.pdf'"),
    ("attachment; filename='", "'"), ("attachment; filename=\"\"a.pdf\"\"", "a.pdf"),
    ("attachment; filename=\"a \"b\" c.pdf\"; size=1", "a \"b\" c.pdf"), ("attachment; filename=\"a.pdf\"size=\"1\"", "a.pdf"),
    ("attachment; filename=\"a.pdf\" size=\"1\"", "a.pdf"), ("attachment; filename=\"a\"x; size=\"1\"", "a"),
])  # fmt: skip
def test_the_name_of_a_file_is_read_as_it_was_meant(value, name):
    octets = b"Content-Type: application/pdf\r\nContent-Disposition: " + value.encode() + b"\r\n\r\nx"
    assert structure.parse(octets).filename == name


def test_octets_outside_ascii_in_a_name():
    for raw in ("Report – 2025.pdf".encode(), "Report – 2025.pdf".encode("cp1252")):
        assert dict(parameters.parse(b'attachment; filename="' + raw + b'"').params)["filename"] == "Report – 2025.pdf"


@pytest.mark.parametrize(("value", "kind", "params"), [
    ("application; name=\"plan.pdf\"", ("text", "plain"), {"name": "plan.pdf"}),
    ("text/html charset=utf-8", ("text", "html"), {"charset": "utf-8"}),
    ("text/html, charset=utf-8", ("text", "html"), {"charset": "utf-8"}),
    ("\"text/html\"; charset=utf-8", ("text", "html"), {"charset": "utf-8"}),
    ("TEXT / HTML ; Charset = \"utf-8\"", ("text", "html"), {"charset": "utf-8"}),
    ("text/html; charset=\"utf-8", ("text", "html"), {"charset": "utf-8"}),
    ("text/html;; ;charset=utf-8;", ("text", "html"), {"charset": "utf-8"}),
    ("text/html; charset*0=ut; charset*1=f-8", ("text", "html"), {"charset": "utf-8"}),
    ("", ("text", "plain"), {}), ("/", ("text", "plain"), {}), ("html", ("text", "html"), {}),
])  # fmt: skip
def test_a_type_is_read_as_it_was_meant(value, kind, params):
    part = structure.parse(f"Content-Type: {value}\r\n\r\nx".encode())
    assert ((part.type, part.subtype), dict(part.params)) == (kind, params)


@pytest.mark.parametrize(
    "piece", [b"(", b'"', b"a=b;", b"a*0=b;", b";", b"=", b"\\", b'"\\', b" ", b"a ", b"a=(x)", b"%41"]
)
def test_costs_of_parameters_are_bounded(piece):
    parameters.parse(b"text/plain; x=" + piece * (1_000_000 // len(piece)))
