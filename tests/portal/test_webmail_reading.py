"""One message in the portal: its text, its designed version, its files, what to be careful about."""

import base64
import io
import os
import re
import tracemalloc
import zipfile

import pytest

from mailcore.services.webmail import address_book, mail_settings
from mailcore.services.webmail.mail_settings import MailSettings
from tests.portal.mailing import MESSAGE, letter, put

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def html_letter(html: str, plain: str = "", *, more: str = "", sender: str = "k@x.example") -> bytes:
    head = f"From: {sender}\r\nTo: ola@alumni.example\r\nSubject: Hei\r\n{more}MIME-Version: 1.0\r\n"
    part = f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n"
    if plain:
        text = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n"
        return (
            f"{head}Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n{text}--b\r\n{part}--b--\r\n".encode()
        )
    return (head + part).encode()


def test_html_stands_in_a_frame_that_can_do_nothing(inside, core, ola):
    uid = put(core, ola)
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert 'class="message" sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "Bilder fra nettet vises ikke" in page
    assert "plan.pdf" in page
    frame = inside.get(f"/mail/INBOX/{uid}/html")
    assert "<b>ses</b>" in frame.text
    assert "onclick" not in frame.text
    assert "evil.example" not in frame.text
    assert "default-src 'none'; img-src data:;" in frame.headers["Content-Security-Policy"]
    assert "sandbox" in frame.headers["Content-Security-Policy"]


def opened(page: str) -> list[str]:
    return re.findall(r'<details class="version" name="version" open><summary>([^<]+)', page)


@pytest.mark.parametrize(
    ("octets", "html_first", "expected"),
    [
        (html_letter("<p>Hei</p>", "Hei, dette er teksten."), False, "Som ren tekst"),
        (html_letter("<p>Hei</p>", "Hei, dette er teksten."), True, "Med avsenderens utforming"),
        (html_letter("<p>Bare HTML</p>"), False, "Med avsenderens utforming"),
        (html_letter("<p>" + "x" * 4000 + "</p>", "Bruk et annet program."), False, "Med avsenderens utforming"),
        (MESSAGE, False, "Som ren tekst"),
        (MESSAGE.replace(b"text/plain; ", b"text/html; "), False, "Med avsenderens utforming"),
    ],
)
def test_plain_text_comes_first_where_it_says_something(inside, core, ola, octets, html_first, expected):
    mail_settings.save_settings(core, ola.id, MailSettings(html_first=html_first))
    page = inside.get(f"/mail/INBOX/{put(core, ola, octets)}").text
    assert opened(page) == [expected]
    assert page.index('class="body"') < page.index("<iframe")


def test_the_text_of_html_alone_keeps_its_lines_and_links(inside, core, ola):
    uid = put(
        core,
        ola,
        html_letter('<style>p{x}</style><p>Hei</p>du<br>der <a href="https://y.example/z">les</a><script>x()</script>'),
    )
    text = re.search(r'class="body"[^>]*>(.*?)</pre>', inside.get(f"/mail/INBOX/{uid}").text, re.DOTALL)[1]
    assert text.replace("&lt;", "<").replace("&gt;", ">").split() == [
        "Hei",
        "du",
        "der",
        "les",
        "<<a",
        'href="https://y.example/z"',
        'target="_blank"',
        'rel="noopener',
        "noreferrer",
        'nofollow">https://<b>y.example</b>/z</a>>',
    ]


def test_lines_that_flow_are_put_together_and_quotes_marked(inside, core, ola):
    octets = letter(text="> sitert \r\n> videre\r\nen lang \r\nlinje\r\n-- \r\nOla").replace(
        b"utf-8", b"utf-8; format=flowed"
    )
    page = inside.get(f"/mail/INBOX/{put(core, ola, octets)}").text
    assert '<span class="quoted">&gt; sitert videre</span>' in page
    assert "en lang linje\n-- \nOla" in page


