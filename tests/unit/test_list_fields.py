"""Leaving a list by mail, as List-Unsubscribe fields are written (RFC 2369, RFC 6068)."""

import pytest

from mailcore.mail.reading.fields import Header
from mailcore.mail.showing.list_fields import MAX_SUBJECT, Leaving, LeavingPage, find_leaving_page, leaving
from tests.processor import costs_under


def field(value: str) -> bytes:
    return f"Subject: x\r\nList-Unsubscribe: {value}\r\n\r\n".encode()


@pytest.mark.parametrize(("value", "found"), [
    ("<mailto:leave@list.example>", Leaving("leave@list.example")),
    ("<mailto:leave@\r\n list.example>", Leaving("leave@list.example")),
    ("<mailto:unsub@list.example?subject=sK3fQxq-1>", Leaving("unsub@list.example", "sK3fQxq-1")),
    ("<https://l.example/x>,\r\n\t<MAILTO:u@l.example?SUBJECT=stop%20it&amp;body=a%0D%0Ab>",
     Leaving("u@l.example", "stop it", "a\nb")),
    ("(Use this) <mailto:u%2Bx@l.example?subject=a+b>", Leaving("u+x@l.example", "a+b")),
    ("mailto:u@l.example", Leaving("u@l.example")),
    ("https://l.example/?m=mailto:a@b, mailto:u@l.example", Leaving("u@l.example")),
    ("<mailto:u@l.example,v@l.example>", Leaving("u@l.example")),
    ("<mailto:?to=u@l.example&subject=x>", Leaving("u@l.example", "x")),
    ("=?utf-8?Q?=3Cmailto=3Au=40l=2Eexample=3E?=", Leaving("u@l.example")),
    ("<mailto:u@l.example?subject=a%0D%0ABcc:%20evil@x.example>", Leaving("u@l.example", "a Bcc: evil@x.example")),
    ("<mailto:u@l.example?subject=>", Leaving("u@l.example")),
    ("<mailto://u@l.example>", Leaving("u@l.example")), ("<u@l.example>", Leaving("u@l.example")),
    ("<mailto:u@l.example?subject=%E5>", Leaving("u@l.example", "å")),
    ("<mailto:not an address>, <mailto:u@l.example>", Leaving("u@l.example")),
    ("<https://l.example/x>", None), ("", None), ("<mailto:>", None), ("<mailto:u@l.example%0D%0ABcc:x@y>", None),
])  # fmt: skip
def test_the_address_and_its_subject_are_read(value, found):
    assert leaving(Header(field(value))) == found


def test_the_second_field_counts_where_the_first_takes_no_mail():
    block = b"List-Unsubscribe: <https://l.example>\r\nList-Unsubscribe: <mailto:u@l.example>\r\n\r\n"
    assert leaving(Header(block)) == Leaving("u@l.example")


@pytest.mark.parametrize(
    "value",
    [
        "<mailto:" * 100_000,
        "<" * 900_000,
        "<mailto:" + "@" * 900_000,
        "<mailto:a@b?" + "&" * 900_000 + ">",
        "mailto:," * 100_000,
        "<mailto:a@b?subject=" + "x" * 500_000 + ">",
    ],
)
def test_no_field_takes_long(value):
    with costs_under(0.5):
        found = leaving(Header(field(value)))
    assert found is None or len(found.subject) <= MAX_SUBJECT


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("<https://l.example/x?u=1&l=2>", "l.example"),
        ("<https://l.example/{a|b}/ø>", "l.example"),
        ("<mailto:u@l.example>, <https://a.l.example./x>", "a.l.example"),
        ("<http://l.example/x>, <https://m.example/x>", "m.example"),
        ("<https://l.example@evil.example/x>", ""),
        ("<https://1/x>", ""),
        ("<https://[::1/x>", ""),
        ("<https://bücher.example/x>", ""),
        ("<javascript:alert(1)>", ""),
        ('<https://l.example/"onclick=x>', ""),
        ("<https://l.example/" + "x" * 3000 + ">", ""),
        ("", ""),
    ],
)
def test_n36_a_page_by_https_is_found_and_its_host_told(value, host):
    found = find_leaving_page(Header(field(value)))
    assert (found.host if found else "") == host
    assert found is None or isinstance(found, LeavingPage)
