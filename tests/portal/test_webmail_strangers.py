"""Mail as the world sends it, in the webmail: pictures, files, links, lists and warnings of strangers' making."""

import io
import re
import zipfile
from html import unescape
from urllib.parse import quote

import pytest

from tests.portal.mailing import letter, put
from tests.portal.test_webmail_reading import PIXEL, file_path, html_letter


def related(html: str, *heads: str, content: str = PIXEL, subtype: str = "related") -> bytes:
    parts = "".join(f"--b\r\n{head}Content-Transfer-Encoding: base64\r\n\r\n{content}\r\n" for head in heads)
    return (
        f"From: k@x.example\r\nSubject: bilde\r\nContent-Type: multipart/{subtype}; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/html\r\n\r\n{html}\r\n{parts}--b--\r\n"
    ).encode()


@pytest.mark.parametrize(("src", "head"), [
    ("cid:l@x", "Content-Type: image/png\r\nContent-ID: <l@x>\r\n"),
    ("cid:l@x", "Content-Type: image/png\r\nContent-ID: <l@x>\r\nContent-Disposition: attachment; filename=l.png\r\n"),
    ("cid:l@x", "Content-Type: image/jpg\r\nContent-ID: <l@x>\r\nContent-Disposition: inline\r\n"),
    ("cid:l@x", "Content-Type: application/octet-stream; name=l.png\r\nContent-ID: <l@x>\r\n"),
    ("cid:l@x", "Content-Type: image\r\nContent-ID: <l@x>\r\nContent-Disposition: attachment\r\n"),
    ("CID:L@X", "Content-Type: image/png\r\nContent-ID: <l@x>\r\n"),
    ("cid:l%40x%2B1", "Content-Type: image/png\r\nContent-ID: <l@x+1>\r\n"),
    ("cid:l@x", "Content-Type: image/png\r\nContent-ID: l@x\r\n"),
    ("cid:l@x", "Content-Type: image/png\r\nContent-ID:\r\n <l@x> (logo)\r\n"),
    ("mid:m@x/l@x", "Content-Type: image/png\r\nContent-ID: <l@x>\r\n"),
    ("image001.png", "Content-Type: image/png\r\nContent-Location: image001.png\r\n"),
    ("https://x.example/l.png", "Content-Type: image/png\r\nContent-Location: https://x.example/l.png\r\n"),
    ("cid:image001.png", "Content-Type: image/png; name=image001.png\r\n"),
])  # fmt: skip
def test_a_picture_that_came_along_is_shown_in_its_place_whatever_its_label(inside, core, ola, src, head):
    for subtype in ("related", "mixed"):
        uid = put(core, ola, related(f'<p>Hei <img src="{src}" alt="logo"></p>', head, subtype=subtype))
        assert f'src="data:image/png;base64,{PIXEL}"' in inside.get(f"/mail/INBOX/{uid}/html").text
        assert f"/mail/INBOX/{uid}/file/1" in inside.get(f"/mail/INBOX/{uid}").text


@pytest.mark.parametrize(
    "html",
    [
        '<div style="background:url(cid:l@x) #fff">Hei</div>',
        "<style>p{background-image:url('cid:l@x')}</style><p>Hei",
        '<table background="cid:l@x"><tr><td>Hei</table>',
        '<body background="cid:l@x">Hei',
    ],
)
def test_a_background_that_came_along_is_shown_too(inside, core, ola, html):
    uid = put(core, ola, related(html, "Content-Type: image/png\r\nContent-ID: <l@x>\r\n"))
    assert f"data:image/png;base64,{PIXEL}" in inside.get(f"/mail/INBOX/{uid}/html").text


def test_what_is_no_picture_is_a_file_only(inside, core, ola):
    head = "Content-Type: image/png\r\nContent-ID: <l@x>\r\n"
    uid = put(core, ola, related('<img src="cid:l@x">', head, content="PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+"))
    assert "data:" not in inside.get(f"/mail/INBOX/{uid}/html").text.replace("img-src data:", "")
    assert "file.png" in inside.get(f"/mail/INBOX/{uid}").text


def test_one_picture_a_thousand_times_does_not_fill_the_memory(inside, core, ola):
    large = PIXEL + "A" * 400_000
    uid = put(
        core,
        ola,
        related('<img src="cid:l@x">' * 1000, "Content-Type: image/png\r\nContent-ID: <l@x>\r\n", content=large),
    )
    assert len(inside.get(f"/mail/INBOX/{uid}/html").data) < 8 * 2**20