def test_an_attached_message_is_no_text_of_this_one_and_can_be_saved(inside, core, ola):
    inner = "From: z@x.example\r\nSubject: inni\r\n\r\nHEMMELIG inni"
    octets = (
        "From: k@x.example\r\nSubject: utenpå\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nUtenpå\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    ).encode()
    uid = put(core, ola, octets)
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert "HEMMELIG" not in page
    path = re.search(r'href="(/mail/INBOX/\d+/file/\d+)" download>Lagre som fil', page)[1]
    assert "HEMMELIG" in inside.get(path).text


def file_path(page: str, name: str) -> str:
    return re.search(rf'href="(/mail/INBOX/\d+/file/\d+)"[^>]*>{re.escape(name)}</a>', page)[1]


def test_files_are_saved_not_shown(inside, core, ola):
    answer = inside.get(file_path(inside.get(f"/mail/INBOX/{put(core, ola)}").text, "plan.pdf"))
    assert answer.data == b"%PDF"
    assert answer.headers["Content-Disposition"] == "attachment; filename=plan.pdf"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def with_file(kind: str, name: str, content: str) -> bytes:
    return (
        "From: k@x.example\r\nSubject: fil\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHei\r\n"
        f'--b\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n{content}\r\n--b--\r\n'
    ).encode()


@pytest.mark.parametrize(("kind", "content", "shown", "type_"), [
    ("text/html", "<script>alert(1)</script>", "attachment", "application/octet-stream"),
    ("image/svg+xml", "<svg onload=alert(1)>", "attachment", "application/octet-stream"),
    ("text/plain", "<script>alert(1)</script>", "attachment", "application/octet-stream"),
    ("text/plain; charset=iso-8859-1", "hei", "inline", "text/plain; charset=iso-8859-1"),
    ("text/xml", "<x/>", "attachment", "application/octet-stream"),
    ("application/xhtml+xml", "<x/>", "attachment", "application/octet-stream"),
    ("image/png", "x", "inline", "image/png"),
    ("text/plain; charset=\"utf-7;x\"", "+ADw-script", "inline", "text/plain; charset=utf-7x"),
])  # fmt: skip
def test_s30_only_harmless_kinds_are_shown(inside, core, ola, kind, content, shown, type_):
    answer = inside.get(
        file_path(inside.get(f"/mail/INBOX/{put(core, ola, with_file(kind, 'fil', content))}").text, "fil")
    )
    assert answer.headers["Content-Disposition"].startswith(shown)
    assert answer.headers["Content-Type"] == type_
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_file_that_may_start_a_program_is_told_of(inside, core, ola):
    page = inside.get(f"/mail/INBOX/{put(core, ola, with_file('application/pdf', 'faktura.pdf.exe', 'MZ'))}").text
    assert "faktura_pdf.exe" in page
    assert "kan starte et program" in page


def test_all_files_come_as_one_zip(inside, core, ola):
    parts = "".join(
        f'--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n{content}\r\n'
        for name, content in (("æ.csv", "1"), ("../æ.csv", "2"), ("x.csv", "3" * 200_000), ("X.csv", "4"))
    )
    octets = f"From: k@x.example\r\nSubject: filer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n".encode()
    uid = put(core, ola, octets)
    assert "/files.zip" in inside.get(f"/mail/INBOX/{uid}").text
    answer = inside.get(f"/mail/INBOX/{uid}/files.zip")
    assert answer.is_streamed
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert [archive.read(name)[:3] for name in archive.namelist()] == [b"1", b"2", b"333", b"4"]
    assert len({name.casefold() for name in archive.namelist()}) == 4
    assert not [name for name in archive.namelist() if "/" in name]
    assert inside.get(f"/mail/INBOX/{put(core, ola, letter())}/files.zip").status_code == 404


@pytest.fixture(scope="module")
def large() -> bytes:
    octets = base64.encodebytes(os.urandom(25 * 2**20)).replace(b"\n", b"\r\n")
    return (
        b"From: k@x.example\r\nSubject: stor\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nSe vedlegget.\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="stor.pdf"\r\n\r\n' + octets + b"\r\n--b--\r\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "least"), [("", 0), ("/file/1", 25 * 2**20), ("/files.zip", 25 * 2**20), ("/source?save=1", 34 * 2**20)]
)
def test_s30_a_message_of_25_mb_is_read_and_saved_without_being_in_memory(inside, core, ola, large, page, least):
    uid = put(core, ola, large)
    inside.get(f"/mail/INBOX/{put(core, ola, letter())}")  # what a first page loads is not counted
    tracemalloc.start()
    answer = inside.get(f"/mail/INBOX/{uid}{page}", buffered=False)
    sent = sum(len(piece) for piece in answer.iter_encoded())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 200
    assert sent >= least
    assert answer.content_length in (sent, None)
    assert peak < 12 * 2**20
    answer.close()


def test_an_address_without_a_name_has_no_brackets_and_the_day_is_written_as_people_do(inside, core, ola):
    more = "Cc: <a@x.example>, B <b@x.example>, <c@x.example>\r\nDate: Mon, 2 Mar 2026 12:00:00 +0000\r\n"
    uid = put(core, ola, letter(sender="<k@x.example>", more=more))
    page = inside.get(f"/mail/INBOX/{uid}?lang=en").text
    assert "<dd>k@x.example</dd>" in page
    assert "<dd>a@x.example, B &lt;b@x.example&gt;, c@x.example</dd>" in page
    assert "Monday 2 March 2026" in page
    assert "mandag 2. mars 2026" in inside.get(f"/mail/INBOX/{uid}?lang=nb").text