def test_two_parts_of_html_are_both_on_the_page_in_the_frame_and_in_an_answer(inside, core, ola):
    parts = ("<body>First words.</body>", "<style>p{color:red}</style><body bgcolor='#eee'><p>Last words.</body>")
    octets = "From: k@x.example\r\nSubject: to\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    octets += "".join(f"--b\r\nContent-Type: text/html\r\n\r\n{part}\r\n" for part in parts)
    octets += "--b\r\nContent-Type: text/plain\r\n\r\nFooter https://x.example/a\r\n--b--\r\n"
    uid = put(core, ola, octets.encode())
    for path in (
        f"/mail/INBOX/{uid}",
        f"/mail/INBOX/{uid}/html",
        f"/mail/INBOX/{uid}/print",
        f"/mail/compose?reply=INBOX/{uid}",
    ):
        text = inside.get(path).text
        assert text.index("First words.") < text.index("Last words.") < text.index("Footer"), path
    assert '<a href="https://x.example/a" target="_blank"' in inside.get(f"/mail/INBOX/{uid}/html").text


@pytest.mark.parametrize("name", [
    "Report – 2025.pdf", "дом.pdf", "møte.pdf", "日本語.pdf", "😀.pdf", "a\u2028b.pdf", "%41.pdf", "Ångström \u202e.pdf",
])  # fmt: skip
def test_a_file_of_any_name_is_downloaded_alone_and_in_a_zip(inside, core, ola, name):
    named = "".join(
        "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment; filename*=utf-8''{quote(name)}\r\n\r\nZGF0YQ==\r\n"
        for _ in range(3)
    )
    octets = f"From: k@x.example\r\nSubject: fil\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{named}--b--\r\n".encode()
    uid = put(core, ola, octets)
    shown = re.search(r'href="(/mail/INBOX/\d+/file/1)"[^>]*>([^<]+)</a>', inside.get(f"/mail/INBOX/{uid}").text)
    answer = inside.get(shown[1])
    assert answer.status_code == 200
    assert answer.data == b"data"
    header = answer.headers["Content-Disposition"]
    assert header.isascii()
    if not unescape(shown[2]).isascii():
        assert header.endswith(f"filename*=UTF-8''{quote(unescape(shown[2]), safe='')}")
    archive = zipfile.ZipFile(io.BytesIO(inside.get(f"/mail/INBOX/{uid}/files.zip").data))
    assert len({one.casefold() for one in archive.namelist()}) == 3


def test_a_charset_of_nobody_is_no_header_that_servers_refuse(inside, core, ola):
    octets = letter().replace(b"charset=utf-8", b"charset*=utf-8''%C5%8D; name=x")
    uid = put(core, ola, octets.replace(b"\r\n\r\n", b"\r\nContent-Disposition: attachment\r\n\r\n", 1))
    answer = inside.get(file_path(inside.get(f"/mail/INBOX/{uid}").text, "x"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].isascii()


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("<mailto:leave@\r\n list.example>", "to=leave@list.example&subject=unsubscribe"),
        ("<mailto:unsub@list.example?subject=sK3fQxq-1>", "to=unsub@list.example&subject=sK3fQxq-1"),
        ("<https://x.example>, <mailto:u@list.example?body=stop>", "to=u@list.example&subject=unsubscribe&body=stop"),
    ],
)
def test_a_list_is_left_by_the_message_that_it_asks_for(inside, core, ola, field, asked):
    uid = put(core, ola, letter(more=f"List-Unsubscribe: {field}\r\n"))
    page = unescape(inside.get(f"/mail/INBOX/{uid}").text)
    assert f'href="/mail/compose?{asked}"' in page
    assert 'value="' + re.search("to=([^&]+)", asked)[1] + '"' in inside.get(f"/mail/compose?{asked}").text