def test_s30_no_browser_keeps_what_was_read_after_log_out(inside, core, ola):
    uid = put(core, ola, with_file("image/png", "bilde.png", "x"))
    designed = put(core, ola, html_letter("<p>Hei</p>"))
    for page in ("", "/source", "/header", "/print", "/file/1", "/files.zip"):
        assert inside.get(f"/mail/INBOX/{uid}{page}").headers["Cache-Control"] == "no-store", page
    for path in ("/mail/", f"/mail/INBOX/{designed}/html", "/mail/search?q=hei", "/mail/contacts.vcf", "/mail/compose"):
        assert inside.get(path).headers["Cache-Control"] == "no-store", path


def test_header_source_and_print(inside, core, ola):
    uid = put(core, ola)
    assert "<dt>Message-ID</dt><dd>&lt;1@outside.example&gt;</dd>" in inside.get(f"/mail/INBOX/{uid}/header").text
    source = inside.get(f"/mail/INBOX/{uid}/source")
    assert source.data == MESSAGE
    assert source.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "attachment" in inside.get(f"/mail/INBOX/{uid}/source?save=1").headers["Content-Disposition"]
    page = inside.get(f"/mail/INBOX/{uid}/print").text
    assert "grønn sal" in page
    assert "<nav" not in page


@pytest.mark.parametrize("field", ["dmarc=fail header.from=outside.example"])
def test_a_message_that_failed_our_checks_is_doubtful(inside, core, ola, field):
    forged = b"Authentication-Results: elsewhere.example; dmarc=fail\r\n"
    assert "ikke bekrefte" not in inside.get(f"/mail/INBOX/{put(core, ola, forged + MESSAGE)}").text
    ours = f"Authentication-Results: mx.alumni.example;\r\n\t{field}\r\n".encode()
    assert "ikke bekrefte" in inside.get(f"/mail/INBOX/{put(core, ola, ours + MESSAGE)}").text


@pytest.mark.parametrize(("sender", "words"), [
    ("ola@a1umni.example", "Det ligner på alumni.example"),
    ("ola@alumnl.example", "Det ligner på alumni.example"),
    ("post@storebank.example", ""), ("post@store-bank.example", "Det ligner på storebank.example"),
    ("post@storebamk.example", "Det ligner på storebank.example"),
    ("post@st\u043erebank.example", "Det ligner på storebank.example"),
    ("post@st\u043erebank.example", "slutter på st\u043erebank.example (xn--strebank-obh.example)."),
    ("post@xn--strebank-obh.example", "slutter på st\u043erebank.example (xn--strebank-obh.example)."),
    ("post@uib.example", ""),  # a letter off in a short name is another name
    ("post@xn--strebank-w9h.example", ""), ("post@mail.storebank.example", ""),
    ('"ola@alumni.example" <x@evil.example>', "men meldingen kommer fra x@evil.example"),
    ('"ola@alumni.example" <x@alumni.example>', ""),
    ('"ola@alumni.example"', "men meldingen kommer fra &lt;&gt;"),  # a name alone, which has no address
    ('"ola@alumni.example" <>', "men meldingen kommer fra &lt;&gt;"),
    ('"Ola Nordmann"', ""),
])  # fmt: skip
def test_a_sender_that_looks_like_another_is_told_of_in_words(inside, core, ola, sender, words):
    known = [("Banken", "kunde@storebank.example"), ("", "post@uio.example")]
    core.db.write(lambda tx: address_book.collect(core, tx, ola.id, known))
    page = inside.get(f"/mail/INBOX/{put(core, ola, letter(sender=sender))}").text
    assert bool(words) == ('class="banner bad"' in page)
    assert words in page


@pytest.mark.parametrize(("link", "told"), [
    ('<a href="https://evil.example/x">https://www.storebank.example/login</a>', True),
    ('<a href="https://evil.example/x"><b>storebank.no</b></a>', True),
    ("<a\nhref='http://1.2.3.4/'>www.storebank.example</a>", True),
    ('<a href=" \n//evil.exa\nmple/x">www.storebank.example</a>', True),
    ('<a href="https://www.storebank.example/x">storebank.example</a>', False),
    ('<a href="https://login.storebank.example/x">https://www.storebank.example/</a>', False),
    ('<a href="https://evil.example">les mer.</a>', False), ('<a href="https://evil.example">pris 10.50</a>', False),
    ('<a href="mailto:a@storebank.example">storebank.example</a>', False),
])  # fmt: skip
def test_a_link_that_says_one_place_and_leads_to_another_is_told_of(inside, core, ola, link, told):
    uid = put(core, ola, html_letter(link))
    assert ("En lenke sier" in inside.get(f"/mail/INBOX/{uid}").text) is told
    frame = inside.get(f"/mail/INBOX/{uid}/html").text
    assert (re.search(r"<small[^>]*>\[", frame) is not None) is told
    assert "title=" in frame