@pytest.mark.parametrize(("sender", "words"), [
    ("=?utf-8?Q?post=40alumni.example?= <x@evil.example>", "men meldingen kommer fra x@evil.example"),
    ("=?utf-8?Q?Drift=2C_post?= <p@alumnl.example>", "Det ligner på alumni.example"),
    ("=?utf-8?B?cG9zdEBhbHVtbmkuZXhhbXBsZQ==?= <x@evil.example>", "men meldingen kommer fra x@evil.example"),
    ("=?utf-8?Q?=3Cpost=40alumni.example=3E?= <x@evil.example>", "men meldingen kommer fra x@evil.example"),
    ("=?utf-8?Q?post=EF=BC=A0alumni.example?= <x@evil.example>", "men meldingen kommer fra x@evil.example"),
    ("=?utf-8?Q?post_=E2=80=8B=40_alumni.example?= <x@evil.example>", "men meldingen kommer fra x@evil.example"),
    ("x@evil.example (post@alumni.example)", "men meldingen kommer fra x@evil.example"),
    ('"Post (post@alumni.example)" <x@evil.example>', "men meldingen kommer fra x@evil.example"),
    ("Ann <ann@storebank.example>, B <b@a1umni.example>", "Det ligner på alumni.example"),
    ("=?utf-8?Q?Drift=2C_post?= <p@alumni.example>", ""), ("=?utf-8?Q?p=40alumni.example?= <p@alumni.example>", ""),
    ("=?utf-8?Q?a=40b?= <p@alumni.example>", ""),
])  # fmt: skip
def test_an_encoded_name_hides_nothing_from_the_warnings(inside, core, ola, sender, words):
    page = inside.get(f"/mail/INBOX/{put(core, ola, letter(sender=sender))}").text
    assert bool(words) == ('class="banner bad"' in page)
    assert words in page


def test_links_in_text_end_where_people_end_them(inside, core, ola):
    uid = put(core, ola, letter(text="(https://no.wikipedia.org/wiki/Bergen_(by)) https://c.example/People's_choice."))
    page = unescape(inside.get(f"/mail/INBOX/{uid}").text)
    assert 'href="https://no.wikipedia.org/wiki/Bergen_(by)"' in page
    assert 'href="https://c.example/People\'s_choice"' in page


def test_a_page_of_html_has_its_own_background(inside, core, ola):
    uid = put(
        core, ola, html_letter('<body style="background-color:#111111"><p style="color:#ffffff">Hvite ord</p></body>')
    )
    assert (
        '<body style="background-color:#111111"><p style="color:#ffffff">' in inside.get(f"/mail/INBOX/{uid}/html").text
    )


def test_a_field_of_a_hundred_thousand_signs_does_not_stop_the_page(inside, core, ola):
    more = f"List-Unsubscribe: {'<mailto:' * 10_000}\r\nReply-To: <{'@' * 90_000}>\r\nCc: {'<a@' * 30_000}\r\n"
    assert inside.get(f"/mail/INBOX/{put(core, ola, letter(more=more))}").status_code == 200


@pytest.mark.parametrize(("sender", "shown"), [
    ("<k@x.example>", "k@x.example"), ("Kari <k@x.example>", "Kari <k@x.example>"),
    ('"Nordmann, Kari" <k@x.example>', '"Nordmann, Kari" <k@x.example>'),
    ("=?utf-8?Q?Drift=2C_post?= <p@x.example>", '"Drift, post" <p@x.example>'),
    ("=?utf-8?Q?=3Cpost=40alumni.example=3E?= <x@evil.example>", '"<post@alumni.example>" <x@evil.example>'),
    ("ann@example.org via List <list@example.net>", '"ann@example.org via List" <list@example.net>'),
    ("=?utf-8?Q?=E2=80=AEelpmaxe?= <x@evil.example>", "elpmaxe <x@evil.example>"),
    ("Kari <k@x.example>, Ola <o@x.example>", "Kari <k@x.example>, Ola <o@x.example>"),
    ("undisclosed-recipients:;", "undisclosed-recipients:;"), ("nobody", "nobody"),
])  # fmt: skip
def test_people_are_shown_as_they_are_parsed(inside, core, ola, sender, shown):
    page = inside.get(f"/mail/INBOX/{put(core, ola, letter(sender=sender))}").text
    assert shown in [unescape(one) for one in re.findall("<dd>(.*?)</dd>", page)]


def test_an_invitation_counts_as_a_file_in_the_list(inside, core, ola):
    octets = letter().replace(b"Content-Type: text/plain; charset=utf-8", b"Content-Type: text/calendar")
    put(core, ola, octets)
    assert "href=#file " in inside.get("/mail/INBOX/").text
    assert "Hei" in inside.get("/mail/search?q=has:attachment").text