def test_newer_and_older_messages_are_a_step_away(inside, core, ola):
    a, b, c = (put(core, ola, letter(n), "Archive") for n in range(3))
    page = inside.get(f"/mail/Archive/{b}").text
    assert f'href="/mail/Archive/{c}" rel="prev"' in page
    assert f'href="/mail/Archive/{a}" rel="next"' in page


def test_an_address_that_leaves_a_list_is_offered(inside, core, ola):
    uid = put(core, ola, letter(more="List-Unsubscribe: <https://x.example/u>, <mailto:leave@x.example?subject=x>\r\n"))
    assert "to=leave@x.example" in inside.get(f"/mail/INBOX/{uid}").text


def test_pictures_that_came_along_are_shown_as_what_they_are(inside, core, ola):
    octets = (
        "From: k@x.example\r\nSubject: bilde\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        '--b\r\nContent-Type: text/html\r\n\r\n<img src="cid:a@b"><img src="cid:evil@b">\r\n'
        f"--b\r\nContent-Type: image/png\r\nContent-ID: <a@b>\r\nContent-Transfer-Encoding: base64\r\n\r\n{PIXEL}\r\n"
        "--b\r\nContent-Type: image/svg+xml\r\nContent-ID: <evil@b>\r\n\r\n<svg onload=alert(1)>\r\n--b--\r\n"
    ).encode()
    frame = inside.get(f"/mail/INBOX/{put(core, ola, octets)}/html").text
    assert frame.count("<img") == 2
    assert frame.count(" src=") == 1
    assert f'src="data:image/png;base64,{PIXEL}"' in frame


def test_n36_a_list_without_an_address_is_left_on_its_page(inside, core, ola):
    more = "List-Unsubscribe: <https://list.example/leave?a=1&b=2>\r\n"
    page = inside.get(f"/mail/INBOX/{put(core, ola, letter(more=more))}").text
    link = re.search(r'<a href="https://list.example/leave\?a=1&amp;b=2"([^>]*)>Meld deg av hos list.example</a>', page)
    assert link
    assert 'rel="noopener noreferrer nofollow"' in link[1]
    both = "List-Unsubscribe: <https://list.example/leave>, <mailto:leave@list.example>\r\n"
    assert "https://list.example" not in inside.get(f"/mail/INBOX/{put(core, ola, letter(2, more=both))}").text


NORWEGIAN = "Hei! Jeg har ikke hørt noe fra deg etter møtet. Hva gjør vi nå?"


@pytest.mark.parametrize(
    ("more", "text", "language"),
    [
        ("", NORWEGIAN, "nb"),
        ("", "Takk", ""),
        ("Content-Language: nn\r\n", "Takk", "nn"),
        ("Content-Language: a, b\r\n", "Takk", ""),
    ],
)
def test_a_machine_reads_a_message_aloud_in_its_own_language(inside, core, ola, more, text, language):
    page = inside.get(f"/mail/INBOX/{put(core, ola, letter(text=text, more=more))}").text
    assert f'<pre class="body" lang="{language}">' in page
    html = f"<html lang=en-US><body lang=en-US><p>{text}</p>"
    frame = inside.get(f"/mail/INBOX/{put(core, ola, html_letter(html, more=more))}/html").text
    assert f'<html lang="{language or "en-US"}">' in frame
    assert "<body>" in frame


def test_the_hosts_that_links_lead_to_are_told(inside, core, ola):
    html = '<a href="https://a.example/1">x</a><a href="https://a.example/2">y</a><a href="http://b.example">z</a>'
    page = inside.get(f"/mail/INBOX/{put(core, ola, html_letter(html))}").text
    hosts = page[page.index("Hvor lenkene fører") :]
    assert hosts.index("a.example <span") < hosts.index("b.example <span")
    assert 'a.example <span class="size">(2)' in hosts


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://a.example/b", "a.example"),
        ("https://bank.example@evil.example/x", "evil.example"),
        ("http://a.example:80", "a.example"),
        ("https://bank.example:" + "a" * 501 + "@evil.example/", "evil.example"),
        ("https://bank.example@bank.example@evil.example/", "evil.example"),
    ],
)
def test_the_host_of_an_address_in_plain_text_is_marked(inside, core, ola, address, host):
    page = inside.get(f"/mail/INBOX/{put(core, ola, letter(text=address))}").text
    assert f'href="{address}"' in page
    assert f"<b>{host}</b>" in page
